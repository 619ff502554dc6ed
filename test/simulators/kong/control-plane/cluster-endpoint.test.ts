import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  pkiCertificates,
  sharedCertificate,
} from '../../../../simulators/kong/control-plane/certificates.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../../simulators/kong/control-plane/control-plane.ts';
import {
  connect,
  type DataPlane,
  type DataPlaneOptions,
  fixture,
  recordedPlugins,
  sleep,
  until,
} from './data-plane.ts';

const running: ControlPlane[] = [];
const connected: DataPlane[] = [];

async function start(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.2, ...options });
  running.push(controlPlane);
  return controlPlane;
}

function join(controlPlane: ControlPlane, options?: DataPlaneOptions): DataPlane {
  const dataPlane = connect(controlPlane, options);
  connected.push(dataPlane);
  return dataPlane;
}

afterEach(async () => {
  for (const { websocket } of connected.splice(0)) {
    websocket.terminate();
  }
  await Promise.all(running.splice(0).map((controlPlane) => controlPlane.stop()));
});

const withoutPlugin = (name: string) => recordedPlugins.filter((plugin) => plugin.name !== name);
const withPlugin = (name: string, version: string) => [...withoutPlugin(name), { name, version }];

describe('what a data plane is sent', () => {
  it.each(['3.9.1', '3.8.1', '3.4.0'])(
    'is, for version %s, what the real control plane sent',
    async (version) => {
      const recorded = JSON.parse(fixture(`cluster/reconfigure-${version}.json`));
      const controlPlane = await start();
      const before = Date.now() / 1000;

      const frame = await join(controlPlane, { version }).next();

      expect(frame.config_table).toEqual(recorded.config_table);
      expect(frame.config_hash).toBe(recorded.config_hash);
      expect(frame.hashes).toEqual(recorded.hashes);
      expect(frame.type).toBe('reconfigure');
      expect(frame.timestamp).toBeGreaterThanOrEqual(before);
      expect(frame.timestamp).toBeLessThanOrEqual(Date.now() / 1000);
      expect(controlPlane.currentTable(version)).toEqual(recorded.config_table);
    },
  );

  it('comes again after a change to a client that stayed, and is then what a new one gets', async () => {
    const controlPlane = await start();
    const staying = join(controlPlane);
    const first = await staying.next();

    controlPlane.configuration.create('consumers', { username: 'new' });
    const second = await staying.next();
    const newcomer = await join(controlPlane).next();

    expect(second.config_hash).not.toBe(first.config_hash);
    expect(second.timestamp).toBeGreaterThan(first.timestamp);
    expect(JSON.stringify(second.config_table)).toContain('"username":"new"');
    expect(newcomer).toEqual(second);
  });

  it('is the payload that was built, however new the database is, where another client is connected', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 60 });
    await join(controlPlane).next();

    controlPlane.configuration.create('consumers', { username: 'new' });
    const frame = await join(controlPlane).next();

    expect(JSON.stringify(frame.config_table)).not.toContain('"username":"new"');
    expect(controlPlane.builtTable('3.9.1')).toEqual(frame.config_table);
    expect(JSON.stringify(controlPlane.currentTable('3.9.1'))).toContain('"username":"new"');
  });

  it('is built anew where no other client is connected', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 60 });
    controlPlane.configuration.create('consumers', { username: 'new' });

    const frame = await join(controlPlane).next();

    expect(JSON.stringify(frame.config_table)).toContain('"username":"new"');
    expect(controlPlane.exportCount()).toBe(1);
  });

  it('is what was built before its database went away', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 0.05 });
    controlPlane.setDatabase('down');
    controlPlane.configuration.create('consumers', { username: 'new' });
    await sleep(100);

    const cached = await join(controlPlane).next();
    controlPlane.setDatabase('up');
    for (const { websocket } of connected.splice(0)) websocket.close();
    await until(() => controlPlane.connectedNodes().length === 0);
    const fresh = await join(controlPlane).next();

    expect(JSON.stringify(cached.config_table)).not.toContain('"username":"new"');
    expect(JSON.stringify(fresh.config_table)).toContain('"username":"new"');
  });

  it('may be another table under the same hash after a patch, and only for an older version', async () => {
    const controlPlane = await start();
    const [own, older] = [join(controlPlane), join(controlPlane, { version: '3.4.0' })];
    const before = [await own.next(), await older.next()];

    controlPlane.patchDownConversion((table, version) =>
      version === '3.4.0' ? { ...table, consumers: [] } : table,
    );
    const after = [await own.next(), await older.next()];

    expect(after.map((frame) => frame.config_hash)).toEqual(before.map((frame) => frame.config_hash));
    expect(after[0]?.config_table).toEqual(before[0]?.config_table);
    expect(after[1]?.config_table).toEqual({ ...before[1]?.config_table, consumers: [] });
  });

  it('has the same bytes for every client, and others after a start', async () => {
    const [first, second] = [await start(), await start()];
    const tableBytes = async (controlPlane: ControlPlane) => {
      const dataPlane = join(controlPlane);
      await dataPlane.next();
      return JSON.stringify(
        JSON.parse(gunzipSync(dataPlane.messages[0]?.data ?? '').toString()).config_table,
      );
    };

    const [one, again, other] = [await tableBytes(first), await tableBytes(first), await tableBytes(second)];

    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect(JSON.parse(other)).toEqual(JSON.parse(one));
  });

  it('may lack what only Kong’s own control plane sends', async () => {
    const controlPlane = await start({ message: ({ timestamp, ...rest }) => ({ ...rest, extra: 1 }) });

    const frame = await join(controlPlane).next();

    expect(frame).toMatchObject({ type: 'reconfigure', extra: 1 });
    expect(frame).not.toHaveProperty('timestamp');
  });

  it('takes as long as its export, and lacks what changed meanwhile', async () => {
    const controlPlane = await start({ exportMs: 200 });
    const dataPlane = join(controlPlane);
    // The timer that is due first rings first, however late both do.
    while (controlPlane.exportCount() === 0) {
      await sleep(1);
    }
    controlPlane.configuration.create('consumers', { username: 'new' });
    const changedAt = Date.now();

    const frame = await dataPlane.next();

    expect(frame.timestamp * 1000).toBeGreaterThan(changedAt);
    expect(JSON.stringify(frame.config_table)).not.toContain('"username":"new"');
  });

  it('is not sent over cluster_max_payload: the connection is dropped', async () => {
    const controlPlane = await start({ maxPayloadBytes: 1_000 });
    const dataPlane = join(controlPlane);
    const code = new Promise((resolve) => {
      dataPlane.websocket.once('close', resolve);
    });

    expect(await code).toBe(1006);
    expect(controlPlane.log.join('\n')).toContain('payload too big');
  });

  it('is rebuilt no more often than the update frequency', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 0.3 });
    const dataPlane = join(controlPlane);
    await dataPlane.next();
    await sleep(300);

    const timestamps: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let one = 0; one < 5; one += 1) {
        controlPlane.configuration.create('consumers', { username: `c-${round}-${one}` });
      }
      timestamps.push((await dataPlane.next()).timestamp);
    }

    const [first = 0, second = 0, third = 0] = timestamps;
    expect(second - first).toBeGreaterThanOrEqual(0.15);
    expect(third - second).toBeGreaterThanOrEqual(0.15);
    expect(dataPlane.messages).toHaveLength(4);
  });

  it('leaves out what only its versions lack, in new plugins too', async () => {
    const controlPlane = await start();
    controlPlane.configuration.create('plugins', {
      name: 'key-auth',
      config: { realm: 'x', key_names: ['k'] },
    });
    const configOf = (version: string) =>
      JSON.stringify(controlPlane.currentTable(version)['plugins']).includes('"realm":"x"');

    const told = ['3.9.1', '3.9.0', '3.8.1', '3.8.0', '3.4.0', '3.3.1'].map(configOf);

    expect(told).toEqual([true, true, true, false, false, false]);
  });
});

