import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { fetchCommand } from '../../cli/fetch.ts';
import { inspectCommands } from '../../cli/inspect.ts';
import { operatorCommands } from '../../cli/operate.ts';
import { publicKeyCommand } from '../../cli/public-key.ts';
import { standbyCommand } from '../../cli/standby.ts';
import { listFiles } from './markdown.ts';

const texts = [...listFiles(['.md']), '.ci/run'].map((file) => [file, readFileSync(file, 'utf8')] as const);

describe('the commands that documents name', () => {
  it('are scripts of package.json', () => {
    const scripts = new Set(Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts));

    const named = texts.flatMap(([file, text]) =>
      [...text.matchAll(/\bnpm run (?:--?[\w-]+ )*([\w:-]+)/g)].map(([, script = '']) => ({ file, script })),
    );

    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ script }) => !scripts.has(script))).toEqual([]);
  });

  it('are benches that there are', () => {
    const benches = readFileSync('bench/bench.ts', 'utf8');

    const named = texts.flatMap(([file, text]) =>
      [...text.matchAll(/\bnpm run bench -- ([a-z][a-z-]*)/g)].map(([, bench = '']) => ({ file, bench })),
    );

    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ bench }) => !benches.includes(`.command('${bench}')`))).toEqual([]);
  });

  it('are commands and options of lifeboat', () => {
    const known = new Map(
      [fetchCommand(), publicKeyCommand(), standbyCommand(), ...inspectCommands(), ...operatorCommands()].map(
        (command) => [
          command.name(),
          new Set(['--help', ...command.options.flatMap(({ long }) => long ?? [])]),
        ],
      ),
    );

    const calls = texts.flatMap(([file, text]) =>
      [
        ...text
          .replaceAll(/\\\n\s*/g, '')
          .matchAll(/\blifeboat (?:-- )?([a-z-]+)((?:[^\n`]| )*? --[^\n`]*)/g),
      ].map(([, command = '', options = '']) => ({
        file,
        command,
        options: [...options.matchAll(/ (--[a-z-]+)/g)].map(([, option = '']) => option),
      })),
    );

    expect(calls.length).toBeGreaterThan(5);
    expect(
      calls.filter(
        ({ command, options }) =>
          !known.has(command) || options.some((option) => known.get(command)?.has(option) !== true),
      ),
    ).toEqual([]);
  });
});
