import { type SpawnOptions, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { appendFile, chmod, chown, mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { exitCodes } from '../../../core/fetch/errors.ts';
import { seedKong } from '../../../core/standby/seed.ts';
import { findStaleCache } from '../../../core/standby/stale-cache.ts';
import { sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import { startControlPlane } from '../../../simulators/kong/control-plane/control-plane.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';
import { startEchoUpstream } from '../../../simulators/kong/echo-upstream.ts';
import { eventually } from '../../local/processes.ts';
import {
  configurationHash,
  declarativeFile,
  fakeKong,
  noConfiguration,
  readiness,
  removeEverything,
  startNode,
  tableFor,
  temporaryDirectory,
  testedKongs,
} from '../../simulators/kong/running-kong.ts';

const ends: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) {
    await end();
  }
  await removeEverything();
});

const nowhere = 'http://127.0.0.1:9';
/** Another table than that, as little to be reached. */
const elsewhere = 'http://127.0.0.1:10';
/** For what succeeds, so that a busy machine does not matter. */
const patienceMs = 500_000;

function environmentOf(prefix: string): string {
  return join(prefix, '.kong_env');
}

/** The file's time, which no replacement shares; inode numbers come back. */
async function lastWritten(prefix: string): Promise<bigint> {
  return (await stat(environmentOf(prefix), { bigint: true })).mtimeNs;
}

async function snapshot(path: string) {
  const { mode, uid, gid } = await stat(path);
  return { text: await readFile(path, 'latin1'), mode, uid, gid };
}

