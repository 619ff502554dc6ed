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
  fakeKong,
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
    'loads what a data plane takes, also where other roles refuse it, and does not run on',
    async () => {
      const directory = await temporaryDirectory();
      const config = { account_email: 'ops@example.com', storage: 'kong', tos_accepted: true };
      const acme = { id: '0d8f5f0e-7a53-4d0c-8f55-5a1c4ae2f0aa', name: 'acme', protocols: ['http'], config };

      expect(
        await bootOn(kong, directory, { ...tableFor('http://127.0.0.1:9/v1'), plugins: [acme] }),
      ).toMatchObject({ outcome: 'passed', detail: 'Kong 3.9.1 has booted with it.' });
      await untilGone(directory);
    },
    patienceMs,
  );

  it(
    'does not load what Kong refuses',
    async () => {
      const { services, routes } = tableFor('http://127.0.0.1:9/v1');
      const [route] = routes;

      expect(
        await bootOn(kong, await temporaryDirectory(), { services, routes: [route, route] }),
      ).toMatchObject({
        outcome: 'failed',
        fault: 'kong',
        detail: expect.stringMatching(/^kong start ended with 1\./),
      });
    },
    patienceMs,
  );

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

describe('a Kong that a drill starts', () => {
  it('is given the settings that decide whether it takes a file, and no others of this machine', async () => {
    const [directory, beside] = [await temporaryDirectory(), await temporaryDirectory()];
    const kong = await writeKong(
      beside,
      `[ "$1" = start ] || exec ${fakeKong} "$@"\nenv > ${beside}/given\nexit 1\n`,
    );
    const deciding = {
      KONG_PLUGINS: 'bundled,mine',
      KONG_ROUTER_FLAVOR: 'expressions',
      KONG_VAULTS: 'bundled,mine',
      KONG_WASM_FILTERS: 'mine',
      KONG_PLUGINSERVER_NAMES: 'go',
      KONG_PLUGINSERVER_GO_SOCKET: '/run/go.socket',
    };
    const others = {
      KONG_ADMIN_LISTEN: '0.0.0.0:8001',
      KONG_CLUSTER_CONTROL_PLANE: 'cp.example.com:8005',
      KONG_PG_PASSWORD: 'never-to-be-seen',
    };
    Object.assign(process.env, deciding, others);
    try {
      await bootOn(kong, directory, {});
    } finally {
      for (const name of Object.keys({ ...deciding, ...others })) {
        delete process.env[name];
      }
    }

    const given = (await readFile(join(beside, 'given'), 'utf8')).split('\n');
    expect(given).toEqual(
      expect.arrayContaining([
        ...Object.entries(deciding).map(([name, value]) => `${name}=${value}`),
        'KONG_ROLE=data_plane',
        'KONG_CLUSTER_CONTROL_PLANE=127.0.0.1:9',
        'KONG_ADMIN_LISTEN=off',
        'KONG_NGINX_PROXY_DENY=all',
      ]),
    );
    expect(given.filter((line) => line.includes('PG_PASSWORD'))).toEqual([]);
  });

  it('is none where its files cannot be written, which is blamed on the disk', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'config.json'), '');

    expect(await bootOn(fakeKong, directory, {})).toMatchObject({
      outcome: 'failed',
      fault: 'disk',
      detail: expect.stringContaining('below TMPDIR (EEXIST)'),
    });
  });

  it('needs a cluster certificate, and says that it got none', async () => {
    const kong = await writeKong(
      await temporaryDirectory(),
      `[ "$1" = hybrid ] && exit 3\nexec ${fakeKong} "$@"\n`,
    );

    expect(await bootOn(kong, await temporaryDirectory(), {})).toMatchObject({
      outcome: 'failed',
      fault: 'kong',
      detail: expect.stringContaining('gen_cert ended with 3'),
    });
  });
});
