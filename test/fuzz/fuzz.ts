/** `npm run fuzz`: what somebody may send who wants to break something. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { projectRoot } from '../../build/project-root.ts';
import { peakRssMb, readLargeFrames } from './large-frames.ts';
import { type FuzzResult, fuzz } from './run.ts';
import { seededBugs } from './seeded-bugs.ts';
import { targets } from './targets.ts';

interface Options {
  readonly cases: number;
  readonly seconds: number;
  readonly seed: number;
  readonly target?: string;
  readonly first?: true;
  readonly bugs?: true;
  readonly large: boolean;
  readonly json?: true;
}

const wholeNumber = (value: string) => {
  if (!/^\d{1,9}$/.test(value)) {
    throw new InvalidArgumentError('a whole number is expected');
  }
  return Number(value);
};

await new Command('npm run fuzz --')
  .description(
    'Sends hostile input to whatever takes input. Nothing may be accepted that must not be, and nothing may fail in other words than its own.',
  )
  .option('--cases <n>', 'how many, of all targets together', wholeNumber, 5_000)
  .option('--seconds <n>', 'end after this time, however many there were', wholeNumber, 3_600)
  .option('--seed <n>', 'of the first cases', wholeNumber, 1)
  .option('--target <name>', `one of ${targets.map(({ name }) => name).join(', ')}`)
  .option('--first', 'end with the first finding')
  .option(
    '--bugs',
    'build a fault into the code for each target, one after another, and look whether it is found',
  )
  .option('--no-large', 'leave out the frames that inflate to hundreds of megabytes')
  .option('--json', 'one JSON object')
  .action((options: Options) => (options.bugs === true ? findBugs(options) : attack(options)))
  .parseAsync();

async function attack({ cases, seconds, seed, target, first, large: isLarge, json }: Options): Promise<void> {
  const chosen = targets.filter(({ name }) => target === undefined || name === target);
  if (chosen.length === 0) {
    throw new InvalidArgumentError('there is no such target');
  }
  const startedMs = performance.now();
  const large = isLarge && target === undefined ? readLargeFrames() : {};
  const { counts, findings } = await fuzz({
    ...{ targets: chosen, cases, firstSeed: seed, seconds, isOverWithFirst: first === true },
  });
  for (const finding of findings.slice(0, 20)) {
    process.stderr.write(`${JSON.stringify(finding)}\n`);
  }
  const total = sumUp(counts);
  const outcomes = Object.values(large).map(({ outcome }) => outcome);
  const accepted = total.accepted + outcomes.filter((outcome) => outcome === 'accepted').length;
  const crashes = total.crashes + outcomes.filter((outcome) => outcome === 'crashed').length;
  print(json, {
    seed,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    ...{ cases: total.cases, accepted, crashes },
    ...{ peakRssMb: Math.round(peakRssMb()), largeFrames: large, targets: counts },
  });
  process.exitCode = accepted + crashes === 0 ? 0 : 1;
}

function sumUp(counts: FuzzResult['counts']) {
  const sum = { cases: 0, accepted: 0, crashes: 0 };
  for (const { cases, accepted, crashes } of Object.values(counts)) {
    sum.cases += cases;
    sum.accepted += accepted;
    sum.crashes += crashes;
  }
  return sum;
}

/** Each in a process of its own, in which one text of the code is another one. */
async function findBugs({ cases, seed, target, json }: Options): Promise<void> {
  const found: Record<string, { readonly what: string; readonly isFound: boolean; readonly cases: number }> =
    {};
  for (const bug of seededBugs.filter((each) => target === undefined || each.target === target)) {
    const { stdout } = spawnSync(
      process.execPath,
      [
        ...['--import', join(projectRoot, 'simulation/mutants/register.mjs'), '--import', 'tsx'],
        ...[join(projectRoot, 'test/fuzz/fuzz.ts'), '--json', '--first', '--target', bug.target],
        ...['--cases', String(cases), '--seed', String(seed)],
      ],
      {
        cwd: projectRoot,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, SIMULATION_MUTANT: JSON.stringify(bug.edit) },
      },
    );
    const result = stdout === '' ? undefined : JSON.parse(stdout);
    found[bug.target] = {
      what: bug.what,
      isFound: result !== undefined && result.accepted + result.crashes > 0,
      cases: result?.cases ?? 0,
    };
  }
  print(json, found);
  process.exitCode = Object.values(found).every(({ isFound }) => isFound) ? 0 : 1;
}

function print(json: true | undefined, result: object): void {
  process.stdout.write(`${JSON.stringify(result, undefined, json === true ? undefined : 2)}\n`);
}