describe.each(testedKongs)(
  'seeding a running data plane ($name Kong)',
  ({ kong, loadMs, restMs, settle }) => {
    it('makes a node without configuration proxy, and leaves no line behind', async () => {
      const upstream = await startEchoUpstream();
      ends.push(upstream.stop);
      const node = await startNode(kong);
      const before = await snapshot(environmentOf(node.prefix));
      const { file, md5 } = await declarativeFile(node.directory, tableFor(upstream.url));

      const outcome = await seedKong({
        ...node,
        file,
        md5,
        timeoutMs: patienceMs,
        clock: systemClock,
        pollMs: 20,
      });

      expect(outcome).toBe('seeded');
      expect(await configurationHash(node)).toBe(md5);
      expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
      expect(await eventually(async () => (await readiness(node)) === 200)).toBe(true);
      const proxied = await fetch(`${node.proxyUrl}/orders/7?full=yes`);
      expect(await proxied.json()).toMatchObject({ method: 'GET', path: '/v1/7?full=yes' });
    });

    it('leaves a node alone that has a configuration', async () => {
      const node = await startNode(kong);
      const first = await declarativeFile(node.directory, tableFor(nowhere));
      await seedKong({ ...node, ...first, timeoutMs: patienceMs, clock: systemClock, pollMs: 20 });
      const before = await lastWritten(node.prefix);
      const second = await declarativeFile(node.directory, tableFor(elsewhere), 'second.json');

      const outcome = await seedKong({
        ...node,
        ...second,
        timeoutMs: loadMs,
        clock: systemClock,
        pollMs: 20,
      });

      expect(outcome).toBe('has a configuration');
      expect(await lastWritten(node.prefix)).toBe(before);
      await settle(node.prefix);
      expect(await configurationHash(node)).toBe(first.md5);
    });

    it('is content with what the control plane delivers meanwhile', async () => {
      const certificate = await sharedCertificate();
      const free = await listen(createServer(), '127.0.0.1', 0);
      await free.stop();
      const node = await startNode(kong, { clusterEndpoint: `127.0.0.1:${free.port}`, certificate });
      const before = await snapshot(environmentOf(node.prefix));
      const refused = await declarativeFile(node.directory, { no_such_entities: [] });

      const seeding = seedKong({
        ...node,
        ...refused,
        timeoutMs: patienceMs,
        restMs: patienceMs,
        clock: systemClock,
        pollMs: 20,
      });
      const controlPlane = await startControlPlane({
        mtls: 'shared',
        certificates: { controlPlane: certificate, dataPlane: certificate },
        ports: { cluster: free.port },
        configuration: tableFor(nowhere),
      });
      ends.push(() => controlPlane.stop());

      expect(await seeding).toBe('has a configuration');
      expect(await configurationHash(node)).toBe(controlPlane.builtHash());
      expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
    });

    it('undoes what Kong refuses', async () => {
      const node = await startNode(kong);
      const before = await snapshot(environmentOf(node.prefix));
      const refused = await declarativeFile(node.directory, { ...tableFor(nowhere), no_such_entities: [] });

      const seeding = seedKong({
        ...node,
        ...refused,
        timeoutMs: patienceMs,
        restMs,
        clock: systemClock,
        pollMs: 20,
      });

      await expect(seeding).rejects.toMatchObject({
        name: 'StandbyError',
        code: 'refused',
        message: expect.stringContaining(
          `did not load ${refused.file}, and the change to its settings was undone`,
        ),
      });
      expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
      await settle(node.prefix);
      expect(await configurationHash(node)).toBe(noConfiguration);
      expect(await readiness(node)).toBe(503);
    });

    it('makes Kong start again from what it had, once the line of a refused file is gone', async () => {
      const node = await startNode(kong);
      const refused = await declarativeFile(node.directory, { no_such_entities: [] });

      await expect(
        seedKong({ ...node, ...refused, timeoutMs: patienceMs, restMs, clock: systemClock, pollMs: 20 }),
      ).rejects.toThrow();
      // Kong would take it now, if it were told of it.
      await declarativeFile(node.directory, tableFor(nowhere));

      const received = async () =>
        (await readFile(join(node.prefix, 'logs/error.log'), 'utf8')).match(/\(SIGHUP\) received/g);
      await eventually(async () => ((await received()) ?? []).length > 1);
      await settle(node.prefix);
      expect(await received()).toHaveLength(2);
      expect(await configurationHash(node)).toBe(noConfiguration);
    });

    it('does not load the file again at the next SIGHUP', async () => {
      const node = await startNode(kong);
      const seed = await declarativeFile(node.directory, tableFor(nowhere));
      await seedKong({ ...node, ...seed, timeoutMs: patienceMs, clock: systemClock, pollMs: 20 });
      // Other content under the same path would show.
      await declarativeFile(node.directory, tableFor(elsewhere));

      process.kill(Number(await readFile(join(node.prefix, 'pids/nginx.pid'), 'utf8')), 'SIGHUP');
      await settle(node.prefix);

      expect(await configurationHash(node)).toBe(seed.md5);
    });

    it('takes out the line that a killed run left in a node that got its configuration', async () => {
      const node = await startNode(kong);
      const seed = await declarativeFile(node.directory, tableFor(nowhere));
      await seedKong({ ...node, ...seed, timeoutMs: patienceMs, clock: systemClock, pollMs: 20 });
      const before = await snapshot(environmentOf(node.prefix));
      await appendFile(environmentOf(node.prefix), `declarative_config = ${seed.file}\n`);

      const outcome = await seedKong({ ...node, ...seed, timeoutMs: loadMs, clock: systemClock, pollMs: 20 });

      expect(outcome).toBe('has a configuration');
      expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
    });

    it('seeds over the lines and the half-written file that killed runs left behind', async () => {
      const node = await startNode(kong);
      const before = await snapshot(environmentOf(node.prefix));
      const seed = await declarativeFile(node.directory, tableFor(nowhere));
      await appendFile(environmentOf(node.prefix), `declarative_config = ${seed.file}\n`.repeat(2));
      await writeFile(`${environmentOf(node.prefix)}.lifeboat`, 'half');

      const outcome = await seedKong({
        ...node,
        ...seed,
        timeoutMs: patienceMs,
        clock: systemClock,
        pollMs: 20,
      });

      expect(outcome).toBe('seeded');
      expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
      await expect(stat(`${environmentOf(node.prefix)}.lifeboat`)).rejects.toMatchObject({ code: 'ENOENT' });
    });
  },
);

