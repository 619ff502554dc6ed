/** Plays a part of the histories in a process of its own, and sends what came of it to the one that asked. */
import { planRandom, planTable } from './plans.ts';
import type { InvariantName } from './promises.ts';
import { type SearchResult, type Surroundings, search } from './search.ts';

export interface SearchJob {
  /** Parts of the whole that are this process's: `index` out of `count`. */
  readonly index: number;
  readonly count: number;
  readonly hasTable: boolean;
  readonly firstSeed: number;
  readonly histories: number;
  /** Whether the first broken history is enough. */
  readonly isOverWithFirst: boolean;
  readonly hasSchedule: boolean;
  /** What counts as broken. @default what each plan counts */
  readonly counted?: readonly InvariantName[] | undefined;
}

/** Told while it searches, where another process has found something: what comes after does not matter. */
export interface SearchLimit {
  readonly lastSeed: number;
}

export type SearchAnswer = SearchResult | { readonly error: string };

const job: SearchJob = JSON.parse(process.argv[2] ?? '');
const surroundings: Surroundings = { hasSchedule: job.hasSchedule, isOverWithViolation: job.isOverWithFirst };

let lastSeed = job.firstSeed + job.histories - 1;
process.on('message', (limit: SearchLimit) => {
  lastSeed = Math.min(lastSeed, limit.lastSeed);
});

function* plans() {
  const table = job.hasTable ? planTable() : [];
  for (const [index, plan] of table.entries()) {
    if (index % job.count === job.index) {
      yield plan;
    }
  }
  for (let seed = job.firstSeed + job.index; seed <= lastSeed; seed += job.count) {
    const plan = planRandom(seed);
    yield { ...plan, counted: job.counted ?? plan.counted };
  }
}

const answer: SearchAnswer = await search(plans(), surroundings, () => job.isOverWithFirst).catch(
  (error: unknown) => ({ error: error instanceof Error ? String(error.stack) : String(error) }),
);
process.send?.(answer, () => process.exit());
