import { makeThreadWorkSynchronous } from './engine/synchronous.ts';
import type { HistoryOptions, HistoryResult } from './history.ts';
import type { Plan } from './plans.ts';
import { findViolation, type Violation } from './promises.ts';

// Before anything is loaded that takes what it replaces.
makeThreadWorkSynchronous();
const { playHistory } = await import('./history.ts');
const { makeSigningKey } = await import('./world/keys.ts');
const keys: HistoryOptions['keys'] = {
  own: [await makeSigningKey(), await makeSigningKey()],
  stranger: await makeSigningKey(),
};

/** A history in which a promise was broken. */
export interface BrokenHistory {
  readonly plan: Plan;
  readonly violation: Violation;
}

export interface SearchResult {
  readonly histories: number;
  readonly steps: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Cells of the table call × fault. */
  readonly reached: readonly string[];
  readonly broken: readonly BrokenHistory[];
  /** Of each event log, by the name of its history. */
  readonly digests: readonly (readonly [name: string, digest: string])[];
}

export type Surroundings = Pick<HistoryOptions, 'hasSchedule' | 'isOverWithViolation' | 'observe'>;

/** Plays a plan. */
export function playPlan(plan: Plan, surroundings: Surroundings = {}): Promise<HistoryResult> {
  return playHistory({ ...plan, ...surroundings, keys });
}

/**
 * Plays plans, one after another.
 *
 * @param isOver asked with each broken history
 */
export async function search(
  plans: Iterable<Plan>,
  surroundings: Surroundings = {},
  isOver: (broken: BrokenHistory) => boolean = () => false,
): Promise<SearchResult> {
  const digests: [string, string][] = [];
  const outcomes = new Map<string, number>();
  const reached = new Set<string>();
  const broken: BrokenHistory[] = [];
  let histories = 0;
  let steps = 0;
  for (const plan of plans) {
    const result = await playPlan(plan, surroundings);
    histories += 1;
    steps += result.steps;
    digests.push([plan.name, result.digest]);
    for (const [outcome, count] of result.outcomes) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    }
    for (const cell of result.reached) {
      reached.add(cell);
    }
    const violation = findViolation(result, plan);
    if (violation !== undefined) {
      const history = { plan, violation };
      broken.push(history);
      if (isOver(history)) {
        break;
      }
    }
  }
  return {
    histories,
    steps,
    outcomes: Object.fromEntries(outcomes),
    reached: [...reached],
    broken,
    digests,
  };
}