describe.each(testedKongs)('a data plane that started from an old cache ($name Kong)', (tested) => {
  const { kong, loadMs, restMs, settle } = tested;
  const monthMs = 30 * 24 * 3600 * 1000;

  /** Loaded a month ago, by the time of its cache, and started anew since. */
  async function nodeWithOldCache() {
    const first = await startNode(kong);
    const old = await declarativeFile(first.directory, tableFor(nowhere), 'old.json');
    await seedKong({ ...first, ...old, timeoutMs: patienceMs, clock: systemClock, pollMs: 20 });
    await first.stop();
    const cache = join(first.prefix, 'dbless.lmdb/data.mdb');
    await utimes(cache, (Date.now() - monthMs) / 1000, (Date.now() - monthMs) / 1000);
    const node = await startNode(kong, { directory: first.directory, certificate: first.certificate });
    await eventually(async () => (await configurationHash(node)) === old.md5);
    const replaces = { hash: old.md5, writtenMs: (await stat(cache)).mtimeMs };
    return { node, old, replaces, cache };
  }

  it('is seen as such, with a control plane that is silent, and no other', async () => {
    const { node, old, replaces } = await nodeWithOldCache();
    const question = { prefix: node.prefix, hash: old.md5, now: new Date() };

    const found = await findStaleCache({ ...question, maxAgeMs: monthMs - 60_000 });
    const younger = await findStaleCache({ ...question, maxAgeMs: monthMs + 60_000 });

    expect(found).toEqual({ ...replaces, isSilent: true });
    expect(younger).toBeUndefined();
  });

  it('proxies the newer file, which starts the next time from its cache', async () => {
    const { node, replaces } = await nodeWithOldCache();
    const before = await snapshot(environmentOf(node.prefix));
    const newer = await declarativeFile(node.directory, tableFor(elsewhere), 'newer.json');

    const outcome = await seedKong({
      ...node,
      ...newer,
      replaces,
      timeoutMs: patienceMs,
      clock: systemClock,
      pollMs: 20,
    });

    expect(outcome).toBe('seeded');
    expect(await configurationHash(node)).toBe(newer.md5);
    expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
    expect(
      await findStaleCache({ prefix: node.prefix, hash: newer.md5, maxAgeMs: 1, now: new Date() }),
    ).toBeUndefined();
  });

  it('keeps its cache when Kong refuses the file', async () => {
    const { node, old, replaces } = await nodeWithOldCache();
    const before = await snapshot(environmentOf(node.prefix));
    const refused = await declarativeFile(node.directory, { no_such_entities: [] });

    const seeding = seedKong({
      ...node,
      ...refused,
      replaces,
      timeoutMs: patienceMs,
      restMs,
      clock: systemClock,
      pollMs: 20,
    });

    await expect(seeding).rejects.toMatchObject({ code: 'refused' });
    expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
    await settle(node.prefix);
    expect(await configurationHash(node)).toBe(old.md5);
    expect(await readiness(node)).toBe(200);
  });

  it.each(['hash', 'writtenMs'] as const)('is left alone when its %s is another one by now', async (what) => {
    const { node, old, replaces } = await nodeWithOldCache();
    const before = await lastWritten(node.prefix);
    const newer = await declarativeFile(node.directory, tableFor(elsewhere), 'newer.json');
    const sighted = what === 'hash' ? { hash: 'f'.repeat(32) } : { writtenMs: replaces.writtenMs - 1 };

    const outcome = await seedKong({
      ...node,
      ...newer,
      replaces: { ...replaces, ...sighted },
      timeoutMs: loadMs,
      clock: systemClock,
    });

    expect(outcome).toBe('has a configuration');
    expect(await configurationHash(node)).toBe(old.md5);
    expect(await lastWritten(node.prefix)).toBe(before);
  });
});

