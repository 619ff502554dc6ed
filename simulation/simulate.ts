import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { describeAction } from './actions.ts';
import { listCells } from './faults.ts';
import { checkKnown, checkMended } from './known/check-known.ts';
import { findMutants } from './mutants/find-mutants.ts';
import { planRandom } from './plans.ts';
import { searchInParallel } from './processes.ts';
import { type BrokenHistory, playPlan, type SearchResult } from './search.ts';
import { shrink } from './shrink.ts';

/** Outcomes of publishing and of standby: a search that has not seen one of them cannot judge it. */
const neededOutcomes = [
  'published',
  'published early',
  'unchanged',
  'behind',
  'held another database',
  'held mass deletion',
  'held nothing left',
  'failed unreachable',
  'failed unavailable',
  'gave up',
  'standby: seeded',
  'standby: has a configuration',
  'standby: ended',
  'fleet: has its file',
  'fleet: throttled',
  'fleet: second endpoint',
];
/** Histories that are played before it is asked whether there is time for more. */
const roundHistories = 2_000;

interface SimulateOptions {
  readonly json?: true;
  readonly seed?: number;
  readonly histories: number;
  readonly minutes?: number;
  readonly mutants?: true;
  readonly only: string;
}

const program = new Command('npm run simulate --')
  .description(
    'Searches for the history that loses or falsifies a configuration: Lifeboat’s code on simulated time, with everything around it failing.',
  )
  .option('--seed <n>', 'play this one history and print what happens', parseWholeNumber)
  .option(
    '--histories <n>',
    'how many random histories, after the whole table of faults',
    parseWholeNumber,
    2_000,
  )
  .option('--minutes <n>', 'go on for so long with further histories', parseWholeNumber)
  .option('--mutants', 'build faults into the code, one at a time, and say whether the search finds them')
  .option('--only <text>', 'with --mutants: those whose name has this text', '')
  .option('--json', 'one JSON object')
  .addHelpText(
    'after',
    '\nIt ends with 1 when a promise is broken, or when the search has not seen what it must see.',
  )
  .action(async (options: SimulateOptions) => {
    process.exitCode = (await run(options)) ? 0 : 1;
  });

/** @returns whether everything held */
function run(options: SimulateOptions): Promise<boolean> {
  if (options.mutants === true) {
    return searchMutants(options);
  }
  return options.seed === undefined ? searchHistories(options) : playSeed(options.seed, options);
}

async function searchHistories({ histories, minutes, json }: SimulateOptions): Promise<boolean> {
  const startMs = performance.now();
  const processes = availableParallelism();
  const say = (text: string) => (json === true ? undefined : console.log(text));
  say(`the table of faults and ${histories} random histories, in ${processes} processes …`);
  let result = await searchInParallel({
    processes,
    hasTable: true,
    firstSeed: 1,
    histories,
    isOverWithFirst: false,
    hasSchedule: true,
  });
  for (
    let from = histories + 1;
    result.broken.length === 0 && isTimeLeft(startMs, minutes);
    from += roundHistories
  ) {
    const more = await searchInParallel({
      processes,
      hasTable: false,
      firstSeed: from,
      histories: roundHistories,
      isOverWithFirst: false,
      hasSchedule: true,
    });
    result = addResults(result, more);
    say(`${result.histories} histories, ${result.steps} steps`);
  }
  const known = await checkKnown();
  const mendedThatFail = await checkMended();
  const stories = await Promise.all(result.broken.slice(0, 5).map(shrink));
  const missing = neededOutcomes.filter((outcome) => (result.outcomes[outcome] ?? 0) === 0);
  const cells = { total: listCells().length, reached: result.reached.length };
  const isGood =
    result.broken.length === 0 &&
    known.every(({ isAsExpected }) => isAsExpected) &&
    mendedThatFail.length === 0 &&
    missing.length === 0 &&
    cells.reached === cells.total;
  const figures = {
    cells,
    histories: result.histories,
    steps: result.steps,
    outcomes: result.outcomes,
    outcomesNeverSeen: missing,
    known: known.length,
    knownThatPass: known.filter(({ isAsExpected }) => !isAsExpected).map(({ name }) => name),
    mendedThatFail,
    broken: result.broken.length,
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
    digest: digestAll(result),
  };
  if (json === true) {
    console.log(JSON.stringify({ ...figures, stories: stories.map(tellStory) }));
  } else {
    console.log(JSON.stringify(figures, undefined, 2));
    for (const { name, story, isAsExpected } of known) {
      console.log(`\n${isAsExpected ? 'known' : 'KNOWN, AND PASSES NOW'}: ${name}\n${story}`);
    }
    for (const story of stories) {
      console.log(`\nBROKEN: ${story.plan.name}\n${tellStory(story)}`);
    }
  }
  return isGood;
}

