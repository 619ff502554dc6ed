import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants/mutants.ts';
import type { SearchResult } from './search.ts';
import type { SearchAnswer, SearchJob, SearchLimit } from './worker.ts';

export interface ParallelSearch extends Omit<SearchJob, 'index' | 'count'> {
  readonly processes: number;
  /** What is built into the code of these processes. */
  readonly mutant?: Mutant | undefined;
}

/**
 * Plays histories in several processes; what they find does not depend on how many there are. Where the first
 * broken history is enough, the others go on to its seed: one of them may find an earlier one.
 */
export async function searchInParallel({
  processes,
  mutant,
  ...whole
}: ParallelSearch): Promise<SearchResult> {
  const children = Array.from({ length: processes }, (_, index) =>
    startPart({ ...whole, index, count: processes }, mutant),
  );
  const parts = await Promise.all(
    children.map(async (child) => {
      const part = await awaitAnswer(child);
      const lastSeed = part.broken[0]?.plan.seed;
      if (whole.isOverWithFirst && lastSeed !== undefined) {
        for (const other of children.filter(({ connected }) => connected)) {
          // One that has just ended needs to be told nothing.
          other.send({ lastSeed } satisfies SearchLimit, () => undefined);
        }
      }
      return part;
    }),
  );
  const outcomes = new Map<string, number>();
  for (const [outcome, count] of parts.flatMap((part) => Object.entries(part.outcomes))) {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
  }
  const sum = (count: (part: SearchResult) => number) =>
    parts.reduce((total, part) => total + count(part), 0);
  return {
    histories: sum(({ histories }) => histories),
    steps: sum(({ steps }) => steps),
    outcomes: Object.fromEntries([...outcomes].sort(([one], [other]) => one.localeCompare(other))),
    reached: [...new Set(parts.flatMap(({ reached }) => reached))],
    broken: parts.flatMap(({ broken }) => broken),
    digests: parts.flatMap(({ digests }) => digests),
  };
}

function startPart(job: SearchJob, mutant: Mutant | undefined): ChildProcess {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const edit = mutant?.edit === undefined ? {} : { SIMULATION_MUTANT: JSON.stringify(mutant.edit) };
  return fork(here('worker.ts'), [JSON.stringify(job)], {
    execArgv: ['--import', here('mutants/register.mjs'), '--import', 'tsx'],
    env: { ...process.env, ...edit, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
}

function awaitAnswer(child: ChildProcess): Promise<SearchResult> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer: SearchAnswer) => {
      if ('error' in answer) {
        reject(new Error(answer.error));
      } else {
        resolve(answer);
      }
    });
    child.once('exit', (code) =>
      reject(new Error(`a process of the search ended with ${code} and no answer`)),
    );
  });
}
