/** Places where standby can do nothing: it says so, and leaves them as they are. */
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { processes } from '../local/processes.ts';
import {
  configurationHash,
  fakeKong,
  noConfiguration,
  startNode,
  temporaryDirectory,
  testedFakeKong,
} from '../simulators/kong/running-kong.ts';
import { credentials, newScenario, newStage, type Stage } from './standby-scenario.ts';

const pageBytes = 4_096;
const isRoot = process.getuid?.() === 0;
const children = processes();

let stage: Stage;
let scenario: Awaited<ReturnType<typeof newScenario>>;

beforeAll(async () => {
  stage = await newStage();
});

beforeEach(async () => {
  scenario = await newScenario(stage, testedFakeKong);
});

afterEach(() => scenario.stop());

afterAll(async () => {
  await children.stop();
  await stage.stop();
});

function parameters({ prefix, statusUrl }: { readonly prefix: string; readonly statusUrl: string }) {
  return [
    ...[
      'standby',
      '--once',
      '--after',
      '0',
      '--spread',
      '0',
      '--control-plane',
      'prod',
      '--kong-version',
      '3.9.1',
    ],
    ...['--endpoint', scenario.endpoint, '--public-key', stage.publicKey],
    ...['--prefix', prefix, '--status-url', statusUrl],
  ];
}

(isRoot ? describe : describe.skip)('a place of another user (needs root)', () => {
  it.each<readonly [string, (prefix: string) => Promise<unknown>, number, string]>([
    ['another user’s prefix', async () => undefined, 8, '.kong_env cannot be read (EACCES)'],
    [
      'a prefix that it may only read',
      letOthersRead,
      8,
      'cannot be signalled (EPERM): run this as Kong’s user',
    ],
  ])('%s stays as it is, and says so', async (_what, prepare, code, sentence) => {
    const { prefix, statusUrl } = scenario.node();
    const { cli, publicKey } = stage;
    await Promise.all([cli.directory, join(prefix, '..')].map((path) => chmod(path, 0o755)));
    await chmod(publicKey, 0o644);
    await prepare(prefix);
    const before = await stat(join(prefix, '.kong_env'), { bigint: true });

    const { exitCode, stderr } = await children.run(
      'setpriv',
      [
        ...['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, cli.file],
        ...parameters({ prefix, statusUrl }),
      ],
      { env: { ...credentials, HOME: cli.directory } },
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
    expect(scenario.requests).toEqual([]);
    expect(await stat(join(prefix, '.kong_env'), { bigint: true })).toEqual({
      ...before,
      // Being read is allowed.
      atimeMs: expect.anything(),
      atimeNs: expect.anything(),
      atime: expect.anything(),
    });
    expect(await scenario.served()).toBe('nothing');
  });

  async function letOthersRead(prefix: string): Promise<void> {
    await Promise.all([prefix, join(prefix, 'pids')].map((path) => chmod(path, 0o755)));
    await chmod(join(prefix, '.kong_env'), 0o644);
  }
});

// Even root may not mount in most containers: then the report shows these as skipped, and why.
const whyNoMount = findWhyNoMount();
(whyNoMount === undefined ? describe : describe.skip)(`a disk that is full${whyNoMount ?? ''}`, () => {
  it.each([
    ['before the file is there', 0, 0, 7, 'lifeboat-config.json cannot be written (ENOSPC)'],
    [
      'when there is room for the file alone',
      1,
      0,
      8,
      '.kong_env cannot be written (ENOSPC): free space on its disk',
    ],
    ['when there is room for a part of the line', 1, 10, 8, '.kong_env cannot be written (ENOSPC)'],
  ])('%s, is left without halves', async (_when, files, roomBytes, code, sentence) => {
    const directory = await temporaryDirectory();
    const disk = join(directory, 'kong');
    await mkdir(disk);
    mount(disk);
    try {
      const node = await startNode(fakeKong, { directory });
      await leaveRoom(join(node.prefix, '.kong_env'), roomBytes);
      const before = await readFile(join(node.prefix, '.kong_env'), 'utf8');
      // Pages of 4 kB, of which the file takes one.
      await fill(join(disk, 'ballast'));
      if (files > 0) {
        await writeFile(join(disk, 'ballast'), '', { flag: 'r+' });
        execFileSync('truncate', [`--size=-${pageBytes}`, join(disk, 'ballast')]);
      }

      const { exitCode, stderr } = await stage.cli.run(parameters(node), credentials);

      expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
      expect(await readFile(join(node.prefix, '.kong_env'), 'utf8')).toBe(before);
      expect(await configurationHash(node)).toBe(noConfiguration);
      expect((await readdir(node.prefix)).filter((name) => /^\.(lifeboat|kong_env\.)/.test(name))).toEqual(
        [],
      );
    } finally {
      execFileSync('umount', ['--lazy', disk]);
    }
  });
});

function findWhyNoMount(): string | undefined {
  try {
    // In a mount namespace of its own, which leaves nothing behind.
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', '/mnt'], {
      stdio: 'pipe',
    });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: Buffer };
    return ` (left out: nothing can be mounted here: ${(stderr?.toString() || message).trim()})`;
  }
}

/** Fills the file's last page but for so many bytes. */
async function leaveRoom(path: string, bytes: number): Promise<void> {
  const { size } = await stat(path);
  const missing = pageBytes - (size % pageBytes) - bytes;
  await appendFile(path, `#${' '.repeat(missing - 2)}\n`);
}

function mount(directory: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory], { stdio: 'ignore' });
}

async function fill(path: string): Promise<void> {
  for (;;) {
    try {
      await appendFile(path, Buffer.alloc(pageBytes));
    } catch {
      return;
    }
  }
}
