/** What is started for a life ends with it, also when a person ends it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Cleanups {
  /** A folder for this life alone, which is removed in the end. */
  readonly folder: string;
  /** Adds what is to be ended. The last one added ends first. */
  readonly add: (end: () => Promise<unknown>) => void;
}

/** Runs something, and then, or at Ctrl-C, ends what was started for it. */
export async function withCleanups<Result>(run: (cleanups: Cleanups) => Promise<Result>): Promise<Result> {
  // Readable for its owner alone: cluster certificates are in it.
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-life-'));
  const ends = [() => rm(folder, { recursive: true, force: true })];
  const cleanUp = async () => {
    for (const end of ends.splice(0).reverse()) {
      await end();
    }
  };
  let isEnding = false;
  const interrupted = (signal: NodeJS.Signals) => {
    // A terminal and a parent tell of the same Ctrl-C, each by itself.
    if (!isEnding) {
      isEnding = true;
      cleanUp().finally(() => {
        process.removeListener(signal, interrupted);
        process.kill(process.pid, signal);
      });
    }
  };
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  try {
    return await run({ folder, add: (end) => ends.push(async () => void (await end())) });
  } finally {
    process.removeListener('SIGINT', interrupted);
    process.removeListener('SIGTERM', interrupted);
    await cleanUp();
  }
}
