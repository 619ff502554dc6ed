import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { anchorsOf, listFiles, proseOf } from './markdown.ts';

interface Reference {
  readonly from: string;
  readonly path: string;
  readonly anchor: string | undefined;
}

/** `[text](path#anchor)`, relative to the file that says so. */
function linksIn(file: string): readonly Reference[] {
  return [...proseOf(file).matchAll(/\]\(([^)\s#]*)(?:#([^)\s]+))?\)/g)]
    .filter(([, path = '']) => !/^[a-z]+:/.test(path))
    .map(([, path = '', anchor]) => ({
      from: file,
      path: path === '' ? file : normalize(join(dirname(file), path)),
      anchor,
    }));
}

/** `docs/kong.md#seeding` in a comment or a message, from the repository's root. */
function citationsIn(file: string): readonly Reference[] {
  return [...readFileSync(file, 'utf8').matchAll(/(?<![\w/.-])(docs\/[\w-]+\.md)(?:#([\w-]+))?/g)].map(
    ([, path = '', anchor]) => ({ from: file, path, anchor }),
  );
}

/** Files of the repository that prose names in backticks. */
function namedFilesIn(file: string): readonly Reference[] {
  return [
    ...proseOf(file).matchAll(
      /`((?:bench|bin|build|cli|core|docs|examples|lambdas|lib|local|policy|simulators|template|test)\/[\w./-]*)`/g,
    ),
  ].map(([, path = '']) => ({ from: file, path, anchor: undefined }));
}

function isDead({ path, anchor }: Reference): boolean {
  return !existsSync(path) || (anchor !== undefined && !anchorsOf(path).has(anchor));
}

const documents = listFiles(['.md']);
const sources = listFiles(['.ts', '.mjs', '.sh', '.yaml', '.yml', 'Dockerfile']).filter(
  (file) => file !== 'test/docs/references.test.ts',
);

describe('a reference to a document', () => {
  it('leads from each document to a file, and to a heading in it', () => {
    const links = documents.flatMap(linksIn);

    expect(links.length).toBeGreaterThan(100);
    expect(links.filter(isDead)).toEqual([]);
  });

  it('leads from the code to a document, and to a heading in it', () => {
    const citations = sources.flatMap(citationsIn);

    expect(citations.length).toBeGreaterThan(25);
    expect(citations.filter(isDead)).toEqual([]);
  });

  it('is never one that a reader of the repository does not have', () => {
    const unknown = [...sources, ...documents].filter((file) =>
      /\(design (§|decision)|\bfacts §|kong-facts|\.\.\/shared\//.test(readFileSync(file, 'utf8')),
    );

    expect(unknown).toEqual([]);
  });
});

describe('a file that a document names', () => {
  it('is there', () => {
    const named = documents.flatMap(namedFilesIn);

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(isDead)).toEqual([]);
  });
});
