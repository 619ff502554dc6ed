import { type Paint, paintFor, plain, type Tone } from '../terminal.ts';

const tones: Readonly<Record<string, Tone>> = {
  '+': 'good',
  passed: 'good',
  '~': 'attention',
  '-': 'bad',
  failed: 'bad',
  FAILED: 'bad',
};

/** Gives the lines of a difference the tone of their sign, and outcomes their own. */
export function tint(text: string, paint: Paint = paintFor()): string {
  return paint === plain
    ? text
    : text
        .replaceAll(/^([+~-]) .*$/gm, (line, sign: string) => paint(line, tones[sign] ?? 'faint'))
        .replaceAll(/(?<=^ {2}|: )(passed|failed|FAILED)(?=\b)/gm, (outcome) =>
          paint(outcome, tones[outcome] ?? 'faint'),
        );
}