describe('a data plane', () => {
  it.each(['shared', 'pki'] as const)('is let in with the certificate of %s mode', async (mtls) => {
    const controlPlane = await start({ mtls });

    const frame = await join(controlPlane).next();

    expect(frame.type).toBe('reconfigure');
  });

  it('is refused with another certificate of the same name in shared mode', async () => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane, { certificates: await sharedCertificate() });

    await dataPlane.closed;

    expect(dataPlane.failure()).toBe('ECONNRESET');
    expect(dataPlane.messages).toEqual([]);
  });

  it('is refused in PKI mode when another CA of the same name issued its certificate', async () => {
    const controlPlane = await start({ mtls: 'pki' });
    const { dataPlane: stranger } = await pkiCertificates({ controlPlaneHost: 'localhost' });
    const dataPlane = join(controlPlane, { certificates: stranger });

    await dataPlane.closed;

    expect(dataPlane.failure()).toBe(400);
  });

  it.each([
    ['node_version=3.9.1', 400],
    ['node_id=7b4b3d04-6cde-4b2e-a5b3-d5a4a2f7a1aa', 400],
    ['', 400],
  ])('is refused when it asks with "%s" only', async (query, status) => {
    const dataPlane = join(await start(), { path: `/v1/outlet?${query}` });

    await dataPlane.closed;

    expect(dataPlane.failure()).toBe(status);
  });

  it('is refused on another path', async () => {
    const dataPlane = join(await start(), { path: '/v2/outlet?node_id=a&node_version=3.9.1' });

    await dataPlane.closed;

    expect(dataPlane.failure()).toBe(404);
  });

  it.each([
    ['3.10.0', false],
    ['3.9.99', true],
    ['3.9.1.2', true],
    ['3.0.0', true],
    ['2.8.0', false],
    ['4.0.0', false],
    ['latest', false],
  ])('of version %s is let in: %s', async (version, welcome) => {
    const dataPlane = join(await start(), { version });

    const outcome = await Promise.race([
      dataPlane.next().then(() => true),
      dataPlane.closed.then(() => false),
    ]);

    expect(outcome).toBe(welcome);
    expect(dataPlane.failure()).toBeUndefined();
  });

  it.each([
    ['text', JSON.stringify({ type: 'basic_info', plugins: [] }), 'lua entry thread aborted'],
    ['no JSON', Buffer.from('{'), 'failed to decode websocket basic info data'],
    ['another type', Buffer.from('{"type":"hello","plugins":[]}'), 'invalid basic info data type: hello'],
    ['no list of plugins', Buffer.from('{"type":"basic_info"}'), 'missing plugins in basic info data'],
  ])('is refused when it begins with %s', async (_what, firstMessage, logged) => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane, { firstMessage });

    await dataPlane.closed;

    expect(dataPlane.messages).toEqual([]);
    expect(controlPlane.log).toEqual([expect.stringContaining(`[error] [clustering] ${logged}`)]);
  });
});

