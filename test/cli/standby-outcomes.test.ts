/** Nothing is made worse: whatever becomes of standby, and of Kong afterwards, the configuration that is served is the one that should be. */
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sharedCertificate } from '../../simulators/kong/control-plane/certificates.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { type Listening, listen } from '../../simulators/kong/control-plane/listening.ts';
import { startEchoUpstream } from '../../simulators/kong/echo-upstream.ts';
import { eventually, processes } from '../local/processes.ts';
import {
  configurationHash,
  fakeKong,
  noConfiguration,
  removeEverything,
  startNode,
  type TestedKong,
  tableFor,
  temporaryDirectory,
  testedKongs,
} from '../simulators/kong/running-kong.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import { type Answers, goodFile, goodGrant, newSigningKey, startStandIn } from './published-file.ts';

const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
};
const key = newSigningKey();
const never = () => new Promise<never>(() => undefined);
const dayMs = 24 * 3600 * 1000;

/** Whose configuration answers a request: nobody's, the control plane's, the vault's, or that of an old cache. */
type Served = 'nothing' | 'theirs' | 'ours' | 'old';

let cli: Cli;
let upstream: Awaited<ReturnType<typeof startEchoUpstream>>;
let publicKey: string;
let answers: Answers;
let standIn: Awaited<ReturnType<typeof startStandIn>>;
const ends: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  [cli, upstream] = await Promise.all([bundledCli(), startEchoUpstream()]);
  publicKey = join(cli.directory, 'signing-key.pem');
  await writeFile(publicKey, key.pem);
});

beforeEach(async () => {
  answers = { grant: goodGrant, file: () => published('ours') };
  standIn = await startStandIn(answers);
});

afterEach(async () => {
  for (const end of ends.splice(0)) {
    await end();
  }
  await standIn.stop();
  await removeEverything();
});

afterAll(async () => {
  await cli.stop();
  await upstream.stop();
});

function tableOf(whose: Served) {
  const { services, routes } = tableFor(upstream.url);
  return { services: services.map((service) => ({ ...service, path: `/${whose}` })), routes };
}

const fileOf = (table: object) =>
  Buffer.from(JSON.stringify({ _format_version: '3.0', _transform: false, ...table }));

function published(whose: Served, table: object = tableOf(whose)) {
  const now = new Date();
  return goodFile(key, { builtAt: now, exportedAt: now }, fileOf(table));
}

