import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const keeper = new URL('../../build/keep-worker-data.mjs', import.meta.url).href;

/** As tinypool's process does: its own listener first. The runner's comes when the pool's says so. */
const worker = `
process.on('message', (message) => {
  if (message !== 'begin') {
    return;
  }
  process.on('message', (given) => {
    if (given?.type === 'jest-light-runner-worker-data') {
      process.send({ given: given.workerData });
    }
  });
  process.send('jest-light-runner-get-worker-data');
});
process.send('ready');
`;

it('answers a worker that asks after everybody was given the data', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'worker-'));
  const path = join(directory, 'worker.mjs');
  await writeFile(path, worker);
  const child = fork(path, { execArgv: ['--import', keeper] });
  try {
    await once(child, 'message');
    child.send({ type: 'jest-light-runner-worker-data', workerData: 'of the run' });
    child.send('begin');

    const [answer] = await once(child, 'message');

    // Without what was kept, the question itself comes here, and nobody answers it.
    expect(answer).toEqual({ given: 'of the run' });
  } finally {
    child.kill();
    await rm(directory, { recursive: true });
  }
});
