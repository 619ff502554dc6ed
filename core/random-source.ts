import { randomUUID } from 'node:crypto';

/**
 * Chance, as everything in `core/` is given it: the simulation has a seeded one, so that one seed is one
 * history.
 */
export interface RandomSource {
  /** A number from 0 to 1, without 1: for pauses, never for secrets. */
  next(): number;
  /** A version 4 UUID. */
  uuid(): string;
}

/** The machine's own chance, for entries: everything else takes a `RandomSource`. */
export const systemRandom: RandomSource = {
  next: Math.random,
  uuid: randomUUID,
};
