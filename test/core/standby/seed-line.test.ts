/** What becomes of Kong's settings while Kong and standby write into the same file. */

import { rmSync, writeFileSync } from 'node:fs';
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { kongEnvSeedLine } from '../../../core/standby/seed-line.ts';

let prefix: string;
let file: string;
let path: string;

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), 'seed-line-'));
  file = join(prefix, 'lifeboat-config.json');
  path = join(prefix, '.kong_env');
  await writeFile(path, kongs);
});

afterEach(() => rm(prefix, { recursive: true, force: true }));

const kongs = 'role = data_plane\nprefix = /usr/local/kong\n';
const ours = () => `declarative_config = ${file}\n`;
const text = () => readFile(path, 'latin1');
const line = () => kongEnvSeedLine({ prefix, file, clock: systemClock, settleMs: 5 });

describe('the line in Kong’s settings', () => {
  it('is there once, however often it is added, and then gone', async () => {
    await line().add();
    await line().add();
    const with1 = await text();
    const isThere = await line().isThere();
    await line().remove();

    expect([with1, isThere]).toEqual([kongs + ours(), true]);
    expect(await text()).toBe(kongs);
    expect(await line().isThere()).toBe(false);
  });

  it('leaves the file the same one, with its mode', async () => {
    await chmod(path, 0o664);
    const { ino, mode } = await stat(path);

    await line().add();
    await line().remove();

    expect(await stat(path)).toMatchObject({ ino, mode });
  });

  it.each([
    ['the lines of killed runs', () => kongs + ours() + ours(), () => kongs],
    ['what was taken out before, at the end', () => `${kongs}#${ours().slice(1)}${ours()}`, () => kongs],
    [
      'what others have written after it',
      () => `${kongs}${ours()}x = 1\n`,
      () => `${kongs}#${ours().slice(1)}x = 1\n`,
    ],
    [
      'a last line without an end',
      () => `${kongs}${ours()}x = 1\n${ours().trimEnd()}`,
      () => `${kongs}#${ours().slice(1)}x = 1\n`,
    ],
    ['nothing else', () => `${kongs}x = ${ours()} ${ours()}`, () => `${kongs}x = ${ours()} ${ours()}`],
  ])('goes with %s', async (_what, before, after) => {
    await writeFile(path, before());

    await line().remove();

    expect(await text()).toBe(after());
  });

  it('does not pile up where others append after each run', async () => {
    for (const each of [1, 2, 3]) {
      await line().add();
      await appendFile(path, `x = ${each}\n`);
      await line().remove();
    }
    await line().add();
    await line().remove();

    const taken = `#${ours().slice(1)}`;
    // One for each foreign line, and Kong's next start, reload or prepare writes the file without them.
    expect(await text()).toBe(`${kongs}${taken}x = 1\n${taken}x = 2\n${taken}x = 3\n`);
  });

  it('goes with the copy of the settings that older releases may have left', async () => {
    await writeFile(`${path}.lifeboat`, 'half');

    await line().remove();

    await expect(stat(`${path}.lifeboat`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is not looked for in settings that are gone with their node', async () => {
    await rm(path);

    await line().remove();

    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(line().add()).rejects.toMatchObject({
      code: 'kong',
      message: expect.stringContaining('cannot be read (ENOENT)'),
    });
  });

  it('is not appended while Kong writes', async () => {
    await writeFile(path, '');
    let rewrites = 0;
    const clock = {
      now: () => new Date(),
      sleep: async () => {
        rewrites += 1;
        if (rewrites <= 3) {
          await appendFile(path, `x = ${rewrites}\n`);
        }
      },
    };

    await kongEnvSeedLine({ prefix, file, clock }).add();

    expect(await text()).toBe(`x = 1\nx = 2\nx = 3\n${ours()}`);
  });
});

describe('settings that Kong writes anew between our look and our line', () => {
  it('get the line when they are at rest, and are not written into before', async () => {
    await utimes(path, new Date(0), new Date(0));
    let isRewritten = false;
    let whileRecent = '';
    const clock = {
      // Asked between the look at the file and its opening.
      now: () => {
        if (!isRewritten) {
          isRewritten = true;
          rmSync(path);
          writeFileSync(path, 'half');
        }
        return new Date();
      },
      sleep: async () => {
        if (whileRecent === '') {
          whileRecent = await text();
          await writeFile(path, 'half and the rest\n');
        }
      },
    };

    await kongEnvSeedLine({ prefix, file, clock }).add();

    expect(whileRecent).toBe('half');
    expect(await text()).toBe(`half and the rest\n${ours()}`);
  });
});

/** Writes whole settings in Kong's steps, some microseconds apart, whenever it is asked to. */
async function startKong() {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const spin = (us) => { for (const end = performance.now() + us / 1000; performance.now() < end; ); };
     import(workerData.settings).then(({ writeSettings }) => {
       parentPort.on('message', ({ path, text, afterUs, pauseUs }) => {
         spin(afterUs);
         writeSettings(path, text, () => spin(pauseUs));
         parentPort.postMessage('written');
       });
       parentPort.postMessage('ready');
     });`,
    {
      eval: true,
      workerData: { settings: new URL('../../../simulators/kong/node/settings.mjs', import.meta.url).href },
    },
  );
  const answer = () => new Promise((resolve) => worker.once('message', resolve));
  await answer();
  return {
    write(order: {
      readonly path: string;
      readonly text: string;
      readonly afterUs: number;
      readonly pauseUs: number;
    }) {
      const written = answer();
      worker.postMessage(order);
      return written;
    },
    stop: () => worker.terminate(),
  };
}

const settleMs = 30;

/** Rewrites one node’s settings at random moments while the line comes and goes. */
async function rewriteOften(node: string, rounds: number) {
  await mkdir(node);
  const settings = join(node, '.kong_env');
  await writeFile(settings, kongs);
  const kong = await startKong();
  const longAgo = new Date(0);
  // Kong’s steps are microseconds apart, unless a busy machine lets its process wait between two of them.
  const hurried = { now: systemClock.now, sleep: (ms: number) => systemClock.sleep(Math.min(ms, settleMs)) };
  const seen = { lost: 0, linesLeft: 0, wereThere: 0 };
  try {
    for (let round = 0; round < rounds; round += 1) {
      // Of some 9 kB, as Kong's are: two blocks and a rest that is longer or shorter than our line.
      const written = `# ${round}\n${'setting = value\n'.repeat(512)}${'x'.repeat(round % 97)}\n`;
      const seed = kongEnvSeedLine({ prefix: node, file, clock: hurried, settleMs });
      // Settings that are at rest, so that the line is added at once.
      await utimes(settings, longAgo, longAgo);
      const rewriting = kong.write({
        path: settings,
        text: written,
        afterUs: Math.random() * 1_000,
        pauseUs: Math.random() * 40,
      });
      await seed.add();
      seen.wereThere += (await seed.isThere()) ? 1 : 0;
      await seed.remove();
      await rewriting;
      await seed.remove();
      const left = await readFile(settings, 'latin1');
      seen.lost += left === written ? 0 : 1;
      seen.linesLeft += left.includes('eclarative_config') ? 1 : 0;
    }
  } finally {
    await kong.stop();
  }
  return seen;
}

it('loses nothing of 4,000 rewrites at random moments', async () => {
  const nodes = Array.from({ length: 8 }, (_, node) => join(prefix, `node-${node}`));

  const seen = await Promise.all(nodes.map((node) => rewriteOften(node, 500)));

  const sum = (part: 'lost' | 'linesLeft' | 'wereThere') =>
    seen.reduce((total, node) => total + node[part], 0);
  expect({ lost: sum('lost'), linesLeft: sum('linesLeft') }).toEqual({ lost: 0, linesLeft: 0 });
  // The line was there in many of them when Kong wrote, and was overwritten in others.
  expect(sum('wereThere')).toBeGreaterThan(400);
  expect(sum('wereThere')).toBeLessThan(4_000);
});
