import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { seedKong } from '../../core/standby/seed.ts';
import { sharedCertificate } from '../../simulators/kong/control-plane/certificates.ts';
import { startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { startEchoUpstream } from '../../simulators/kong/echo-upstream.ts';
import type { KongNode } from '../../simulators/kong/kong-node.ts';
import { privateHost, startPrivateNetwork } from '../core/fetch/private-network.ts';
import { eventually } from '../local/processes.ts';
import {
  configurationHash,
  declarativeFile,
  fakeKong,
  noConfiguration,
  removeEverything,
  startNode,
  tableFor,
  temporaryDirectory,
} from '../simulators/kong/running-kong.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import { findLastingPort } from './lasting-port.ts';
import {
  type Answer,
  type Answers,
  goodFile,
  goodGrant,
  goodStatus,
  manifestOf,
  newSigningKey,
  startStandIn,
  urlSecret,
} from './published-file.ts';

const secretAccessKey = 'a-secret-access-key';
const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: 'a-session-token',
};
const key = newSigningKey();
const never = () => new Promise<Answer>(() => undefined);
const away = { status: 503, body: '{"message":"Service Unavailable"}' };

let cli: Cli;
let upstream: Awaited<ReturnType<typeof startEchoUpstream>>;
let content: Buffer;
let publicKey: string;
let answers: Answers;
let standIn: Awaited<ReturnType<typeof startStandIn>>;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [cli, upstream] = await Promise.all([bundledCli(), startEchoUpstream()]);
  content = file(tableFor(upstream.url));
  publicKey = join(cli.directory, 'signing-key.pem');
  await writeFile(publicKey, key.pem);
});

beforeEach(async () => {
  answers = {
    grant: goodGrant,
    file: () => goodFile(key, {}, content),
    status: () => goodStatus(key, { revision: 6 }),
  };
  standIn = await startStandIn(answers);
});

afterEach(async () => {
  for (const end of ends.splice(0)) {
    await end();
  }
  await standIn.stop();
});

afterAll(async () => {
  await removeEverything();
  await cli.stop();
  await upstream.stop();
});

function file(table: object): Buffer {
  return Buffer.from(JSON.stringify({ _format_version: '3.0', _transform: false, ...table }));
}

type Options = Readonly<Record<string, string | undefined>>;

/** All that is needed, and no wait for the control plane, with what the test gives otherwise. */
function parameters(node: Pick<KongNode, 'prefix' | 'statusUrl'>, changed: Options = {}): readonly string[] {
  const options = {
    'control-plane': 'prod',
    'kong-version': '3.9.1',
    endpoint: standIn.url,
    'public-key': publicKey,
    prefix: node.prefix,
    'status-url': node.statusUrl,
    after: '0',
    spread: '0',
    ...changed,
  };
  return [
    'standby',
    '--json',
    ...Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
  ];
}

const environmentOf = ({ prefix }: KongNode) => join(prefix, '.kong_env');

/** A replaced file has another one. */
async function lastWritten(node: KongNode): Promise<bigint> {
  return (await stat(environmentOf(node), { bigint: true })).mtimeNs;
}

async function snapshot(node: KongNode) {
  const { mode } = await stat(environmentOf(node));
  return { text: await readFile(environmentOf(node), 'utf8'), mode };
}

const hasLine = async (node: KongNode) => (await snapshot(node)).text.includes('declarative_config = ');

function eventsIn(stdout: string): readonly unknown[] {
  const lines = stdout.trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { readonly event: unknown }).event);
}

