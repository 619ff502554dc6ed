/** A line of a comment, or the comment at the end of a line of code. */
export interface CommentLine {
  /** From 1. */
  readonly line: number;
  /** The whole line. */
  readonly text: string;
  /** What of it is the comment. */
  readonly comment: string;
}

const marks: Readonly<Record<string, RegExp>> = {
  sh: /^\s*#.*$|(?<=\s)# [^'"]*$/,
  // A line that begins as a comment, or ends with one that is not inside of a text.
  ts: /^\s*(?:\/\/|\/\*|\*).*$|(?<=[;,{([\s])\/\/ [^'"`]*$/,
};

const languages: Readonly<Record<string, keyof typeof marks>> = {
  ts: 'ts',
  mjs: 'ts',
  sh: 'sh',
  yaml: 'sh',
  yml: 'sh',
  env: 'sh',
  service: 'sh',
  Dockerfile: 'sh',
};

/** The comments of a source file; none where the language is not known. */
export function commentsIn(path: string, content: string): readonly CommentLine[] {
  const ending = path.split(/[./]/).at(-1) ?? '';
  const mark = marks[languages[ending] ?? ''];
  if (mark === undefined) {
    return [];
  }
  return content.split('\n').flatMap((text, index) => {
    const [comment] = mark.exec(text) ?? [];
    return comment === undefined ? [] : [{ line: index + 1, text, comment }];
  });
}
