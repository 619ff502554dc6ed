import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleClient } from '../../build/bundle.ts';
import { basicEnvironment, type Ended, processes, type StartedProcess } from '../local/processes.ts';
import { loadProgram } from './loaded-program.ts';

export interface Cli {
  /** For the test's own files. */
  readonly directory: string;
  /** The bundle, for tests that start it in their own way. */
  readonly file: string;
  /** Runs `lifeboat` with this environment and no more, in the test's own process where that is the same. */
  run(parameters: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Runs it in a process of its own. */
  start(parameters: readonly string[], env?: Readonly<Record<string, string>>): StartedProcess;
  stop(): Promise<void>;
}

/** The command line as it ships. */
export async function bundledCli(): Promise<Cli> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-cli-'));
  const children = processes();
  const file = join(directory, 'lifeboat.cjs');
  await bundleClient(file);
  const program = loadProgram(file);
  const start: Cli['start'] = (parameters, env = {}) =>
    children.start(process.execPath, [file, ...parameters], {
      env: { HOME: directory, ...env },
    });
  return {
    directory,
    file,
    start,
    run: (parameters, env = {}) =>
      Object.keys(env).some((name) => name.startsWith('NODE_'))
        ? start(parameters, env).ended
        : program(parameters, { ...basicEnvironment(), HOME: directory, ...env }),
    async stop() {
      await children.stop();
      await rm(directory, { recursive: true });
    },
  };
}