/** A node, its control plane, and what people and machines do to them. */
async function newWorld({ kong, loadMs, retryMs }: TestedKong) {
  const [free, certificate, directory] = await Promise.all([
    listen(createServer(), '127.0.0.1', 0),
    sharedCertificate(),
    temporaryDirectory(),
  ]);
  await free.stop();
  const start = () => startNode(kong, { directory, certificate, clusterEndpoint: `127.0.0.1:${free.port}` });
  let node = await start();
  let controlPlane: ControlPlane | undefined;
  const environment = join(node.prefix, '.kong_env');
  const environmentText = () => readFile(environment, 'utf8');
  const hasLine = async () => (await environmentText()).includes('declarative_config = ');
  const cache = join(node.prefix, 'dbless.lmdb/data.mdb');

  /** The node's status, which waits for ever at one point, so that standby waits there. */
  async function gate(holdAt: 'line written' | 'signalled' | 'loaded' | undefined) {
    let asked = 0;
    let isHeld = false;
    const server = createServer(async (_, response) => {
      asked += (await hasLine()) ? 1 : 0;
      const hash = await configurationHash(node).catch(() => undefined);
      isHeld =
        (holdAt === 'line written' && asked === 1) ||
        (holdAt === 'signalled' && asked === 2) ||
        (holdAt === 'loaded' && asked > 1 && hash !== noConfiguration);
      if (!isHeld) {
        response.end(JSON.stringify({ configuration_hash: hash }));
      }
    });
    const { port, stop }: Listening = await listen(server, '127.0.0.1', 0);
    ends.push(stop);
    return { url: `http://127.0.0.1:${port}`, isHeld: () => isHeld };
  }

  const parameters = (statusUrl: string, more: readonly string[] = []) => [
    ...['standby', '--json', '--control-plane', 'prod', '--kong-version', '3.9.1', '--endpoint', standIn.url],
    ...['--public-key', publicKey, '--prefix', node.prefix, '--status-url', statusUrl, '--after', '0'],
    ...['--load-timeout', String(Math.ceil((loadMs * 4) / 1000)), ...more],
  ];

  async function startUntilKilled(
    isThere: () => boolean,
    { holdAt, more = [] }: { holdAt?: Parameters<typeof gate>[0]; more?: readonly string[] },
  ) {
    const status = await gate(holdAt);
    const running = cli.start(parameters(status.url, more), credentials);
    const wasThere = await eventually(() => isThere() || status.isHeld(), 15);
    running.signal('SIGKILL');
    await running.ended;
    expect({ wasThere, stdout: running.stdout() }).toMatchObject({ wasThere: true });
  }

  async function controlPlaneUp(whose: Served = 'theirs') {
    controlPlane = await startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: certificate, dataPlane: certificate },
      ports: { cluster: free.port },
      configuration: tableOf(whose),
    });
    const hash = controlPlane.builtHash();
    await eventually(async () => (await configurationHash(node)) === hash, retryMs / 1000 + 10);
  }

  async function controlPlaneDown() {
    await controlPlane?.stop();
    controlPlane = undefined;
  }
  ends.push(controlPlaneDown);

  const requests = () => standIn.requests.length;
  const steps = {
    standby: () => cli.run(parameters(node.statusUrl, ['--once']), credentials),
    'standby for old caches': () =>
      cli.run(parameters(node.statusUrl, ['--once', '--max-cache-age', '12h', '--after', '1']), credentials),
    'killed while asking': async () => {
      answers.grant = never;
      await startUntilKilled(() => requests() === 1, {});
      answers.grant = goodGrant;
    },
    'killed while downloading': async () => {
      answers.file = never;
      await startUntilKilled(() => requests() === 2, {});
      answers.file = () => published('ours');
    },
    'killed with the line written': () => startUntilKilled(() => false, { holdAt: 'line written' }),
    'killed with the line written over an old cache': () =>
      startUntilKilled(() => false, { holdAt: 'line written', more: ['--max-cache-age', '12h'] }),
    'killed after the SIGHUP': () => startUntilKilled(() => false, { holdAt: 'signalled' }),
    'killed before the line went': () => startUntilKilled(() => false, { holdAt: 'loaded' }),
    'ended by SIGTERM after the SIGHUP': async () => {
      const status = await gate('signalled');
      const running = cli.start(parameters(status.url), credentials);
      await eventually(status.isHeld, 15);
      running.signal('SIGTERM');
      // Until the question that is held has run out of time.
      expect((await running.ended).exitCode).toBe(0);
    },
    'the control plane delivers during the download': async () => {
      answers.file = async () => {
        await controlPlaneUp();
        return published('ours');
      };
      await cli.run(parameters(node.statusUrl, ['--once']), credentials);
    },
    'the vault has a file that Kong refuses': async () => {
      answers.file = () => published('ours', { ...tableOf('ours'), no_such_entities: [] });
    },
    'the line of a killed run': async () => {
      const file = join(node.prefix, 'lifeboat-config.json');
      await writeFile(file, fileOf(tableOf('ours')), { mode: 0o600 });
      await appendFile(environment, `declarative_config = ${file}\n`);
    },
    'halves of files and a pid of nobody': async () => {
      await writeFile(`${environment}.lifeboat`, 'half');
      await writeFile(join(node.prefix, 'lifeboat-config.json'), '{"half');
      const half = join(node.prefix, '.lifeboat-config.json.0');
      await writeFile(half, 'half');
      await utimes(half, 1, 1);
    },
    'an old cache': async () => {
      await controlPlaneUp('old');
      await controlPlaneDown();
      await node.stop();
      const old = (Date.now() - dayMs) / 1000;
      await utimes(cache, old, old);
      node = await start();
    },
    SIGHUP: async () =>
      process.kill(Number(await readFile(join(node.prefix, 'pids/nginx.pid'), 'utf8')), 'SIGHUP'),
    reload: () => node.reload(),
    restart: async () => {
      await node.stop();
      node = await start();
    },
    'control plane': () => controlPlaneUp(),
    'control plane that has the old': () => controlPlaneUp('old'),
    'no control plane': controlPlaneDown,
  } as const;

  async function served(): Promise<Served | number> {
    const response = await fetch(`${node.proxyUrl}/orders/7`);
    const { path } = (await response.json()) as { readonly path?: string };
    return response.status === 404 ? 'nothing' : ((path?.split('/')[1] as Served) ?? response.status);
  }

  return {
    node: () => node,
    environmentText,
    hasLine,
    served,
    async play(names: readonly (keyof typeof steps)[]) {
      for (const name of names) {
        await steps[name]();
        // What is going to happen of it has happened.
        await delay(loadMs);
      }
    },
  };
}

