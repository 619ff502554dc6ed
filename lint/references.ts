/** Links between the documents, and from comments to documents and files: each must lead somewhere. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import GithubSlugger from 'github-slugger';
import { commentsIn } from './comments.ts';
import type { Finding } from './finding.ts';
import { houses } from './floors.ts';

/** Contents by path from the root of the repository. */
export type SourceFiles = ReadonlyMap<string, string>;

interface Reference {
  readonly file: string;
  readonly line: number;
  /** As it is written. */
  readonly written: string;
  /** Where it may lead: paths from the root, the first that exists counts. */
  readonly paths: readonly string[];
  readonly anchor: string | undefined;
}

const name = 'reference';

/**
 * Finds references that lead nowhere.
 *
 * @param root the folder of the files, for what is no text: pictures, folders
 */
export function checkReferences(files: SourceFiles, root: string): readonly Finding[] {
  const anchors = new Map<string, ReadonlySet<string>>();
  const anchorsOf = (path: string): ReadonlySet<string> => {
    const known = anchors.get(path) ?? anchorsIn(files.get(path) ?? '');
    anchors.set(path, known);
    return known;
  };
  const exists = (path: string) => files.has(path) || existsSync(join(root, path));

  const leadNowhere = [...files].flatMap(([file, content]) =>
    (file.endsWith('.md') ? referencesInDocument(file, content) : referencesInSource(file, content)).flatMap(
      (reference): readonly Finding[] => {
        const path = reference.paths.find(exists);
        if (path === undefined) {
          return [finding(reference, 'there is no such file: correct the path')];
        }
        const isAnchored = reference.anchor !== undefined && path.endsWith('.md');
        return isAnchored && !anchorsOf(path).has(reference.anchor ?? '')
          ? [
              finding(
                reference,
                `${path} has no heading of this anchor${nearest(reference.anchor ?? '', anchorsOf(path))}`,
              ),
            ]
          : [];
      },
    ),
  );
  return [...leadNowhere, ...[...files].flatMap(([file, content]) => unfollowable(file, content))];
}

function finding(
  { file, line, written }: Pick<Reference, 'file' | 'line' | 'written'>,
  why: string,
): Finding {
  return { rule: name, file, line, message: `${written} leads nowhere: ${why}` };
}

/** The anchors of a document, as GitHub makes them from its headings. */
export function anchorsIn(markdown: string): ReadonlySet<string> {
  const slugger = new GithubSlugger();
  const prose = withoutFences(markdown);
  const headings = [...prose.matchAll(/^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/gm)].map(
    ([, heading = '']) =>
      slugger.slug(heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>`]*>(?!`)/g, '')),
  );
  const named = [...prose.matchAll(/<a\s[^>]*\b(?:id|name)="([^"]+)"/g)].map(([, id = '']) => id);
  return new Set([...headings, ...named]);
}

/** Code stays out, with as many lines in its place. */
function withoutFences(markdown: string): string {
  return markdown.replace(
    /^[ \t]*(?:(?:\d+\.|[-*]) )?(`{3,}|~{3,})[\s\S]*?^[ \t]*\1[`~]*[ \t]*$/gm,
    (fence) => fence.replace(/[^\n]/g, ''),
  );
}

function referencesInDocument(file: string, content: string): readonly Reference[] {
  const text = withoutFences(content);
  const prose = text.replace(/(`+)[^`\n]*\1/g, (code) => ' '.repeat(code.length));
  const lineOf = (index: number) => text.slice(0, index).split('\n').length;
  const links = [
    ...prose.matchAll(/\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s<>]*)*)/g),
    ...prose.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s<>]+)/gm),
    ...prose.matchAll(/<[^>]*\b(?:href|src)="([^"]+)"/g),
  ].filter(([, written = '']) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(written));
  return [
    ...links.map(({ index, 1: written = '' }): Reference => {
      const [target = '', anchor] = written.split('#', 2);
      const path = decodeURI(target.replace(/\?.*$/, ''));
      const fromRoot = path.startsWith('/') ? path.slice(1) : join(dirname(file), path);
      return {
        file,
        line: lineOf(index),
        written,
        paths: [path === '' ? file : normalize(fromRoot).replace(/\/$/, '')],
        anchor,
      };
    }),
    ...[...text.matchAll(namedFile)].map(({ index, 1: path = '' }) => ({
      file,
      line: lineOf(index),
      written: path,
      paths: [path],
      anchor: undefined,
    })),
  ];
}

/** A file or folder of the repository in backticks. */
const namedFile = new RegExp(`\`((?:${houses.join('|')}|docs)/[\\w./-]*)\``, 'g');

/** Documents in comments, and in messages where they begin with `docs/`. */
function referencesInSource(file: string, content: string): readonly Reference[] {
  const comments = new Map(commentsIn(file, content).map(({ line, comment }) => [line, comment]));
  return content.split('\n').flatMap((text, index) => {
    const pattern = /(?<![\w/.@-])((?:\.{1,2}\/)?(?:[\w.-]+\/)*[\w.-]+\.md)\b(?:#([\w-]+))?/g;
    const inComment = [...(comments.get(index + 1) ?? '').matchAll(pattern)];
    const inMessage = [...text.matchAll(pattern)].filter(
      ([written, path = '']) => path.startsWith('docs/') && !inComment.some(([known]) => known === written),
    );
    return [...inComment, ...inMessage].map(([written, path = '', anchor]) => ({
      file,
      line: index + 1,
      written,
      paths: path.startsWith('.') ? [join(dirname(file), path)] : [path, join(dirname(file), path)],
      anchor,
    }));
  });
}

/** References to papers that the repository does not hold. */
function unfollowable(file: string, content: string): readonly Finding[] {
  return content
    .split('\n')
    .flatMap((text, index) =>
      [...text.matchAll(/\b(?:design|facts) §|\bdesign decision \d|\bkong-facts\b|\.\.\/shared\/\w/g)].map(
        ([written]) =>
          finding(
            { file, line: index + 1, written },
            'the repository does not have it: name a heading of docs/design.md or docs/kong.md',
          ),
      ),
    );
}

function nearest(anchor: string, anchors: ReadonlySet<string>): string {
  const words = new Set(anchor.split('-'));
  const shared = (other: string) => other.split('-').filter((word) => words.has(word)).length;
  const [best] = [...anchors].sort((one, other) => shared(other) - shared(one));
  return best !== undefined && shared(best) > 0 ? `; the nearest is #${best}` : '';
}
