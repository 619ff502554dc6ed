import type { RandomSource } from '../../core/random-source.ts';

/** Chance of one history: the same seed gives the same numbers on every machine. */
export class SeededRandom implements RandomSource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Mulberry32: 32 bits of state are plenty for a history of some thousand draws. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => Math.floor(this.next() * 16).toString(16)).join('');
    const groups = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
    return [...groups, hex.slice(20)].join('-');
  }

  /** A whole number from `least` to `most`, both included. */
  pickNumber(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pickOne<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) {
      throw new RangeError('there is nothing to choose from');
    }
    return item;
  }

  /** @param probability from 0 to 1 */
  happens(probability: number): boolean {
    return this.next() < probability;
  }
}
