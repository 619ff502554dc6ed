/** What a check has found, and how it is told. */
import { columnsOf, type Paint, paintFor, plain, type Tone, wrap } from '../terminal.ts';

/** `unknown`: the check could not be made, which is not good. */
export type Outcome = 'good' | 'attention' | 'bad' | 'unknown';

export const checks = [
  'credentials',
  'clock',
  'endpoint',
  'control-plane',
  'certificate',
  'alarms',
  'notifications',
  'runbook',
  'plugins',
  'wasm-filters',
  'versions',
] as const;
export type Check = (typeof checks)[number];

export interface Finding {
  readonly check: Check;
  readonly outcome: Outcome;
  readonly what: string;
  /** What to do. @default nothing */
  readonly next?: string | undefined;
}

/** A check that needs an option which was not given. */
export interface Skipped {
  readonly checks: readonly Check[];
  readonly next: string;
}

const marks: Readonly<Record<Outcome, readonly [mark: string, tone: Tone]>> = {
  good: ['✓', 'good'],
  attention: ['!', 'attention'],
  bad: ['✗', 'bad'],
  unknown: ['?', 'faint'],
};

/** Marks where there is colour, words where there is none. */
export function formatFindings(
  findings: readonly Finding[],
  skipped: readonly Skipped[],
  paint: Paint = paintFor(),
  columns: number = columnsOf(),
): string {
  const widest = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, outcome, what, next }) => {
    const [mark, tone] = marks[outcome];
    const sign = paint === plain ? outcome.padEnd('attention'.length) : paint(mark, tone);
    return [
      wrap(`${sign} ${check.padEnd(widest)}  ${what}`, columns, '    '),
      ...(next === undefined ? [] : [wrap(`    next: ${next}`, columns, '    ')]),
    ];
  });
  const others = skipped.map(({ checks: names, next }) =>
    wrap(`Not checked: ${names.join(', ')}. ${next}.`, columns, '  '),
  );
  const count = findings.filter(({ outcome }) => outcome !== 'good').length;
  const sum =
    count === 0
      ? paint('Nothing needs attention.', 'good')
      : paint(`${count} of ${findings.length} findings need attention.`, 'attention');
  return `${[...lines, ...others, sum].join('\n')}\n`;
}