describe('lifeboat standby', () => {
  it('makes an empty node proxy, and leaves its settings as they were', async () => {
    const node = await startNode(fakeKong);
    const before = await snapshot(node);

    const { exitCode, stdout, stderr } = await cli.run(parameters(node, { after: '1' }), credentials);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(eventsIn(stdout)).toEqual(['waiting', 'asking', 'verified', 'seeded']);
    const proxied = await fetch(`${node.proxyUrl}/orders/7`);
    expect(await proxied.json()).toMatchObject({ path: '/v1/7' });
    expect(await snapshot(node)).toEqual(before);
    const written = join(node.prefix, 'lifeboat-config.json');
    expect(await readFile(written)).toEqual(content);
    expect((await stat(written)).mode & 0o777).toBe(0o600);
    for (const secret of [urlSecret, '/vault/', secretAccessKey, 'Signature=']) {
      expect(stdout).not.toContain(secret);
    }
  });

  it('does not touch a node that has a configuration, nor the grant endpoint, and idles with --stay', async () => {
    const node = await startNode(fakeKong);
    const other = await declarativeFile(node.directory, tableFor(upstream.url), 'other.json');
    await seedKong({ ...node, ...other, timeoutMs: 500_000, clock: systemClock, pollMs: 20 });
    const before = await lastWritten(node);

    const ended = await cli.run(parameters(node), credentials);
    const staying = cli.start([...parameters(node), '--stay'], credentials);
    await eventually(() => staying.stdout().includes('"configured"'));
    const hasEnded = staying.hasEnded();
    staying.signal('SIGTERM');

    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(eventsIn(ended.stdout)).toEqual(['configured']);
    expect(hasEnded).toBe(false);
    expect(await staying.ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(standIn.requests).toEqual([]);
    expect(await lastWritten(node)).toBe(before);
    expect(await readdir(node.prefix)).not.toContain('lifeboat-config.json');
  });

  it('takes its settings from Kong’s and its own variables, and the second endpoint when the first is dead', async () => {
    const node = await startNode(fakeKong);
    const dead = await listen(createServer(), '127.0.0.1', 0);
    await dead.stop();

    const { exitCode, stdout, stderr } = await cli.run(['standby', '--after', '0', '--spread', '0'], {
      ...credentials,
      LIFEBOAT_CONTROL_PLANE: 'prod',
      LIFEBOAT_KONG_VERSION: '3.9.1',
      LIFEBOAT_ENDPOINT: `http://127.0.0.1:${dead.port}, ${standIn.url}`,
      LIFEBOAT_PUBLIC_KEY: publicKey,
      KONG_PREFIX: node.prefix,
      KONG_STATUS_LISTEN: `0.0.0.0:${new URL(node.statusUrl).port} reuseport`,
    });

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(stderr).toMatch(
      /^lifeboat: .*: requesting .*\n.*did not answer \(ECONNREFUSED\)\n.* is verified.*\n.* has loaded .*\n$/,
    );
    expect(await configurationHash(node)).toBe(manifestOf({}, content).md5);
  });

  it('finds the status API where Kong’s own settings say, also when Kong starts after it', async () => {
    const directory = await temporaryDirectory();
    const place = { prefix: join(directory, 'kong'), statusUrl: '' };
    const running = cli.start(parameters(place, { 'status-url': undefined }), credentials);
    const wasWaiting = await eventually(() => running.stdout().includes('127.0.0.1:8007'));

    const node = await startNode(fakeKong, { directory });

    expect({ wasWaiting, ...(await running.ended) }).toMatchObject({ wasWaiting: true, exitCode: 0 });
    expect(await configurationHash(node)).toBe(manifestOf({}, content).md5);
  });

  it('loads the revision before when Kong refuses the newest', async () => {
    const node = await startNode(fakeKong);
    const before = await snapshot(node);
    const refused = file({ no_such_entities: [] });
    const asked = () =>
      new URL(standIn.requests.at(-1)?.path ?? '', standIn.url).searchParams.get('versionId');
    answers.grant = (url) => goodGrant(asked() === null ? url : `${url}&versionId=${asked()}`);
    const newest = {
      revision: 8,
      previousSha256: manifestOf({}, content).sha256,
      previousVersionId: 'v7',
    };
    answers.file = () => (asked() === 'v7' ? goodFile(key, {}, content) : goodFile(key, newest, refused));

    const { exitCode, stdout } = await cli.run(parameters(node, { 'load-timeout': '5' }), credentials);

    expect(exitCode).toBe(0);
    expect(eventsIn(stdout)).toEqual(['asking', 'verified', 'failed', 'asking', 'verified', 'seeded']);
    expect(await configurationHash(node)).toBe(manifestOf({}, content).md5);
    expect(await snapshot(node)).toEqual(before);
  });

  it('warns of a missing licence where the file is from Kong Enterprise', async () => {
    const node = await startNode(fakeKong);
    answers.grant = (url) => goodGrant(url, '3.9.1.2');
    answers.file = () => goodFile(key, { kongVersion: '3.9.1.2' }, content);

    const { exitCode, stdout } = await cli.run(parameters(node, { 'kong-version': '3.9.1.2' }), credentials);

    expect(exitCode).toBe(0);
    // The status does not speak of its version.
    expect(eventsIn(stdout)).toEqual(['asking', 'unverified', 'verified', 'licence-missing', 'seeded']);
  });

  it('fetches through a proxy and under a private CA, and asks Kong directly', async () => {
    const node = await startNode(fakeKong);
    const network = await startPrivateNetwork(Number(new URL(standIn.url).port));
    ends.push(network.stop);
    const caFile = join(cli.directory, 'private-ca.pem');
    await writeFile(caFile, network.ca);
    const endpoint = `https://${privateHost}`;
    answers.grant = (url) => goodGrant(url.replace(standIn.url, endpoint));
    const proxied = { ...credentials, HTTPS_PROXY: network.proxyUrl, http_proxy: network.proxyUrl };

    const withOption = await cli.run([...parameters(node, { endpoint }), '--ca-file', caFile], proxied);
    const other = await startNode(fakeKong);
    const withVariable = await cli.run(parameters(other, { endpoint }), {
      ...proxied,
      NODE_EXTRA_CA_CERTS: caFile,
    });

    expect([withOption, withVariable]).toMatchObject([
      { exitCode: 0, stderr: '' },
      { exitCode: 0, stderr: '' },
    ]);
    expect([await configurationHash(node), await configurationHash(other)]).toEqual(
      Array(2).fill(manifestOf({}, content).md5),
    );
    expect(new Set(network.tunnels.map(({ to }) => to))).toEqual(new Set([`${privateHost}:443`]));
  });

  it('tells who asks in between how it stands', async () => {
    const node = await startNode(fakeKong);
    const free = await listen(createServer(), '127.0.0.1', 0);
    await free.stop();
    const page = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${free.port}${path}`);
      return { status: response.status, ...((await response.json()) as object) };
    };
    let answer: (answer: Answer) => void = () => undefined;
    answers.grant = () =>
      new Promise<Answer>((resolve) => {
        answer = resolve;
      });
    const running = cli.start(
      [...parameters(node, { 'health-listen': String(free.port) }), '--stay'],
      credentials,
    );
    await eventually(() => standIn.requests.length === 1);

    const before = [await page('/healthz'), await page('/readyz')];
    answer(goodGrant(`${standIn.url}/vault?${urlSecret}`));
    await eventually(() => running.stdout().includes('"seeded"'));
    const after = [await page('/healthz'), await page('/readyz')];

    running.signal('SIGTERM');
    expect(await running.ended).toMatchObject({ exitCode: 0 });
    expect(before).toMatchObject([
      { status: 200, state: 'granting' },
      { status: 503, state: 'granting' },
    ]);
    expect(after).toMatchObject(Array(2).fill({ status: 200, state: 'done', revision: 7 }));
  });

  it('brings its work to the end when nobody reads its log any more', async () => {
    const node = await startNode(fakeKong);
    const running = spawn(process.execPath, [cli.file, ...parameters(node)], {
      env: { PATH: process.env['PATH'], HOME: cli.directory, ...credentials },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.stdout.destroy();
    running.stderr.destroy();

    const exitCode = await new Promise((resolve) => running.once('exit', resolve));

    expect(exitCode).toBe(0);
    expect(await configurationHash(node)).toBe(createHash('md5').update(content).digest('hex'));
    expect(await readFile(environmentOf(node), 'utf8')).not.toContain('declarative_config');
  });

  it('waits for a vault that comes back later', async () => {
    const node = await startNode(fakeKong);
    answers.grant = (url) => (standIn.requests.length < 2 ? away : goodGrant(url));

    const { exitCode, stdout } = await cli.run(parameters(node), credentials);

    expect(exitCode).toBe(0);
    expect(eventsIn(stdout)).toEqual(['asking', 'failed', 'verified', 'seeded']);
    expect(await configurationHash(node)).toBe(manifestOf({}, content).md5);
  });

  it('leaves alone what the control plane delivers during the download', async () => {
    const clusterPort = await findLastingPort();
    const certificate = await sharedCertificate();
    const node = await startNode(fakeKong, { clusterEndpoint: `127.0.0.1:${clusterPort}`, certificate });
    const before = await lastWritten(node);
    answers.file = async () => {
      const controlPlane = await startControlPlane({
        mtls: 'shared',
        certificates: { controlPlane: certificate, dataPlane: certificate },
        ports: { cluster: clusterPort },
        configuration: tableFor('http://127.0.0.1:9'),
      });
      ends.push(() => controlPlane.stop());
      await eventually(async () => (await configurationHash(node)) !== noConfiguration);
      return goodFile(key, {}, content);
    };

    const { exitCode, stdout } = await cli.run(parameters(node), credentials);

    expect(exitCode).toBe(0);
    expect(eventsIn(stdout)).toEqual(['asking', 'verified', 'configured']);
    expect(await configurationHash(node)).not.toBe(manifestOf({}, content).md5);
    expect(await lastWritten(node)).toBe(before);
  });

  it('goes on where it was killed', async () => {
    const node = await startNode(fakeKong);
    const before = await snapshot(node);
    answers.file = () => goodFile(key, {}, file({ no_such_entities: [] }));
    const killed = cli.start(parameters(node), credentials);
    await eventually(() => hasLine(node));
    killed.signal('SIGKILL');
    await killed.ended;
    const left = await hasLine(node);
    answers.file = () => goodFile(key, {}, content);

    const { exitCode } = await cli.run(parameters(node), credentials);

    expect(left).toBe(true);
    expect(exitCode).toBe(0);
    expect(await configurationHash(node)).toBe(manifestOf({}, content).md5);
    expect(await snapshot(node)).toEqual(before);
  });
});

describe('a node that stays empty', () => {
  let node: KongNode;

  beforeAll(async () => {
    node = await startNode(fakeKong);
  });

  it.each<readonly [string, Partial<Answers>, (stdout: string) => Promise<boolean> | boolean]>([
    ['it asks for a grant', { grant: never }, () => standIn.requests.length === 1],
    ['it downloads', { file: never }, () => standIn.requests.length === 2],
    ['it seeds', { file: () => goodFile(key, {}, file({ no_such_entities: [] })) }, () => hasLine(node)],
    ['it pauses', { grant: () => away }, (stdout) => stdout.includes('"failed"')],
  ])('is as it was when SIGTERM comes while %s', async (_step, changed, isThere) => {
    Object.assign(answers, changed);
    const before = await snapshot(node);
    const running = cli.start(parameters(node), credentials);
    const wasThere = await eventually(() => isThere(running.stdout()));

    running.signal('SIGTERM');

    const { exitCode, stdout, stderr } = await running.ended;
    expect({ wasThere, exitCode, stderr }).toEqual({ wasThere: true, exitCode: 0, stderr: '' });
    expect(eventsIn(stdout).at(-1)).toBe('ended');
    expect(eventsIn(stdout).filter((event) => event === 'failed')).toHaveLength(
      'grant' in changed && changed.grant !== never ? 1 : 0,
    );
    expect(await snapshot(node)).toEqual(before);
    expect((await readdir(node.prefix)).filter((name) => name.startsWith('.lifeboat'))).toEqual([]);
    expect(await configurationHash(node)).toBe(noConfiguration);
  });

  it.each(['SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
    'is as it was when %s comes while it seeds',
    async (name) => {
      answers.file = () => goodFile(key, {}, file({ no_such_entities: [] }));
      const before = await snapshot(node);
      const running = cli.start(parameters(node), credentials);
      const wasThere = await eventually(() => hasLine(node));

      running.signal(name);

      const { exitCode, stdout } = await running.ended;
      expect({ wasThere, exitCode, last: eventsIn(stdout).at(-1) }).toEqual({
        wasThere: true,
        exitCode: 0,
        last: 'ended',
      });
      expect(await snapshot(node)).toEqual(before);
    },
  );

  it.each<readonly [number, string, Partial<Answers>, string]>([
    [3, 'the grant is refused', { grant: () => ({ status: 403, body: '{}' }) }, 'execute-api:Invoke'],
    [4, 'there is no file', { grant: () => ({ status: 404, body: '{}' }) }, 'answered 404'],
    [5, 'the vault fails', { file: () => away }, 'the vault answered 503'],
    [6, 'nobody whom it trusts signed', { file: () => goodFile(newSigningKey()) }, 'is not trusted here'],
    [
      6,
      'an old file was put back',
      { status: () => goodStatus(key, { revision: 8 }) },
      'returned revision 7',
    ],
    [
      9,
      'Kong refuses the file',
      { file: () => goodFile(key, {}, file({ no_such_entities: [] })) },
      'did not load',
    ],
  ])('ends --once with %d when %s', async (code, _what, changed, sentence) => {
    Object.assign(answers, changed);

    const { exitCode, stderr } = await cli.run(
      [...parameters(node, { 'load-timeout': '1' }), '--once'],
      credentials,
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
    expect(await configurationHash(node)).toBe(noConfiguration);
  });

  it('ends --once with 1 by a signal, so that no boot script takes it for a node with a configuration', async () => {
    answers.grant = never;
    const running = cli.start([...parameters(node), '--once'], credentials);
    await eventually(() => standIn.requests.length === 1);

    running.signal('SIGINT');

    expect(await running.ended).toMatchObject({ exitCode: 1, stderr: '' });
  });

  it('ends --once with 8, without a request, when it loads a file of the user’s own', async () => {
    const { text } = await snapshot(node);
    await appendFile(environmentOf(node), 'declarative_config = /etc/kong/own.json\n');

    const { exitCode, stderr } = await cli.run([...parameters(node), '--once'], credentials);

    await writeFile(environmentOf(node), text);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 8,
      stderr: expect.stringContaining('that Lifeboat did not write'),
    });
    expect(standIn.requests).toEqual([]);
  });
});

describe('exit code 2', () => {
  const somewhere = { prefix: '/nowhere', statusUrl: 'http://127.0.0.1:9' };

  it.each<readonly [string, Options, Readonly<Record<string, string>>, string]>([
    ['no version', { 'kong-version': undefined }, {}, '--kong-version (LIFEBOAT_KONG_VERSION) is missing'],
    ['one bad endpoint of two', { endpoint: 'https://a.example,b' }, {}, 'an https:// URL is expected'],
    ['a status URL that is none', { 'status-url': '127.0.0.1:8007' }, {}, 'an http:// or https:// URL'],
    [
      'a status API that is off',
      { 'status-url': undefined },
      { KONG_STATUS_LISTEN: 'off' },
      'has no address (status_listen is',
    ],
    ['less than no wait', { after: '-1' }, {}, 'a whole number from 0 to 86400 is expected'],
    ['a cache age that is none', { 'max-cache-age': '7w' }, {}, 'seconds, or a time like 90s, 60m, 12h, 7d'],
    ['a cache age of nothing', { 'max-cache-age': '0' }, {}, 'seconds, or a time like'],
    ['a health port that is none', { 'health-listen': '65536' }, {}, 'a port, or host:port, is expected'],
    ['a CA file that is not there', { 'ca-file': '/nowhere' }, {}, '--ca-file /nowhere cannot be read'],
    [
      'a proxy that is none',
      {},
      { HTTPS_PROXY: 'socks5://a:1' },
      'HTTPS_PROXY is not the http:// or https:// URL',
    ],
    ['no time at all', { timeout: '0' }, {}, 'a whole number from 1 to 86400 is expected'],
    ['no region', {}, { AWS_REGION: '' }, 'no AWS region'],
  ])('%s', async (_what, changed, variables, sentence) => {
    const { exitCode, stderr } = await cli.run(parameters(somewhere, changed), {
      ...credentials,
      ...variables,
    });

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(sentence) });
  });

  it('a health port that is taken', async () => {
    const port = new URL(standIn.url).port;

    const { exitCode, stderr } = await cli.run(parameters(somewhere, { 'health-listen': port }), credentials);

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(/cannot listen on --health-listen 127\.0\.0\.1:\d+.*EADDRINUSE/),
    });
  });

  it('both --once and --stay', async () => {
    const { exitCode, stderr } = await cli.run([...parameters(somewhere), '--once', '--stay'], credentials);

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('cannot be used') });
  });
});