async function playSeed(seed: number, { json }: SimulateOptions): Promise<boolean> {
  const plan = planRandom(seed);
  const beganMs = Date.UTC(2026, 0, 1);
  const { digest, steps, violations, outcomes } = await playPlan(plan, {
    observe: (atMs, name) =>
      json === true
        ? undefined
        : console.log(`${((atMs - beganMs) / 1000).toFixed(3).padStart(10)}  ${name}`),
  });
  console.log(
    json === true
      ? JSON.stringify({ seed, steps, outcomes: Object.fromEntries(outcomes), violations, digest })
      : `${plan.name}: ${steps} steps, ${violations.length} violations, digest ${digest}`,
  );
  return violations.length === 0;
}

async function searchMutants({ json, only }: SimulateOptions): Promise<boolean> {
  const found = await findMutants(only, availableParallelism(), (mutant) => {
    if (json !== true) {
      const { name, histories, invariant } = mutant;
      console.log(
        `${invariant === undefined ? 'NOT FOUND' : 'found'} after ${histories} histories: ${name}${invariant === undefined ? '' : ` (${invariant})`}`,
      );
    }
  });
  if (json === true) {
    const mutants = found.map(({ name, invariant, histories }) => ({
      name,
      found: invariant !== undefined,
      histories,
    }));
    console.log(JSON.stringify({ mutants }));
  }
  if (found.length === 0) {
    program.error(`no mutant has "${only}" in its name`);
  }
  return found.every(({ invariant }) => invariant !== undefined);
}

function tellStory({ plan, violation }: BrokenHistory): string {
  const at = (violation.atMs - Date.UTC(2026, 0, 1)) / 1000;
  return [
    `  seed ${plan.seed}`,
    ...plan.actions.map((action) => `  ${describeAction(action)}`),
    `  ${at.toFixed(1).padStart(8)} s  BROKEN: ${violation.invariant}: ${violation.detail}`,
  ].join('\n');
}

function isTimeLeft(startMs: number, minutes: number | undefined): boolean {
  return minutes !== undefined && performance.now() - startMs < minutes * 60_000;
}

function addResults(one: SearchResult, other: SearchResult): SearchResult {
  const names = new Set([...Object.keys(one.outcomes), ...Object.keys(other.outcomes)]);
  return {
    histories: one.histories + other.histories,
    steps: one.steps + other.steps,
    outcomes: Object.fromEntries(
      [...names].map((name) => [name, (one.outcomes[name] ?? 0) + (other.outcomes[name] ?? 0)]),
    ),
    reached: [...new Set([...one.reached, ...other.reached])],
    broken: [...one.broken, ...other.broken],
    digests: [...one.digests, ...other.digests],
  };
}

/** Does not depend on how many processes there were. */
function digestAll({ digests }: SearchResult): string {
  const lines = digests.map(([name, digest]) => `${name} ${digest}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function parseWholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError('a whole number is expected');
  }
  return Number(text);
}

await program.parseAsync();