type Step = Parameters<Awaited<ReturnType<typeof newWorld>>['play']>[0][number];

describe.each(testedKongs)('what is served ($name Kong)', (kong) => {
  it.each<readonly [state: string, steps: readonly Step[], served: Served]>([
    // Nothing was given to the node yet.
    ['empty', ['killed while asking'], 'nothing'],
    ['empty', ['killed while asking', 'SIGHUP', 'reload', 'restart'], 'nothing'],
    ['empty', ['killed while asking', 'control plane', 'SIGHUP'], 'theirs'],
    ['empty', ['killed while downloading', 'SIGHUP', 'reload', 'restart'], 'nothing'],
    ['empty', ['killed while downloading', 'control plane'], 'theirs'],
    ['empty', ['killed while downloading', 'standby'], 'ours'],

    // The line is there, and Kong was not told: only a SIGHUP makes it look, and what it finds is verified.
    ['empty', ['killed with the line written'], 'nothing'],
    ['empty', ['killed with the line written', 'SIGHUP'], 'ours'],
    ['empty', ['killed with the line written', 'reload', 'SIGHUP'], 'nothing'],
    ['empty', ['killed with the line written', 'restart', 'SIGHUP'], 'nothing'],
    ['empty', ['killed with the line written', 'standby', 'restart'], 'ours'],
    ['empty', ['killed with the line written', 'control plane', 'reload'], 'theirs'],
    ['empty', ['killed with the line written', 'control plane', 'restart', 'SIGHUP'], 'theirs'],
    ['empty', ['killed with the line written', 'control plane', 'standby', 'SIGHUP'], 'theirs'],

    // Kong has loaded the file, and the line is left.
    ['empty', ['killed after the SIGHUP'], 'ours'],
    ['empty', ['killed after the SIGHUP', 'reload', 'restart'], 'ours'],
    ['empty', ['killed after the SIGHUP', 'control plane', 'reload', 'SIGHUP'], 'theirs'],
    ['empty', ['killed before the line went', 'SIGHUP', 'restart'], 'ours'],
    ['empty', ['killed before the line went', 'control plane', 'restart', 'SIGHUP'], 'theirs'],
    ['empty', ['killed before the line went', 'control plane', 'standby', 'SIGHUP'], 'theirs'],
    ['empty', ['ended by SIGTERM after the SIGHUP', 'control plane', 'SIGHUP'], 'theirs'],

    // The one known exception: the line is left, the control plane has delivered and gone, and somebody sends a raw SIGHUP before standby or
    // Kong is started again.
    ['empty', ['killed before the line went', 'control plane', 'no control plane', 'SIGHUP'], 'ours'],
    ['empty', ['killed before the line went', 'control plane', 'no control plane', 'reload'], 'theirs'],
    ['empty', ['killed before the line went', 'control plane', 'no control plane', 'restart'], 'theirs'],

    ['configured', ['control plane', 'no control plane', 'standby', 'SIGHUP', 'reload', 'restart'], 'theirs'],
    [
      'configured',
      ['control plane', 'no control plane', 'the line of a killed run', 'standby', 'SIGHUP'],
      'theirs',
    ],
    [
      'configured while we download',
      ['the control plane delivers during the download', 'no control plane', 'SIGHUP', 'reload', 'restart'],
      'theirs',
    ],

    ['seeded', ['standby', 'SIGHUP', 'reload', 'restart'], 'ours'],
    ['seeded', ['standby', 'control plane', 'no control plane', 'SIGHUP', 'reload', 'restart'], 'theirs'],
    ['seeded', ['standby', 'standby', 'SIGHUP'], 'ours'],

    [
      'refused file',
      ['the vault has a file that Kong refuses', 'standby', 'SIGHUP', 'reload', 'restart'],
      'nothing',
    ],
    [
      'refused file',
      ['the vault has a file that Kong refuses', 'standby', 'control plane', 'SIGHUP'],
      'theirs',
    ],

    ['leftovers', ['halves of files and a pid of nobody', 'standby', 'restart'], 'ours'],
    [
      'leftovers',
      ['the line of a killed run', 'standby', 'control plane', 'no control plane', 'SIGHUP'],
      'theirs',
    ],

    ['old cache', ['an old cache', 'standby', 'SIGHUP', 'restart'], 'old'],
    ['old cache', ['an old cache', 'standby for old caches', 'SIGHUP', 'restart'], 'ours'],
    [
      'old cache',
      ['an old cache', 'control plane that has the old', 'standby for old caches', 'SIGHUP'],
      'old',
    ],
    ['old cache', ['an old cache', 'control plane', 'standby for old caches', 'restart'], 'theirs'],
    ['old cache', ['an old cache', 'standby for old caches', 'control plane', 'SIGHUP'], 'theirs'],
    [
      'old cache',
      [
        'an old cache',
        'the vault has a file that Kong refuses',
        'standby for old caches',
        'SIGHUP',
        'restart',
      ],
      'old',
    ],
    [
      'old cache',
      ['an old cache', 'killed with the line written over an old cache', 'reload', 'SIGHUP'],
      'old',
    ],
    [
      'old cache',
      ['an old cache', 'killed with the line written over an old cache', 'control plane', 'reload'],
      'theirs',
    ],
  ])(
    '%s: %j → %s',
    async (_state, steps, expected) => {
      const world = await newWorld(kong);

      await world.play(steps);

      await eventually(async () => (await world.served()) === expected, kong.loadMs / 1000);
      expect(await world.served()).toBe(expected);
    },
    180_000,
  );
});

