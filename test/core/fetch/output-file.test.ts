import { execFileSync } from 'node:child_process';
import {
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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

describe('the place of a file', () => {
  let directory: string;
  let output: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
    output = join(directory, 'config.json');
  });
  const files: FileHandle[] = [];
  afterEach(async () => {
    await Promise.all(files.splice(0).map((file) => file.close()));
    await rm(directory, { recursive: true });
  });

  const openAt = (path: string) =>
    openOutputFile({ output: path, timeoutMs: 60_000, clock: systemClock, random: systemRandom });
  const put = async () => {
    const file = await openAt(output);
    await file.write(Buffer.from('new'));
    await file.complete();
  };

  it.each([
    ['a file', true],
    ['nothing', false],
  ])('is that of a link, which is replaced and not followed: to %s', async (_what, isThere) => {
    const other = join(directory, 'other');
    await (isThere ? writeFile(other, 'of somebody') : undefined);
    await symlink(other, output);

    await put();

    expect((await lstat(output)).isFile()).toBe(true);
    expect(await readFile(output, 'utf8')).toBe('new');
    expect(await readFile(other, 'utf8').catch(() => undefined)).toBe(isThere ? 'of somebody' : undefined);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a directory', () => mkdir(output), /is a directory: name a file in it/],
    [
      'a link to a directory',
      async () => {
        await mkdir(join(directory, 'other'));
        await symlink('other', output);
      },
      /is a directory/,
    ],
    ['a device', () => '/dev/null', /is a device, a pipe or a socket/],
    ['a link to a device', () => symlink('/dev/null', output), /is a device, a pipe or a socket/],
    [
      'a socket',
      async () => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(output, resolve));
        server.unref();
      },
      /is a device, a pipe or a socket/,
    ],
    ['a pipe', () => execFileSync('mkfifo', [output]), /is a device, a pipe or a socket/],
    ['a name of the system', () => '/dev/no-such-device', /is a device, a pipe or a socket/],
    [
      'a link to standard output, or to what was redirected to a file as that may be',
      async () => {
        const file = await open(join(directory, 'redirected'), 'w');
        files.push(file);
        await symlink(`/proc/self/fd/${file.fd}`, output);
      },
      /is a device, a pipe or a socket.*- is standard output/,
    ],
    ['a link to itself', () => symlink('config.json', output), /cannot be written \(ELOOP\)/],
    ['in no directory', () => join(directory, 'no/config.json'), /cannot be written \(ENOENT\)/],
    [
      'below a file',
      async () => {
        await writeFile(join(directory, 'file'), '');
        return join(directory, 'file/config.json');
      },
      /cannot be written \(ENOTDIR\)/,
    ],
  ])('that is %s is refused, and stays what it is', async (_what, make, words) => {
    const made = await make();
    const path = typeof made === 'string' && made !== output ? made : output;
    const before = [await lstat(path).catch(() => undefined), await readdir(directory)];

    const failure = await openAt(path).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'output', message: expect.stringMatching(words) });
    const [now, names] = [await lstat(path).catch(() => undefined), await readdir(directory)];
    expect([now?.mode, names]).toEqual([(before[0] as typeof now)?.mode, before[1]]);
  });
});