describe('a data plane whose version the control plane does not serve', () => {
  it('is noted under its id with each try, and logged', async () => {
    const controlPlane = await start();
    const nodeId = '7b4b3d04-6cde-4b2e-a5b3-d5a4a2f7a1aa';

    await join(controlPlane, { nodeId, version: '3.10.0' }).closed;
    await join(controlPlane, { nodeId, version: '3.10.0' }).closed;
    await join(controlPlane, { version: '2.8.5' }).closed;

    const listed = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`);
    expect(((await listed.json()) as { readonly data: unknown[] }).data).toMatchObject([
      { id: nodeId, version: '3.10.0', sync_status: 'kong_version_incompatible' },
      { version: '2.8.5', sync_status: 'kong_version_incompatible' },
    ]);
    expect(controlPlane.log.filter((line) => line.startsWith('[error]'))).toHaveLength(3);
  });

  it.each([
    ['an id that is no UUID', { nodeId: 'lifeboat', version: '3.10.0' }, 'invalid primary key'],
    ['a version that is none', { version: 'latest' }, 'invalid version number'],
  ])('is not noted with %s: the database refuses that', async (_what, options, logged) => {
    const controlPlane = await start();

    await join(controlPlane, options).closed;

    const listed = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`);
    expect(await listed.json()).toMatchObject({ data: [] });
    expect(controlPlane.log).toEqual([
      expect.stringContaining('incompatible'),
      expect.stringContaining(logged),
    ]);
  });
});

describe('a control plane of another version', () => {
  it.each([
    ['3.4.2', '3.4.2', 'opentelemetry', '3.4.2', false],
    ['3.4.2', '3.4.2', 'opentelemetry', '0.1.0', true],
    ['3.9.1', '3.4.2', 'opentelemetry', '0.1.0', true],
    ['3.8.0', '3.8.0', 'opentelemetry', '3.8.0', true],
    ['2.8.5', '2.8.5', 'acl', '3.0.1', true],
    ['2.8.5', '2.8.5', 'acl', '2.8.5', false],
    ['2.8.5', '2.8.5', 'prometheus', undefined, true],
  ])(
    '%s serves a data plane of %s with %s %s: %s',
    async (version, dataPlaneVersion, name, pluginVersion, served) => {
      const controlPlane = await start({
        version,
        configuration: { plugins: [{ id: '7b4b3d04-6cde-4b2e-a5b3-d5a4a2f7a1aa', name, config: {} }] },
      });
      const dataPlane = join(controlPlane, {
        version: dataPlaneVersion,
        plugins: [{ name, version: pluginVersion }],
      });

      await until(() => controlPlane.connectedNodes().length === 1);
      await (served ? dataPlane.next() : sleep(50));

      expect(dataPlane.messages).toHaveLength(served ? 1 : 0);
    },
  );
});