describe('two standbys', () => {
  it('seed a node once, and leave its settings as they were', async () => {
    const world = await newWorld({ name: 'fake', kong: fakeKong, loadMs: 250, retryMs: 5_000 });
    const before = await world.environmentText();
    const { prefix, statusUrl } = world.node();
    const parameters = [
      ...[
        'standby',
        '--json',
        '--control-plane',
        'prod',
        '--kong-version',
        '3.9.1',
        '--endpoint',
        standIn.url,
      ],
      ...['--public-key', publicKey, '--prefix', prefix, '--status-url', statusUrl, '--load-timeout', '2'],
    ];

    const both = await Promise.all([1, 2].map(() => cli.run([...parameters, '--after', '0'], credentials)));

    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await world.served()).toBe('ours');
    expect(await world.environmentText()).toBe(before);
    expect((await readdir(prefix)).filter((name) => /lifeboat/.test(name))).toEqual(['lifeboat-config.json']);
  });
});

(process.getuid?.() === 0 ? describe : describe.skip)('a place where standby can do nothing', () => {
  const children = processes();
  afterAll(() => children.stop());

  it.each<readonly [string, (prefix: string) => Promise<unknown>, number, string]>([
    ['another user’s prefix', async () => undefined, 8, '.kong_env cannot be read (EACCES)'],
    ['a prefix that it may only read', opened, 8, 'cannot be signalled (EPERM): run this as Kong’s user'],
  ])('%s stays as it is, and says so', async (_what, prepare, code, sentence) => {
    const world = await newWorld({ name: 'fake', kong: fakeKong, loadMs: 250, retryMs: 5_000 });
    const { prefix, statusUrl } = world.node();
    await Promise.all([cli.directory, join(prefix, '..')].map((path) => chmod(path, 0o755)));
    await chmod(publicKey, 0o644);
    await prepare(prefix);
    const before = await stat(join(prefix, '.kong_env'), { bigint: true });

    const { exitCode, stderr } = await children.run(
      'setpriv',
      [
        ...['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath],
        ...[join(cli.directory, 'lifeboat.mjs'), 'standby', '--once', '--after', '0'],
        ...['--control-plane', 'prod', '--kong-version', '3.9.1', '--endpoint', standIn.url],
        ...['--public-key', publicKey, '--prefix', prefix, '--status-url', statusUrl],
      ],
      { env: { ...credentials, HOME: cli.directory } },
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
    expect(standIn.requests).toEqual([]);
    expect(await stat(join(prefix, '.kong_env'), { bigint: true })).toEqual({
      ...before,
      // Being read is allowed.
      atimeMs: expect.anything(),
      atimeNs: expect.anything(),
      atime: expect.anything(),
    });
    expect(await world.served()).toBe('nothing');
  });

  async function opened(prefix: string): Promise<void> {
    await Promise.all([prefix, join(prefix, 'pids')].map((path) => chmod(path, 0o755)));
    await chmod(join(prefix, '.kong_env'), 0o644);
  }

  it.each([
    ['before the file is there', 0, 7, 'lifeboat-config.json cannot be written (ENOSPC)'],
    ['when there is room for the file alone', 1, 8, '.kong_env cannot be written (ENOSPC)'],
  ])('a disk that is full %s, is left without halves', async (_when, files, code, sentence) => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'kong'));
    const disk = join(directory, 'kong');
    if (!mounted(disk)) {
      return;
    }
    ends.push(() => execFileSync('umount', ['--lazy', disk]));
    const node = await startNode(fakeKong, { directory });
    const before = await readFile(join(node.prefix, '.kong_env'), 'utf8');
    // Pages of 4 kB, of which the file takes one.
    await filled(join(disk, 'ballast'));
    if (files > 0) {
      await writeFile(join(disk, 'ballast'), '', { flag: 'r+' });
      execFileSync('truncate', ['--size=-4096', join(disk, 'ballast')]);
    }

    const { exitCode, stderr } = await cli.run(
      [
        ...['standby', '--once', '--after', '0', '--control-plane', 'prod', '--kong-version', '3.9.1'],
        ...['--endpoint', standIn.url, '--public-key', publicKey],
        ...['--prefix', node.prefix, '--status-url', node.statusUrl],
      ],
      credentials,
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
    expect(await readFile(join(node.prefix, '.kong_env'), 'utf8')).toBe(before);
    expect(await configurationHash(node)).toBe(noConfiguration);
    expect((await readdir(node.prefix)).filter((name) => /^\.(lifeboat|kong_env\.)/.test(name))).toEqual([]);
  });

  /** @returns false where even root may not mount, as in most containers */
  function mounted(directory: string): boolean {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  async function filled(path: string): Promise<void> {
    for (;;) {
      try {
        await appendFile(path, Buffer.alloc(4_096));
      } catch {
        return;
      }
    }
  }
});