describe('a Kong that takes its time', () => {
  const hurried = { restMs: 250, clock: systemClock, pollMs: 20 };

  it('is waited for beyond every limit, while it is seen to work', async () => {
    const settings = { KONG_FAKE_PARSE_MS: '1000', KONG_FAKE_LOAD_MS: '2000' };
    const node = await startNode(fakeKong, { settings });
    const seed = await declarativeFile(node.directory, tableFor(nowhere));

    const outcome = await seedKong({ ...node, ...seed, ...hurried, timeoutMs: 100 });

    expect(outcome).toBe('seeded');
  });

  it('has not refused a file before it has read it', async () => {
    const node = await startNode(fakeKong, { settings: { KONG_FAKE_PARSE_MS: '1500' } });
    const refused = await declarativeFile(node.directory, { no_such_entities: [] });
    const log = () => readFile(join(node.prefix, 'logs/error.log'), 'utf8');

    const seeding = seedKong({ ...node, ...refused, ...hurried, timeoutMs: 100 });

    await expect(seeding).rejects.toMatchObject({ code: 'refused' });
    expect(await log()).toContain('init_by_lua error');
  });

  it('has not loaded a file that new workers could not store', async () => {
    const node = await startNode(fakeKong, { settings: { KONG_LMDB_MAP_SIZE: '100' } });
    const before = await snapshot(environmentOf(node.prefix));
    const large = await declarativeFile(node.directory, tableFor(nowhere));

    const seeding = seedKong({ ...node, ...large, ...hurried, timeoutMs: patienceMs });

    await expect(seeding).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('lmdb_map_size'),
    });
    expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
  });
});

describe('a Kong that is started again while it loads', () => {
  it.each([
    ['killed', 'SIGKILL'],
    ['stopped', 'SIGTERM'],
  ] as const)(
    'is given the same file again, and has refused nothing: one that is %s',
    async (_how, signal) => {
      const settings = { KONG_FAKE_PARSE_MS: '3000' };
      const first = await startNode(fakeKong, { settings });
      const { directory, certificate } = first;
      const seed = await declarativeFile(directory, tableFor(nowhere));
      const seeding = seedKong({ ...first, ...seed, timeoutMs: 100, clock: systemClock, pollMs: 20 });
      await eventually(async () =>
        (await readFile(join(first.prefix, 'logs/error.log'), 'utf8')).includes('(SIGHUP) received'),
      );

      process.kill(Number(await readFile(join(first.prefix, 'pids/nginx.pid'), 'utf8')), signal);

      expect(await seeding).toBe('interrupted');
      expect(await readFile(environmentOf(first.prefix), 'utf8')).not.toContain('declarative_config');
      // Where nobody waits for a process that has ended, it looks alive by its id.
      await rm(join(first.prefix, 'pids/nginx.pid'), { force: true });
      const second = await startNode(fakeKong, { directory, certificate });
      const again = await seedKong({
        ...second,
        ...seed,
        timeoutMs: patienceMs,
        clock: systemClock,
        pollMs: 20,
      });
      expect(again).toBe('seeded');
      await second.stop();
    },
  );

  it('is given the same file again where it was told to reload, which takes the line out', async () => {
    const node = await startNode(fakeKong, { settings: { KONG_FAKE_PARSE_MS: '3000' } });
    const seed = await declarativeFile(node.directory, tableFor(nowhere));
    const seeding = seedKong({ ...node, ...seed, timeoutMs: 100, clock: systemClock, pollMs: 20 });
    await eventually(async () =>
      (await readFile(environmentOf(node.prefix), 'utf8')).includes('declarative_config'),
    );
    await delay(100);

    await node.reload();

    expect(await seeding).toBe('interrupted');
  });
});

