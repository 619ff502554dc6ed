import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { listFiles } from './markdown.ts';

// Without its code blocks: test/lib/operations holds those.
const runbook = readFileSync('docs/runbook.md', 'utf8').replaceAll(/^ *(?:\d+\. )?```[\s\S]*?^ *```$/gm, '');
const readSources = (...folders: readonly string[]) =>
  listFiles(['.ts'])
    .filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');

describe('the runbook', () => {
  it('quotes log lines as the code writes them', () => {
    const sources = readSources('core', 'lambdas', 'lib');

    const quoted = [
      // Several words of small letters are a log line; a command has other characters.
      ...[...runbook.matchAll(/`([a-z]+(?: [a-z’,]+)+)`/g)].map(([, line = '']) => line),
      ...[...runbook.matchAll(/"(the environment [^"]+)"/g)].map(([, line = '']) => line),
    ].filter((line) => !/^(cdk|lifeboat|aws|kong) /.test(line));

    expect(quoted.length).toBeGreaterThan(4);
    expect(quoted.filter((line) => !sources.includes(line))).toEqual([]);
  });

  it('says what to do for each code that a failed export may have, and for no other', () => {
    const codesIn = (file: string) => {
      const [, codes = ''] = /export type \w+ErrorCode =([^;]+);/.exec(readFileSync(file, 'utf8')) ?? [];
      return [...codes.matchAll(/'([a-z-]+)'/g)].map(([, code = '']) => code);
    };
    const [, section = ''] = runbook.split('\n## Export failing\n');

    const explained = [...(section.split('\n## ')[0] ?? '').matchAll(/^- `([a-z-]+)`:/gm)].map(
      ([, code = '']) => code,
    );

    // An outage has an alarm of its own, and so has a version that is not served. A bad manifest is the data
    // plane's to refuse, and the export replaces it. A bad status is as good as none.
    const others = ['unreachable', 'incompatible', 'manifest', 'status'];
    const known = [...codesIn('core/kong/errors.ts'), ...codesIn('core/vault/errors.ts')];
    expect(known).toEqual(expect.arrayContaining(others));
    expect(explained.sort()).toEqual(known.filter((code) => !others.includes(code)).sort());
  });

  it('names widgets of the dashboards as they are titled', () => {
    const sources = readSources('lib/operations', 'lib/replica');

    const named = [...runbook.matchAll(/dashboard \(_([^_]+)_\)/g)].map(([, title = '']) => title);

    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((title) => !sources.includes(title))).toEqual([]);
  });
});
