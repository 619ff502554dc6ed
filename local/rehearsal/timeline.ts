import { performance } from 'node:perf_hooks';
import { styleText } from 'node:util';
import type { Manifest } from '../../core/vault/manifest.ts';

/** Tells a person what happens, a line per step, each with the second at which it was done. */
export interface Timeline {
  readonly title: (text: string) => void;
  /** Something was done. */
  readonly step: (what: string, details?: string) => void;
  /** Something was to be shown: whether it held; null for what was left out. */
  readonly result: (what: string, held: boolean | null, details: string) => void;
  readonly seconds: () => number;
  readonly paint: Paint;
}

/** Gives words a look, where that can be seen. */
export type Paint = (look: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string;

/** For who reads it in a file, or has said so (no-color.org). */
export const plainly: Paint = (_look, text) => text;

/** With colours on a terminal that has some. */
export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb'
    ? (look, text) => styleText(look, text, { validateStream: false })
    : plainly;
}

const marks = {
  held: { mark: '✓', look: 'green' },
  failed: { mark: '✗', look: 'red' },
  leftOut: { mark: '–', look: 'yellow' },
} as const;

export function startTimeline(write: (line: string) => void, paint: Paint = plainly): Timeline {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  const tell = (what: string, outcome: keyof typeof marks, details: string) => {
    const { mark, look } = marks[outcome];
    const at = paint('dim', `${seconds().toFixed(1).padStart(6)} s`);
    const words = outcome === 'held' ? details : paint(look, details);
    write(`${at}  ${paint(look, mark)} ${details === '' ? what : `${what.padEnd(30)}  ${words}`}\n`);
  };
  return {
    title: (text) => write(`\n${paint('bold', text)}\n\n`),
    step: (what, details = '') => tell(what, 'held', details),
    result: (what, held, details) =>
      tell(what, held === null ? 'leftOut' : held ? 'held' : 'failed', details),
    seconds,
    paint,
  };
}

/** `revision 2 · 64 entities (services 7, routes 7, …) · 32.1 kB` */
export function describeManifest({ revision, entities, size }: Manifest): string {
  const { total = 0, ...types } = entities;
  const largestFirst = Object.entries(types)
    .filter(([type]) => type !== 'workspaces' && type !== 'parameters')
    .sort(([, a], [, b]) => b - a)
    .map(([type, count]) => `${type} ${count}`);
  const named = [...largestFirst.slice(0, 3), ...(largestFirst.length > 3 ? ['…'] : [])].join(', ');
  // A manifest that would grow too large holds the total alone.
  return `revision ${revision} · ${total} entities${named === '' ? '' : ` (${named})`} · ${formatKilobytes(size)}`;
}

export function formatKilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** `1 export`, `2 exports` */
export function countNoun(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