describe('a node with incremental sync', () => {
  it('is left alone while it is connected, though it shows no configuration, and seeded without', async () => {
    const certificate = await sharedCertificate();
    const controlPlane = await startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: certificate, dataPlane: certificate },
      configuration: tableFor(nowhere),
    });
    ends.push(() => controlPlane.stop());
    const node = await startNode(fakeKong, {
      clusterEndpoint: controlPlane.clusterEndpoint,
      certificate,
      settings: { KONG_CLUSTER_INCREMENTAL_SYNC: 'on' },
    });
    // The service is nowhere, and the route is there.
    const proxied = async () => (await fetch(`${node.proxyUrl}/orders`)).status;
    expect(await eventually(async () => (await proxied()) === 502)).toBe(true);
    const before = await lastWritten(node.prefix);
    const file = await declarativeFile(node.directory, tableFor(elsewhere));
    const request = { ...node, ...file, timeoutMs: patienceMs, clock: systemClock, pollMs: 20 };

    const connected = await seedKong(request);
    const shown = [await configurationHash(node), await readiness(node)];
    const untouched = await lastWritten(node.prefix);
    await controlPlane.stop();
    const isSeeded = await eventually(async () => (await seedKong(request)) === 'seeded');

    expect([connected, ...shown]).toEqual(['has a configuration', noConfiguration, 503]);
    expect(untouched).toBe(before);
    expect(isSeeded).toBe(true);
  });
});

describe('a configuration that comes at the last moment', () => {
  it.each([
    ['in an empty node', undefined],
    ['in a node with an old cache', { hash: 'a'.repeat(32), writtenMs: 1 }],
  ])('is not signalled away, and the line goes again: %s', async (_what, replaces) => {
    const before = replaces?.hash ?? noConfiguration;
    const hashes = [before, 'f'.repeat(32)];
    const node = await bareNode({ hash: () => hashes.shift() ?? 'f'.repeat(32) });
    if (replaces !== undefined) {
      await withCache(node.prefix, replaces.writtenMs);
    }
    const text = await readFile(environmentOf(node.prefix), 'utf8');

    const outcome = await seedKong({ ...node, replaces });

    expect(outcome).toBe('has a configuration');
    expect(hashes).toEqual([]);
    expect(await readFile(environmentOf(node.prefix), 'utf8')).toBe(text);
    await delay(20);
    expect(node.master.signals()).toBe(0);
  });
});

describe('seeding a data plane whose .kong_env is not as Kong made it', () => {
  it.each(['600', '640', '664'])('keeps its mode 0%s', async (octal) => {
    const mode = Number.parseInt(octal, 8);
    const node = await bareNode();
    await chmod(environmentOf(node.prefix), mode);

    await seedKong({ ...node, timeoutMs: patienceMs, clock: systemClock });

    expect((await stat(environmentOf(node.prefix))).mode & 0o7777).toBe(mode);
  });

  (process.getuid?.() === 0 ? it : it.skip)('keeps its owner when root seeds', async () => {
    const node = await bareNode();
    await chown(environmentOf(node.prefix), 65_533, 65_532);

    await seedKong({ ...node, timeoutMs: patienceMs, clock: systemClock });

    expect(await stat(environmentOf(node.prefix))).toMatchObject({ uid: 65_533, gid: 65_532 });
  });

  (process.getuid?.() === 0 ? it : it.skip)(
    'is written by its owner, whose group it need not have',
    async () => {
      const node = await bareNode({ masterUser: { uid: nobody } });
      await asNobody(node);
      await chown(environmentOf(node.prefix), nobody, 65_532);

      const outcome = await unprivileged(() => seedKong(node));

      expect(outcome).toBe('seeded');
      expect(await stat(environmentOf(node.prefix))).toMatchObject({ uid: nobody, gid: 65_532 });
    },
  );

  it('keeps bytes that are no UTF-8, and copes with a last line without an end', async () => {
    const node = await startNode(fakeKong);
    const seed = await declarativeFile(node.directory, tableFor(elsewhere), 'küste.json');
    await appendFile(environmentOf(node.prefix), Buffer.from('pg_password = na\u00efve', 'latin1'));
    const before = await snapshot(environmentOf(node.prefix));

    const outcome = await seedKong({
      ...node,
      ...seed,
      timeoutMs: patienceMs,
      clock: systemClock,
      pollMs: 20,
    });

    expect(outcome).toBe('seeded');
    expect(await snapshot(environmentOf(node.prefix))).toEqual({ ...before, text: `${before.text}\n` });
  });

  it.each([
    'declarative_config = /etc/kong/own.json',
    ' declarative_config=/etc/kong/own.json',
    'declarative_config_string = {"_format_version":"3.0"}',
  ])('does not touch a configuration of the user’s own: %s', async (line) => {
    const node = await bareNode();
    await appendFile(environmentOf(node.prefix), `${line}\n`);
    const writtenAt = await lastWritten(node.prefix);

    const seeding = seedKong(node);

    await expect(seeding).rejects.toMatchObject({
      code: 'kong',
      message: expect.stringMatching(/has a declarative_config(_string)? that Lifeboat did not write/),
    });
    await expectUntouched({ ...node, writtenAt });
  });
});

