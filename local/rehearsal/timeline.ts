import { performance } from 'node:perf_hooks';
import type { Manifest } from '../../core/vault/manifest.ts';

/** Tells a person what happens, a line per step, each with the second at which it was done. */
export interface Timeline {
  readonly title: (text: string) => void;
  readonly step: (what: string, details?: string) => void;
  readonly seconds: () => number;
}

export function startTimeline(write: (line: string) => void): Timeline {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  return {
    title: (text) => write(`\n${text}\n\n`),
    step: (what, details = '') =>
      write(`${seconds().toFixed(1).padStart(6)} s  ${what.padEnd(30)}  ${details}`.trimEnd().concat('\n')),
    seconds,
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
