import type { Action } from '../actions.ts';
import type { InvariantName } from '../promises.ts';

/** A history that is known to break a promise. */
export interface KnownCounterexample {
  readonly name: string;
  /** What is violated, until it is mended. */
  readonly violates: InvariantName;
  /** Why it is violated. */
  readonly reason: string;
  readonly seed: number;
  readonly actions: readonly Action[];
}

const minute = 60_000;
const prod = { controlPlane: 'prod' } as const;
const key = 'prod/3.9.1/config.json';
const change: Action = { atMs: minute, do: 'change', ...prod, hook: 'arrives' };

function stopAll(atMs: number): readonly Action[] {
  return [0, 1].map((node) => ({ atMs, do: 'stop node', ...prod, node }));
}

function bootAt(atMs: number): Action {
  return { atMs, do: 'boot data plane', ...prod, version: '3.9.1' };
}

/** Each fails today. One that suddenly passes fails the run: then it moves down, to what is mended. */
export const knownCounterexamples: readonly KnownCounterexample[] = [];

/** Each failed once, and must never fail again. */
export const mendedCounterexamples: readonly Omit<KnownCounterexample, 'reason'>[] = [
  {
    name: 'where versioning is suspended history is lost',
    violates: 'what was published stays in the history',
    seed: 1,
    actions: [{ atMs: 1, do: 'suspend versioning' }, change, { ...change, atMs: 20 * minute }],
  },
  {
    name: 'suspended versioning is silent while nothing changes',
    violates: 'a bucket that keeps no versions raises an alarm',
    seed: 1,
    actions: [change, { atMs: 3 * minute, do: 'suspend versioning' }, bootAt(12 * minute)],
  },
  {
    name: 'an old revision put back is taken for the newest where a repair was not noted',
    violates: 'revisions rise, and each names the one before it',
    seed: 1,
    actions: [
      ...stopAll(2 * minute),
      { atMs: 2 * minute, do: 'put unsigned file', key },
      { atMs: 7 * minute, do: 'put old revision back', key },
      { atMs: 8 * minute, do: 'start node', ...prod, node: 0 },
      { ...change, atMs: 9 * minute },
    ],
  },
  {
    name: 'an old frame after a pause in which a check failed is taken',
    violates: 'nothing older is published over something newer',
    seed: 1,
    actions: [
      { atMs: 1, do: 'let node lag', ...prod, node: 1, lagMs: 24 * 60 * minute },
      { atMs: 30_000, do: 'stop node', ...prod, node: 1 },
      change,
      { atMs: 4 * minute, do: 'start node', ...prod, node: 1 },
      { atMs: 4 * minute, do: 'stop node', ...prod, node: 0 },
      { atMs: 10.1 * minute, do: 'stop node', ...prod, node: 1 },
      { atMs: 16.2 * minute, do: 'start node', ...prod, node: 1 },
      { atMs: 24 * minute, do: 'start node', ...prod, node: 0 },
    ],
  },
  {
    name: 'a copied manifest over garbage is unchanged',
    violates: 'the last state is published when faults end',
    seed: 1,
    actions: [change, { atMs: 2 * minute, do: 'copy manifest over garbage', key }],
  },
  {
    name: 'the file of another control plane passes unnoticed',
    violates: 'what a stranger has written is noticed',
    seed: 1,
    actions: [change, { atMs: 2 * minute, do: 'swap manifests', key, from: 'stage/3.9.1/config.json' }],
  },
  {
    name: 'an old revision put back is loaded',
    violates: 'a data plane loads the newest revision',
    seed: 1,
    actions: [
      change,
      { atMs: 2 * minute, do: 'put old revision back', key },
      ...stopAll(2 * minute),
      // Not at once: a download that has begun may end with the revision of its beginning.
      bootAt(6 * minute),
      { atMs: 12 * minute, do: 'start node', ...prod, node: 0 },
    ],
  },
  {
    name: 'an old revision put back is published over in silence',
    violates: 'what a stranger has written is noticed',
    seed: 1,
    actions: [change, { atMs: 2 * minute, do: 'put old revision back', key }],
  },
  {
    name: 'a copied manifest over garbage passes unnoticed where something has changed',
    violates: 'what a stranger has written is noticed',
    seed: 1,
    actions: [
      change,
      { atMs: 2 * minute, do: 'copy manifest over garbage', key },
      { ...change, atMs: 3 * minute },
    ],
  },
  {
    name: 'the file of a stranger’s key passes unnoticed',
    violates: 'what a stranger has written is noticed',
    seed: 1,
    actions: [change, { atMs: 2 * minute, do: 'put file of a stranger', key }],
  },
  {
    name: 'an old frame after a pause is taken',
    violates: 'nothing older is published over something newer',
    seed: 1,
    actions: [
      { atMs: 1, do: 'let node lag', ...prod, node: 1, lagMs: 24 * 60 * minute },
      { atMs: 30_000, do: 'stop node', ...prod, node: 1 },
      change,
      { atMs: 2 * minute, do: 'start node', ...prod, node: 1 },
      { atMs: 2 * minute, do: 'stop node', ...prod, node: 0 },
      { atMs: 6 * minute, do: 'stop node', ...prod, node: 1 },
      { atMs: 22 * minute, do: 'start node', ...prod, node: 1 },
      { atMs: 30 * minute, do: 'start node', ...prod, node: 0 },
    ],
  },
  {
    name: 'an unsigned object skips the guard against emptiness',
    violates: 'an empty configuration never replaces a filled one',
    seed: 1,
    actions: [
      change,
      { atMs: 2 * minute, do: 'put unsigned file', key },
      { atMs: 2 * minute + 1, do: 'empty database', ...prod },
    ],
  },
  {
    name: 'an old frame is taken under a new signing key',
    violates: 'nothing older is published over something newer',
    seed: 1,
    actions: [
      { atMs: minute, do: 'let node lag', ...prod, node: 1, lagMs: 3 * minute },
      { ...change, atMs: 4 * minute },
      { atMs: 4.5 * minute, do: 'stop node', ...prod, node: 0 },
      { atMs: 4.5 * minute, do: 'rotate signing key' },
      { atMs: 8 * minute, do: 'start node', ...prod, node: 0 },
    ],
  },
  {
    name: 'a revision number is used twice where the status was lost',
    violates: 'revisions rise, and each names the one before it',
    seed: 1,
    actions: [
      {
        atMs: minute,
        do: 'break call',
        fault: { call: 's3.PutObject of a file', kind: 'caller dies after' },
      },
      { ...change, atMs: minute + 1 },
      { atMs: 2 * minute, do: 'put unsigned file', key },
    ],
  },
  {
    name: 'a mass deletion is published',
    violates: 'a mass deletion waits for a person',
    seed: 1,
    actions: [
      { ...change, services: 100 },
      { atMs: 2 * minute, do: 'change', ...prod, hook: 'arrives', services: 1 },
    ],
  },
  {
    name: 'another database is published',
    violates: 'another database waits for a person',
    seed: 1,
    actions: [change, { atMs: 2 * minute, do: 'replace database', ...prod }, { ...change, atMs: 3 * minute }],
  },
];
