/** What a terminal can show, and a pipe cannot. */
import type { WriteStream } from 'node:tty';

type Stream = Pick<WriteStream, 'isTTY'> & Partial<Pick<WriteStream, 'columns' | 'hasColors'>>;

const codes = { good: 32, bad: 31, attention: 33, faint: 2, strong: 1 } as const;
export type Tone = keyof typeof codes;

/** Puts a tone around words, or leaves them as they are. */
export type Paint = (text: string, tone: Tone) => string;

export const plain: Paint = (text) => text;

/**
 * Colour, on a terminal that has it. Node knows NO_COLOR, FORCE_COLOR and TERM=dumb (`tty`,
 * `getColorDepth`).
 */
export function paintFor(
  stream: Stream = process.stdout,
  parameters: readonly string[] = process.argv,
): Paint {
  const isColourful = stream.isTTY && stream.hasColors?.() === true && !parameters.includes('--no-color');
  return isColourful ? (text, tone) => `\u001b[${codes[tone]}m${text}\u001b[0m` : plain;
}

/** How wide a line may be; without end where no terminal shows it. */
export function columnsOf(stream: Stream = process.stdout): number {
  return stream.isTTY ? Math.max(20, stream.columns ?? 80) : Number.POSITIVE_INFINITY;
}

/** Without what only sets a tone. */
export function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the beginning of a tone
  return text.replaceAll(/\u001b\[\d+m/g, '').length;
}

/**
 * Breaks a text between words. A word that is wider than a line stays whole: it is a name to be copied.
 *
 * @param indent of each line but the first
 */
export function wrap(text: string, columns: number, indent: string): string {
  if (visibleLength(text) <= columns) {
    return text;
  }
  const [, before = '', words = ''] = /^( *)(.*)$/s.exec(text) ?? [];
  const lines: string[] = [];
  let line = before;
  let isEmpty = true;
  for (const word of words.split(' ')) {
    if (!isEmpty && word !== '' && visibleLength(line) + 1 + visibleLength(word) > columns) {
      lines.push(line.trimEnd());
      line = `${indent}${word}`;
    } else {
      line = isEmpty ? `${line}${word}` : `${line} ${word}`;
    }
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}