describe('a seeding that ends early', () => {
  it('takes the line out when it is cancelled', async () => {
    const node = await startNode(fakeKong);
    const before = await snapshot(environmentOf(node.prefix));
    const refused = await declarativeFile(node.directory, { no_such_entities: [] });
    const cancel = new AbortController();

    const seeding = seedKong({
      ...node,
      ...refused,
      timeoutMs: 20_000,
      clock: systemClock,
      pollMs: 20,
      signal: cancel.signal,
    });
    setTimeout(() => cancel.abort(), 150);

    await expect(seeding).rejects.toMatchObject({
      code: 'kong',
      message: expect.stringContaining('cancelled'),
    });
    expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
  });

  it('takes the line out when Kong ends meanwhile, and calls nothing refused', async () => {
    const node = await startNode(fakeKong);
    const before = await snapshot(environmentOf(node.prefix));
    const refused = await declarativeFile(node.directory, { no_such_entities: [] });

    const seeding = seedKong({ ...node, ...refused, timeoutMs: 600, clock: systemClock, pollMs: 20 });
    await delay(200);
    await node.stop();

    expect(await seeding).toBe('interrupted');
    expect(await snapshot(environmentOf(node.prefix))).toEqual(before);
  });
});

/**
 * Just what seeding touches. Once its nginx master has had a SIGHUP its status API names the file's hash,
 * after it broke off once as that of a node that reloads may do.
 */
async function bareNode({
  status,
  hash,
  masterUser = {},
}: {
  readonly status?: object;
  /** What it shows, asked anew each time. */
  readonly hash?: () => string;
  readonly masterUser?: { readonly uid?: number };
} = {}) {
  const directory = await temporaryDirectory();
  const prefix = join(directory, 'kong');
  await mkdir(join(prefix, 'pids'), { recursive: true });
  await writeFile(environmentOf(prefix), 'role = data_plane\n', { mode: 0o640 });
  const seed = await declarativeFile(directory, {});
  const master = await startMaster(`-p ${prefix} -c nginx.conf`, masterUser);
  await writeFile(join(prefix, 'pids/nginx.pid'), `${master.pid}\n`);
  let hasBrokenOff = false;
  const api = createServer((request, response) => {
    const isReloaded = master.signals() > 0;
    if (isReloaded && !hasBrokenOff) {
      hasBrokenOff = true;
      request.socket.destroy();
      return;
    }
    const shown = hash?.() ?? (isReloaded ? seed.md5 : noConfiguration);
    response.end(JSON.stringify(status ?? { configuration_hash: shown }));
  });
  const { port, stop } = await listen(api, '127.0.0.1', 0);
  ends.push(stop);
  const statusUrl = `http://127.0.0.1:${port}`;
  const writtenAt = await lastWritten(prefix);
  const patience = { timeoutMs: patienceMs, clock: systemClock, pollMs: 20 };
  return { prefix, statusUrl, ...seed, master, writtenAt, ...patience };
}