describe('wasm filters', () => {
  it.each([
    [['one', 'two'], true],
    [['one'], false],
    [[], false],
  ])('of which the data plane names %j: served: %s', async (names, served) => {
    const controlPlane = await start({ wasmFilters: ['one', 'two'] });
    const filters = Object.fromEntries(names.map((name) => [name, { name }]));
    const dataPlane = join(controlPlane, {
      firstMessage: Buffer.from(JSON.stringify({ type: 'basic_info', plugins: recordedPlugins, filters })),
    });

    await until(() => controlPlane.connectedNodes().length === 1);
    await (served ? dataPlane.next() : sleep(50));

    expect(dataPlane.messages).toHaveLength(served ? 1 : 0);
    expect(controlPlane.log.some((line) => line.includes('missing one or more wasm filters'))).toBe(!served);
  });
});

describe('what a client leaves in the log', () => {
  it('is an error for a ping while the database is away, which is answered all the same', async () => {
    const controlPlane = await start();
    const { websocket, next } = join(controlPlane);
    await next();
    controlPlane.setDatabase('down');

    const answer = new Promise((resolve) => {
      websocket.once('pong', resolve);
    });
    websocket.ping('0'.repeat(32));
    await answer;

    expect(controlPlane.log).toEqual([
      expect.stringMatching(
        /^\[error\] \[clustering\] unable to update clustering data plane status: \[postgres\] connection refused /,
      ),
    ]);
  });

  const leave = async (goodbye: (dataPlane: DataPlane) => void) => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane);
    await dataPlane.next();
    goodbye(dataPlane);
    await until(() => controlPlane.connectedNodes().length === 0);
    await sleep(20);
    return controlPlane.log;
  };

  it('is nothing after a close frame without a code', async () => {
    expect(await leave(({ websocket }) => websocket.close())).toEqual([]);
  });

  it('is nothing where the connection ends after the frame', async () => {
    expect(await leave(({ websocket }) => websocket.terminate())).toEqual([]);
  });

  it('is an error after a code, also after 1000', async () => {
    const log = await leave(({ websocket }) => websocket.close(1000));

    expect(log).toEqual([expect.stringMatching(/^\[error\] \[clustering\] 1000 /)]);
  });

  it('is an error where the connection ends before the frame', async () => {
    const controlPlane = await start({ exportMs: 1_000 });
    const { websocket } = join(controlPlane);
    await new Promise((resolve) => {
      websocket.once('open', resolve);
    });
    // Its first message comes in, and the export begins.
    await sleep(300);
    websocket.terminate();
    await until(() => controlPlane.log.length > 0);

    expect(controlPlane.log).toEqual([expect.stringContaining('fatal error already happened')]);
  });

  it.each([
    ['without a code', ({ websocket }: DataPlane) => websocket.close(), 'lua entry thread aborted'],
    ['without a goodbye', ({ websocket }: DataPlane) => websocket.terminate(), 'first 2 bytes: closed'],
  ])('is an error where it leaves before it has said what it is, %s', async (_how, goodbye, logged) => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane, { firstMessage: 'none' });
    dataPlane.websocket.removeAllListeners('open');
    await new Promise((resolve) => {
      dataPlane.websocket.once('open', resolve);
    });

    goodbye(dataPlane);
    await until(() => controlPlane.log.length > 0);

    expect(controlPlane.log).toEqual([expect.stringContaining(logged)]);
  });

  it.each([
    ['a ping without a hash', (dataPlane: DataPlane) => dataPlane.websocket.ping(), "invalid hash: ''"],
    ['a ping of another length', ({ websocket }: DataPlane) => websocket.ping('abc'), "invalid hash: 'abc'"],
    ['a short message', ({ websocket }: DataPlane) => websocket.send('hello'), "invalid hash: 'hello'"],
    [
      'a message of a hash’s length',
      ({ websocket }: DataPlane) => websocket.send('x'.repeat(32)),
      'invalid websocket frame received from data plane: text',
    ],
  ])('is an error after %s, and it is dropped, with no row', async (_what, send, logged) => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane);
    let pongs = 0;
    dataPlane.websocket.on('pong', () => {
      pongs += 1;
    });
    await dataPlane.next();

    send(dataPlane);
    await dataPlane.closed;

    expect(controlPlane.log).toEqual([expect.stringContaining(logged)]);
    expect(pongs).toBe(0);
    const listed = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`);
    expect(await listed.json()).toMatchObject({ data: [] });
  });

  it('is a warning with each frame for each field that its version does not have', async () => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane, { version: '3.4.0' });
    await dataPlane.next();
    controlPlane.configuration.create('consumers', { username: 'new' });
    await dataPlane.next();

    // Seen on a real 3.9.1 with this configuration.
    const fields = [
      "basic_auth plugin contains configuration 'realm'",
      "prometheus plugin contains configuration 'ai_metrics'",
      "acl plugin contains configuration 'always_use_authenticated_groups'",
      "key_auth plugin contains configuration 'realm'",
      "jwt plugin contains configuration 'realm'",
      "http_log plugin contains configuration 'queue.concurrency_limit'",
      "response_transformer plugin contains configuration 'rename.json'",
    ];
    const lines = fields.map((field) =>
      expect.stringContaining(
        `[warn] [clustering] ${field} which is incompatible with dataplane and will be ignored`,
      ),
    );
    expect(controlPlane.log).toEqual([...lines, ...lines]);
  });

  it('is an error where it stays without a ping, and it is dropped', async () => {
    const controlPlane = await start({ pingWaitSeconds: 0.6 });
    const [silent, pinging] = [join(controlPlane), join(controlPlane)];
    await Promise.all([silent.next(), pinging.next()]);
    const pings = setInterval(() => pinging.websocket.ping('0'.repeat(32)), 50);

    await silent.closed;
    clearInterval(pings);

    expect(controlPlane.connectedNodes()).toHaveLength(1);
    expect(controlPlane.log).toEqual([expect.stringContaining('did not receive ping frame')]);
  });

  it('is a notice for each plugin without a version, and a warning for each that is missing', async () => {
    const controlPlane = await start();
    const plugins = [...withoutPlugin('datadog').filter(({ name }) => name !== 'cors'), { name: 'cors' }];

    await join(controlPlane, { plugins }).next();

    expect(controlPlane.log).toEqual([
      expect.stringMatching(/^\[notice\].* data plane cors plugin version is unspecified/),
      expect.stringMatching(/^\[warn\].* datadog plugin 3.9.1 is missing/),
    ]);
  });
});

describe('plugins that are configured', () => {
  it.each([
    ['missing', withoutPlugin('jwt'), false],
    ['of a newer minor version', withPlugin('jwt', '3.10.0'), false],
    ['of another major version', withPlugin('jwt', '2.9.0'), false],
    ['of an older minor version', withPlugin('jwt', '3.8.1'), true],
    ['of another patch', withPlugin('jwt', '3.9.7'), true],
    ['there, and one more that is unknown', withPlugin('own-plugin', '0.1'), true],
    ['there, and one missing that is not configured', withoutPlugin('datadog'), true],
    ['there, and one missing that is disabled', withoutPlugin('cors'), true],
  ])('and %s with the data plane', async (_what, plugins, served) => {
    const lines: string[] = [];
    const controlPlane = await start({ log: (line) => lines.push(line) });
    const dataPlane = join(controlPlane, { plugins });

    await until(() => controlPlane.connectedNodes().length === 1);
    await (served ? dataPlane.next() : sleep(50));

    expect(dataPlane.messages).toHaveLength(served ? 1 : 0);
    expect(lines.some((line) => line.includes('configured') && line.includes('jwt'))).toBe(!served);
  });
});

describe('pings', () => {
  const dataPlanes = async (controlPlane: ControlPlane) => {
    const response = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`);
    return ((await response.json()) as { readonly data: readonly Record<string, unknown>[] }).data;
  };

  it('enter a node into the list of data planes, and are answered', async () => {
    const controlPlane = await start();
    const dataPlane = join(controlPlane, { nodeId: '7b4b3d04-6cde-4b2e-a5b3-d5a4a2f7a1aa' });
    const { config_hash } = await dataPlane.next();
    const beforePing = await dataPlanes(controlPlane);

    const pong = new Promise((resolve) => {
      dataPlane.websocket.once('pong', resolve);
    });
    dataPlane.websocket.ping(config_hash);
    await pong;

    expect(beforePing).toEqual([]);
    expect(await dataPlanes(controlPlane)).toMatchObject([
      { id: '7b4b3d04-6cde-4b2e-a5b3-d5a4a2f7a1aa', config_hash, version: '3.9.1', sync_status: 'normal' },
    ]);
  });
});
