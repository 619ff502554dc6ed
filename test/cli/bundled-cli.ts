import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleClient } from '../../build/bundle.ts';
import { type Ended, processes, type StartedProcess } from '../local/processes.ts';

export interface Cli {
  /** For the test's own files. */
  readonly directory: string;
  /** The bundle, for tests that start it in their own way. */
  readonly file: string;
  /** Runs `lifeboat` in a process of its own; its environment is this and no more. */
  run(parameters: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  start(parameters: readonly string[], env?: Readonly<Record<string, string>>): StartedProcess;
  stop(): Promise<void>;
}

/** The command line, bundled once: a start is a tenth of a second instead of a whole one. */
export async function bundledCli(): Promise<Cli> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-cli-'));
  const children = processes();
  const file = join(directory, 'lifeboat.cjs');
  await bundleClient(file);
  const start: Cli['start'] = (parameters, env = {}) =>
    children.start(process.execPath, [file, ...parameters], {
      env: { HOME: directory, ...env },
    });
  return {
    directory,
    file,
    start,
    run: (parameters, env) => start(parameters, env).ended,
    async stop() {
      await children.stop();
      await rm(directory, { recursive: true });
    },
  };
}
