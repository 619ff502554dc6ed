import { searchInParallel } from '../processes.ts';
import type { InvariantName } from '../promises.ts';
import { type Mutant, mutants } from './mutants.ts';

export interface SearchedMutant {
  readonly name: string;
  /** What broke; undefined where nothing did. */
  readonly invariant: InvariantName | undefined;
  /** How many histories it took. */
  readonly histories: number;
}

/** A mutant that is not found within so many histories counts as not found. */
const budgetHistories = 2_000;

/** Searches with each mutant, one after another. */
export async function findMutants(
  processes: number,
  report: (mutant: SearchedMutant) => void,
): Promise<readonly SearchedMutant[]> {
  const searched: SearchedMutant[] = [];
  for (const mutant of mutants) {
    const found = await searchWith(mutant, processes);
    report(found);
    searched.push(found);
  }
  return searched;
}

async function searchWith(mutant: Mutant, processes: number): Promise<SearchedMutant> {
  const { histories, broken } = await searchInParallel({
    processes,
    mutant,
    hasTable: false,
    firstSeed: 1,
    histories: budgetHistories,
    isOverWithFirst: true,
    hasSchedule: mutant.surroundings?.hasSchedule ?? true,
  });
  return { name: mutant.name, invariant: broken[0]?.violation.invariant, histories };
}
