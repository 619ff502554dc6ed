/** Shows what a restore takes, or runs it, step by step, until one fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { readErrorCode } from '../../core/error-code.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { StandbyError } from '../../core/fetch/errors.ts';
import { readSmallFile } from '../../core/read-small-file.ts';
import { personAtTerminal } from '../person.ts';
import { print } from '../print.ts';
import { planRestore, type RestorePlan, type Step } from './plan.ts';

export interface RestoreOptions {
  readonly run?: true;
  readonly kong: string;
  readonly kongConf?: string;
  readonly again?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** As `--max-bytes` of `lifeboat fetch`. */
const largestFileBytes = 2 ** 30;
/** `kong migrations list` in a new database (kong/cmd/migrations.lua). */
const needsBootstrap = 3;

/**
 * @throws InvalidArgumentError for a file that cannot be imported; ApiError `refused` when it was not
 * confirmed, or the database is none of a new control plane; StandbyError `kong` when a step has failed
 */
export async function restore(file: string, options: RestoreOptions): Promise<void> {
  const path = resolve(file);
  const text = await readSmallFile(path, largestFileBytes).catch((error: unknown) => {
    throw new InvalidArgumentError(`the file cannot be read (${readErrorCode(error) ?? 'no such file'})`);
  });
  const plan = planRestore(path, text, options.kongConf);
  if (options.run === true) {
    requireNoFilters(plan);
    await confirm(options);
    await runSteps(plan, path, options);
  }
  const done = options.run === true;
  await print(
    options.json === true
      ? `${JSON.stringify({ file: path, done, ...plan })}\n`
      : describe(plan, options, done),
  );
}

function describe(
  { entities, plugins, steps, afterwards }: RestorePlan,
  options: RestoreOptions,
  done: boolean,
): string {
  const counts = Object.entries(entities).map(([type, count]) => `${count} ${type}`);
  const commands = steps.map(
    ({ parameters, why }) => `  ${[options.kong, ...parameters].map(quote).join(' ')}   # ${why}\n`,
  );
  return [
    `In the file: ${counts.length === 0 ? 'nothing' : counts.join(', ')}.\n`,
    plugins.length === 0 ? '' : `Plugins that must be enabled: ${plugins.join(', ')}.\n`,
    done
      ? 'It is imported.\n'
      : `With the cluster port (8005) closed, and before Kong starts:\n${commands.join('')}`,
    `Afterwards:\n${afterwards.map((each) => `- ${each}\n`).join('')}`,
  ].join('');
}

/** A database that is set up before the import fails is no new one any more. */
function requireNoFilters({ filterChains }: RestorePlan): void {
  if (filterChains > 0) {
    throw new ApiError(
      'refused',
      `${filterChains} filter chains are in the file, with which Kong imports nothing, and nothing was run: take out what is of filters first (runbook, “Filling a rebuilt control plane from the vault”)`,
    );
  }
}

/** As a shell takes it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

async function confirm({ yes }: RestoreOptions): Promise<void> {
  if (yes === true) {
    return;
  }
  if (!personAtTerminal.isThere) {
    throw new InvalidArgumentError('nobody is at a terminal to confirm --run: give --yes');
  }
  const said = await personAtTerminal.ask(
    'Is the cluster port (8005) closed, and the database the new one? [y/N] ',
  );
  if (!/^y(es)?$/i.test(said)) {
    throw new ApiError('refused', 'it was not confirmed, and nothing was run');
  }
}

async function runSteps({ steps }: RestorePlan, path: string, options: RestoreOptions): Promise<void> {
  // What Kong says may quote the configuration, so that it stays in a file of its owner's alone.
  const logFile = `${path}.kong.log`;
  await unlink(logFile).catch((error: unknown) => {
    if (readErrorCode(error) !== 'ENOENT') {
      throw error;
    }
  });
  let isNew = true;
  for (const step of steps) {
    if (step.name === 'bootstrap' && !isNew) {
      continue;
    }
    process.stderr.write(`${[options.kong, ...step.parameters].map(quote).join(' ')}\n`);
    const exitCode = await runStep(step, options.kong, logFile);
    if (step.name === 'look') {
      isNew = exitCode === needsBootstrap;
      if (exitCode === 0 && options.again !== true) {
        throw new ApiError(
          'refused',
          'the database was set up before, and nothing was written: what is in it would be mixed with the file. Give a new database, or --again where an import broke off',
        );
      }
    }
    const isGood = exitCode === 0 || (step.name === 'look' && isNew);
    if (!isGood) {
      throw new StandbyError(
        'kong',
        `kong ${step.parameters[0]} ended with ${exitCode}: ${logFile} has what it said. Nothing after it was done; once it is mended, run the same again` +
          `${step.name === 'import' ? ' with --again' : ''}`,
      );
    }
  }
  await unlink(logFile).catch(() => undefined);
}

async function runStep({ parameters }: Step, kong: string, logFile: string): Promise<number | string> {
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(kong, parameters, { stdio: ['ignore', log.fd, log.fd] });
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, string | null];
    return exitCode ?? signal ?? 'no exit code';
  } catch (error) {
    const code = readErrorCode(error);
    throw new InvalidArgumentError(
      `--kong ${kong} cannot be run (${code ?? 'no reason'}): name the kong command of the control plane`,
    );
  } finally {
    await log.close();
  }
}
