import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../core/clock.ts';
import { openOutputFile } from '../../../core/fetch/output-file.ts';
import { systemRandom } from '../../../core/random-source.ts';
import { outputFileContract } from './output-file-contract.ts';

outputFileContract('a file on disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
  const output = join(directory, 'config.json');
  return {
    open: () => openOutputFile({ output, timeoutMs: 60_000, clock: systemClock, random: systemRandom }),
    read: () => readFile(output, 'utf8').catch(() => undefined),
    stop: () => rm(directory, { recursive: true }),
  };
});
