import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chooseKong } from '../../../local/rehearsal/rehearsed-kong.ts';
import { fakeKong } from '../../simulators/kong/running-kong.ts';

const path = process.env['PATH'];
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-choose-'));
  process.env['PATH'] = join(directory, 'bin');
});
afterEach(async () => {
  process.env['PATH'] = path;
  await rm(directory, { recursive: true });
});

/** A kong on PATH that does this. */
async function onPath(body: string): Promise<string> {
  const file = join(directory, 'bin/kong');
  await mkdir(join(directory, 'bin'));
  await writeFile(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return file;
}

const choose = (named?: string, fileVersion = '3.9.1') => chooseKong(named, fileVersion, directory);

describe('the Kong of a rehearsal', () => {
  it('is the one that was named, where it can load the file', async () => {
    process.env['PATH'] = path;

    expect(await choose(fakeKong)).toEqual({ path: fakeKong });
  });

  it.each([
    ['3.9.2', '3.9.1', true],
    ['3.9.1.2', '3.9.1', true],
    ['3.9.0', '3.9.1', false],
    ['3.10.1', '3.9.1', false],
  ])('may be %s for a file that is for %s: %j', async (version, fileVersion, fits) => {
    const kong = await onPath(`echo 'Kong Enterprise ${version}'`);

    const chosen = await choose(undefined, fileVersion);

    expect('path' in chosen).toBe(fits);
    if (fits) {
      expect(await choose(kong, fileVersion)).toEqual({ path: kong });
    } else {
      await expect(choose(kong, fileVersion)).rejects.toThrow(
        `--kong ${kong}: it is Kong ${version}, and the file is for Kong 3.9.1, which only Kong 3.9 from 3.9.1 on loads`,
      );
    }
  });

  it.each([
    ['fails', 'echo no luck; exit 3', 'kong version failed (exit code 3):\nno luck'],
    ['prints no version', 'echo nothing', 'kong version printed no version:\nnothing'],
  ])('is refused where it was named and %s', async (_what, body, sentence) => {
    await expect(choose(await onPath(body))).rejects.toThrow(sentence);
  });

  it('is left out, with the reason, where the one on PATH does not fit', async () => {
    const kong = await onPath('exit 1');

    expect(await choose()).toEqual({
      missing: expect.stringContaining(`the one on PATH, ${kong}, does not fit: it is asked for its version`),
    });
  });

  it('is left out where there is none', async () => {
    expect(await choose()).toEqual({ missing: expect.stringContaining('there is none on PATH') });
  });
});
