import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { anchorsIn, checkReferences } from '../../lint/references.ts';

const root = mkdtempSync(join(tmpdir(), 'lifeboat-references-'));
afterAll(() => rmSync(root, { recursive: true }));

const design = ['# The design', '', '## 10. One writer', '', '[up](#the-design)'].join('\n');
const check = (file: string, content: string) =>
  checkReferences(
    new Map([
      ['docs/design.md', design],
      [file, content],
    ]),
    root,
  ).map(({ file: where, line, message }) => `${where}:${line} ${message}`);

describe('a reference', () => {
  it.each([
    ['a document', 'README.md', 'See [the design](docs/design.md).'],
    ['a heading', 'README.md', 'See [it](docs/design.md#10-one-writer).'],
    ['a heading of its own document', 'docs/other.md', '# Two words\n[above](#two-words)'],
    ['a document beside it', 'docs/other.md', '[the design](design.md#the-design)'],
    ['the web', 'README.md', '[Kong](https://konghq.com/none.md#none), <mailto:a@example.com>'],
    ['nothing at all, in a code block', 'README.md', '1. ```md\n   [none](none.md)\n   ```'],
    ['nothing at all, in code', 'README.md', 'Write `[none](none.md)`.'],
    ['a file in backticks', 'README.md', 'See `docs/design.md`.'],
    ['a heading, from a comment', 'core/a.ts', '/** Once (docs/design.md#10-one-writer). */'],
    ['a document, from a folder below', 'core/a.ts', '// ../docs/design.md says more'],
  ])('leads to %s', (_what, file, content) => {
    expect(check(file, content)).toEqual([]);
  });

  it.each([
    ['README.md', '\n[none](docs/none.md)', 'README.md:2 docs/none.md leads nowhere: there is no such file'],
    [
      'README.md',
      '[it](docs/design.md#one-writer)',
      'README.md:1 docs/design.md#one-writer leads nowhere: docs/design.md has no heading of this anchor; the nearest is #10-one-writer',
    ],
    ['docs/other.md', '[it](#none)', 'docs/other.md:1 #none leads nowhere'],
    ['docs/other.md', '[it](docs/design.md)', 'docs/other.md:1 docs/design.md leads nowhere'],
    ['README.md', '![picture](docs/none.svg)', 'README.md:1 docs/none.svg leads nowhere'],
    ['README.md', '[it]: docs/none.md', 'README.md:1 docs/none.md leads nowhere'],
    ['README.md', '<img src="docs/none.svg">', 'README.md:1 docs/none.svg leads nowhere'],
    ['README.md', 'See `core/none.ts`.', 'README.md:1 core/none.ts leads nowhere'],
    ['core/a.ts', 'f();\n// docs/none.md says why', 'core/a.ts:2 docs/none.md leads nowhere'],
    ['core/a.ts', ' * (docs/design.md#none)', 'core/a.ts:1 docs/design.md#none leads nowhere'],
    ['core/a.ts', "throw new Error('see docs/none.md');", 'core/a.ts:1 docs/none.md leads nowhere'],
    ['core/a.ts', 'const a = 1; // docs/none.md', 'core/a.ts:1 docs/none.md leads nowhere'],
    ['examples/a.sh', '# docs/none.md', 'examples/a.sh:1 docs/none.md leads nowhere'],
    ['examples/a.yaml', 'a: 1 # docs/none.md', 'examples/a.yaml:1 docs/none.md leads nowhere'],
    ['core/a.ts', '// as in design §2', 'core/a.ts:1 design § leads nowhere'],
  ])('that leads nowhere is found: in %s, %j', (file, content, message) => {
    const found = check(file, content);

    expect(found).toEqual([expect.stringContaining(message)]);
  });
});

describe('the anchors of a document', () => {
  it('are those of GitHub', () => {
    const markdown = [
      '# `lifeboat fetch`, or *how* to [ask](x.md)',
      '## Twice',
      '## Twice',
      '```sh',
      '# no heading',
      '```',
      '### Key_s & more #',
      '<a id="named"></a>',
    ].join('\n');

    expect([...anchorsIn(markdown)]).toEqual([
      'lifeboat-fetch-or-how-to-ask',
      'twice',
      'twice-1',
      'key_s--more',
      'named',
    ]);
  });
});
