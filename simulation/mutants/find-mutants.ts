import { searchInParallel } from '../processes.ts';
import type { InvariantName } from '../promises.ts';
import { type Mutant, mutants } from './mutants.ts';

export interface SearchedMutant {
  readonly name: string;
  /** What broke; undefined where nothing did. */
  readonly invariant: InvariantName | undefined;
  /** How many histories it took, in the order of their seeds. */
  readonly histories: number;
}

/** A mutant that is not found within so many histories counts as not found. */
const budgetHistories = 2_000;
const firstSeed = 1;

/** Searches with each mutant whose name has a text, one after another. */
export async function findMutants(
  text: string,
  processes: number,
  report: (mutant: SearchedMutant) => void,
): Promise<readonly SearchedMutant[]> {
  const searched: SearchedMutant[] = [];
  for (const mutant of mutants.filter(({ name }) => name.includes(text))) {
    const found = await searchWith(mutant, processes);
    report(found);
    searched.push(found);
  }
  return searched;
}

/** Searches with one mutant. What it finds, and when, does not depend on the number of processes. */
export async function searchWith(mutant: Mutant, processes: number): Promise<SearchedMutant> {
  const { broken } = await searchInParallel({
    processes,
    mutant,
    counted: mutant.counted,
    hasTable: false,
    firstSeed,
    histories: budgetHistories,
    isOverWithFirst: true,
    hasSchedule: mutant.surroundings?.hasSchedule ?? true,
  });
  const [first] = [...broken].sort((one, other) => one.plan.seed - other.plan.seed);
  return {
    name: mutant.name,
    invariant: first?.violation.invariant,
    histories: first === undefined ? budgetHistories : first.plan.seed - firstSeed + 1,
  };
}
