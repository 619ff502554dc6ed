import { commentsIn } from './comments.ts';
import type { Finding } from './finding.ts';
import type { SourceFiles } from './references.ts';

/** As wide as the formatter makes code (biome.json). */
const columns = 110;

/** Finds comments that are wider than code. One that has no space to break it at, a link, is left alone. */
export function checkCommentWidth(files: SourceFiles): readonly Finding[] {
  return [...files].flatMap(([file, content]) =>
    commentsIn(file, content)
      .filter(({ text, comment }) => [...text].length > columns && /\S\s+\S+\s+\S/.test(comment))
      .map(({ line, text }) => ({
        rule: 'comment-width',
        file,
        line,
        message: `has a comment of ${[...text].length} columns: break it before column ${columns + 1}, or say it in fewer words`,
      })),
  );
}
