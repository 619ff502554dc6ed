/** The Kong that `lifeboat drill` boots on a file: a fake one, and the real one that the tests are given. */
import { execFile } from 'node:child_process';
import { access, chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { prepareKong } from '../../cli/drill/boot-kong.ts';
import type { HeldFile } from '../../core/fetch/held-file.ts';
import {
  declarativeFile,
  removeEverything,
  tableFor,
  temporaryDirectory,
  testedKongs,
} from '../simulators/kong/running-kong.ts';

const patienceMs = 180_000;

afterEach(removeEverything);

/** What a drill says of a Kong and a file with these entities. */
async function bootOn(
  kong: string,
  directory: string,
  content: object,
  signal: AbortSignal = new AbortController().signal,
) {
  const { file, md5 } = await declarativeFile(await temporaryDirectory(), content);
  const settings = { kong, kongVersion: '3.9.1', lmdbMapMib: 128, directory, timeoutMs: patienceMs, signal };
  const boot = await prepareKong(settings);
  const held: Pick<HeldFile, 'read'> = {
    async *read() {
      yield await readFile(file);
    },
  };
  return boot(held as HeldFile, { manifest: { md5 } } as Parameters<typeof boot>[1]);
}

async function writeKong(directory: string, script: string): Promise<string> {
  const path = join(directory, 'kong-command');
  await writeFile(path, `#!/bin/sh\n${script}`);
  await chmod(path, 0o700);
  return path;
}

/** A real one goes a moment after its pid file. */
async function untilGone(directory: string): Promise<void> {
  while ((await promisify(execFile)('ps', ['-axo', 'args'])).stdout.includes(directory)) {
    await delay(50);
  }
}

describe.each(testedKongs)('the Kong of a drill ($name)', ({ kong }) => {
  it(
    'is stopped where kong start brings it up after it was told to end',
    async () => {
      const [directory, beside] = [await temporaryDirectory(), await temporaryDirectory()];
      // As the real one, which waits for nginx first.
      const late = await writeKong(
        beside,
        `[ "$1" = start ] || exec ${kong} "$@"
trap 'told=1' TERM
touch ${beside}/waits
until [ "$told" ]; do sleep 0.1; done
${kong} "$@"
touch ${beside}/started
`,
      );
      const ending = new AbortController();
      const booted = bootOn(late, directory, tableFor('http://127.0.0.1:9/v1'), ending.signal);
      while (!(await readdir(beside)).includes('waits')) {
        await delay(20);
      }
      ending.abort();

      expect(await booted).toMatchObject({ outcome: 'failed' });
      await access(join(beside, 'started'));
      await untilGone(directory);
    },
    patienceMs,
  );
});
