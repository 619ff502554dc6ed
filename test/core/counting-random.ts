import type { RandomSource } from '../../core/random-source.ts';

/** Chance without chance: always the middle, and ids that count from 1. */
export function countingRandom(): RandomSource {
  let count = 0;
  return {
    next: () => 0.5,
    uuid() {
      count += 1;
      return `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
    },
  };
}
