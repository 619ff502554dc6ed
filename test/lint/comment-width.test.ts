import { describe, expect, it } from '@jest/globals';
import { checkCommentWidth } from '../../lint/comment-width.ts';

const linesOf = (file: string, content: string) =>
  checkCommentWidth(new Map([[file, content]])).map(({ line }) => line);
/** A line of so many columns. */
const wide = (start: string, columns: number) =>
  `${start} ${'word '.repeat(30)}`.slice(0, columns - 1).concat('.');

describe('the width of a comment', () => {
  it.each([
    ['core/a.ts', '//'],
    ['core/a.ts', '  /**'],
    ['core/a.ts', '   *'],
    ['core/a.ts', 'const a = 1; //'],
    ['simulators/a.mjs', '//'],
    ['examples/a.sh', '#'],
    ['examples/a.yaml', 'a: 1 #'],
  ])('is at most 110 columns: in %s, after %j', (file, start) => {
    expect(linesOf(file, `\n${wide(start, 110)}`)).toEqual([]);
    expect(linesOf(file, `\n${wide(start, 111)}`)).toEqual([2]);
  });

  it('is counted in characters', () => {
    expect(linesOf('core/a.ts', `// an ${'→ '.repeat(50)}end`)).toEqual([]);
  });

  it.each([
    ['a link', 'core/a.ts', `// https://example.com/${'a'.repeat(120)}`],
    ['a text', 'core/a.ts', wide("const a = '// no comment", 120).concat("';")],
    ['a document', 'README.md', wide('#', 120)],
  ])('is not asked of %s', (_what, file, line) => {
    expect(linesOf(file, line)).toEqual([]);
  });
});
