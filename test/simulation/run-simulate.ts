import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { projectRoot } from '../../build/project-root.ts';

interface Ended {
  readonly status: number;
  readonly output: string;
}

/** Runs `npm run simulate` in a process of its own, as a person would. */
export function runSimulate(...args: readonly string[]): Promise<Ended> {
  return run('simulation/simulate.ts', args);
}

/**
 * Runs `npm run faults` in a process of its own.
 *
 * @param edit is built into the model while it is loaded
 */
export function runFaults(
  args: readonly string[],
  edit?: { readonly file: string; readonly find: string; readonly replace: string },
): Promise<Ended> {
  const environment = edit === undefined ? {} : { SIMULATION_MUTANT: JSON.stringify(edit) };
  return run('simulation/real-time/faults.ts', args, environment);
}

async function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { status, output };
}