/** A process with the title of nginx's master, which counts the SIGHUPs that it gets. */
async function startMaster(parameters: string, options: SpawnOptions = {}) {
  const script =
    "process.on('SIGHUP', () => console.log('HUP')); setInterval(() => 0, 2 ** 30); console.log('up');";
  const child = spawn(process.execPath, ['-e', script], {
    argv0: `nginx: master process /usr/local/openresty/nginx/sbin/nginx ${parameters}`,
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ends.push(() => child.kill('SIGKILL'));
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  expect(await eventually(() => printed.includes('up'))).toBe(true);
  return { pid: child.pid, child, signals: () => printed.split('HUP').length - 1 };
}

/** An old cache, and settings that name a control plane which nobody is connected to. */
async function withCache(prefix: string, writtenMs: number): Promise<void> {
  await mkdir(join(prefix, 'dbless.lmdb'));
  const cache = join(prefix, 'dbless.lmdb/data.mdb');
  await writeFile(cache, '');
  await utimes(cache, writtenMs / 1000, writtenMs / 1000);
  await appendFile(environmentOf(prefix), 'cluster_control_plane = 127.0.0.1:9\n');
}

type BareNode = Awaited<ReturnType<typeof bareNode>>;

/** Neither was the file replaced nor a signal sent. */
async function expectUntouched({ prefix, writtenAt, master }: BareNode): Promise<void> {
  expect(await lastWritten(prefix)).toBe(writtenAt);
  await delay(20);
  expect(master.signals()).toBe(0);
}

describe('what keeps a node from being seeded', () => {
  it.each([
    ['is missing', undefined, 'cannot be read (ENOENT)'],
    ['is empty', '', 'contains no process id'],
    ['is no number', 'nginx\n', 'contains no process id'],
    // kill(0) and kill(-n) would signal whole groups.
    ['is zero', '0\n', 'contains no process id'],
    ['is negative', '-1\n', 'contains no process id'],
    ['is of a process that has ended', '4194304\n', 'ESRCH'],
    [
      'is our own, as when both are the first of their container',
      `${process.pid}\n`,
      'not Kong’s nginx master',
    ],
  ])('a pid that %s', async (_case, content, message) => {
    const node = await bareNode();
    const path = join(node.prefix, 'pids/nginx.pid');
    await (content === undefined ? rm(path) : writeFile(path, content));

    const seeding = seedKong(node);

    await expect(seeding).rejects.toMatchObject({ code: 'kong', message: expect.stringContaining(message) });
    await expectUntouched(node);
  });

  it('a pid that is another process by now', async () => {
    const node = await bareNode();
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    ends.push(() => stranger.kill('SIGKILL'));
    await writeFile(join(node.prefix, 'pids/nginx.pid'), String(stranger.pid));

    const seeding = seedKong(node);

    await expect(seeding).rejects.toThrow(`process ${stranger.pid}, which`);
    await expectUntouched(node);
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
  });

  it('a Kong that ended after it was checked, and whose process id is another process’s by now', async () => {
    let questions = 0;
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    ends.push(() => stranger.kill('SIGKILL'));
    const node = await bareNode({
      hash: () => {
        questions += 1;
        if (questions === 2) {
          // The last question before the signal.
          writeFileSync(join(node.prefix, 'pids/nginx.pid'), String(stranger.pid));
        }
        return noConfiguration;
      },
    });

    const seeding = seedKong(node);

    await expect(seeding).rejects.toThrow(`process ${stranger.pid}, which`);
    await delay(20);
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
    expect(await readFile(environmentOf(node.prefix), 'utf8')).toBe('role = data_plane\n');
  });

  it('settings that may only be read', async () => {
    const node = await bareNode();
    await asNobody(node);
    await chmod(environmentOf(node.prefix), 0o444);

    const seeding = unprivileged(() => seedKong(node));

    await expect(seeding).rejects.toMatchObject({
      code: 'kong',
      message: expect.stringMatching(/\.kong_env cannot be written \(EACCES\): run this as Kong’s user/),
    });
    await expectUntouched(node);
  });

  (process.getuid?.() === 0 ? it : it.skip)('a Kong of another user', async () => {
    const node = await bareNode({ masterUser: { uid: 65_533 } });
    await asNobody(node);

    const seeding = unprivileged(() => seedKong(node));

    await expect(seeding).rejects.toThrow('cannot be signalled (EPERM): run this as Kong’s user');
    await expectUntouched(node);
  });

  it('a prefix that is not Kong’s', async () => {
    const node = await bareNode();

    const seeding = seedKong({ ...node, prefix: join(node.prefix, 'pids') });

    await expect(seeding).rejects.toThrow('.kong_env cannot be read (ENOENT): check the prefix');
  });

  it('a file that was changed since it was verified', async () => {
    const node = await bareNode();
    await appendFile(node.file, ' ');

    const seeding = seedKong(node);

    await expect(seeding).rejects.toMatchObject({
      code: 'verification',
      message: expect.stringContaining('changed'),
    });
    await expectUntouched(node);
  });

  it('a file that is missing', async () => {
    const node = await bareNode();

    const seeding = seedKong({ ...node, file: `${node.file}.gone` });

    await expect(seeding).rejects.toThrow(`${node.file}.gone cannot be read (ENOENT)`);
    await expectUntouched(node);
  });

  it.each(['/tmp/a#b.json', '/tmp/a\\', '/tmp/a\nadmin_listen = 0.0.0.0:8001', '/tmp/a.json '])(
    'a path that Kong’s settings cannot hold: %j',
    async (file) => {
      const node = await bareNode();

      const seeding = seedKong({ ...node, file });

      await expect(seeding).rejects.toThrow('Kong’s settings cannot contain the path');
      await expectUntouched(node);
    },
  );

  it('a status API that does not answer', async () => {
    const node = await bareNode();

    const seeding = seedKong({ ...node, statusUrl: nowhere });

    await expect(seeding).rejects.toThrow(`did not answer at ${nowhere}/status (`);
    await expectUntouched(node);
  });

  it('a status API of a node with a database', async () => {
    const node = await bareNode({ status: { database: { reachable: true } } });

    const seeding = seedKong(node);

    await expect(seeding).rejects.toThrow('answered without a configuration_hash');
    await expectUntouched(node);
  });

  it('that it was cancelled before it began', async () => {
    const node = await bareNode();

    const seeding = seedKong({ ...node, signal: AbortSignal.abort() });

    await expect(seeding).rejects.toThrow('cancelled');
    await expectUntouched(node);
  });
});

describe('a node that has a configuration', () => {
  it.each(['with nothing of Kong’s', 'that may not be entered'])('needs no prefix: one %s', async (which) => {
    const node = await bareNode({ status: { configuration_hash: 'f'.repeat(32) } });
    await asNobody(node);
    await chmod(node.prefix, 0o000);
    const prefix = which === 'that may not be entered' ? node.prefix : join(node.prefix, 'none');

    const outcome = await unprivileged(() => seedKong({ ...node, prefix }));

    expect(outcome).toBe('has a configuration');
    await chmod(node.prefix, 0o755);
    await expectUntouched(node);
  });
});

it('ends the command line with codes of its own', () => {
  expect([exitCodes.kong, exitCodes.refused]).toEqual([8, 9]);
});

const nobody = 65_534;

/** Root may do anything: where the tests run as root, everything but Kong itself becomes another user's. */
async function asNobody({ prefix, file }: { readonly prefix: string; readonly file: string }): Promise<void> {
  if (process.getuid?.() !== 0) {
    return;
  }
  for (const path of [join(prefix, '..'), prefix, join(prefix, 'pids'), environmentOf(prefix), file]) {
    await chown(path, nobody, nobody);
  }
}

async function unprivileged<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.getuid?.() !== 0) {
    return work();
  }
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
