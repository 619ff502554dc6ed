import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { connectToCluster } from '../../../core/kong/cluster-connection.ts';
import type { ClusterEndpointOptions } from '../../../core/kong/cluster-endpoint.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../simulators/kong/control-plane/control-plane.ts';
import { failing, openSockets, read, readerOf, tableOf, until } from './reading.ts';

const running: ControlPlane[] = [];
async function start(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.05,
    ...options,
  });
  running.push(controlPlane);
  return controlPlane;
}

/** A control plane whose one plugin is this one. */
const startWith = (name: string, options: Partial<ControlPlaneOptions> = {}) =>
  start({
    configuration: { plugins: [{ id: '5a3d4c2b-1f0e-4d6c-8b7a-99887766554a', name, config: {} }] },
    ...options,
  });

const impatient = { namedVersionsTimeoutMs: 200, firstFrameTimeoutMs: 300 };
const noticesOf = ({ log }: ControlPlane) => log.filter((line) => line.startsWith('[notice]')).length;

afterEach(async () => {
  await until(() => openSockets() === 0);
  await Promise.all(running.splice(0).map((controlPlane) => controlPlane.stop()));
});

describe('a control plane that compares the versions of plugins', () => {
  it.each([
    ['3.4.2', 'opentelemetry', {}],
    ['3.9.1', 'opentelemetry', {}],
    ['3.9.1', 'moesif', { moesif: '2.0.8' }],
    ['3.4.3', 'konnect-application-auth', { 'konnect-application-auth': '3.4.3' }],
    ['2.8.5', 'acl', {}],
    ['2.8.5', 'prometheus', {}],
  ])('of %s, with %s, gives its configuration at once', async (version, name, customPlugins) => {
    const controlPlane = await startWith(name, { version, customPlugins });

    const configuration = await read(controlPlane, { dataPlaneVersion: version }, impatient);

    expect(configuration.pluginVersions).toBe('named');
    expect(JSON.stringify(await tableOf(configuration))).toContain(`"name":"${name}"`);
  });

  it.each(['redirect', 'moesif', 'acme-auth'])(
    'gives it with a custom plugin of its own version that is called %s',
    async (name) => {
      const controlPlane = await startWith(name, { customPlugins: { [name]: '1.2.0' } });

      const configuration = await read(controlPlane, {}, { customPlugins: [name], ...impatient });

      expect(configuration.pluginVersions).toBe('named');
    },
  );

  it('gives it without any version where one does not fit that nobody could know', async () => {
    const controlPlane = await startWith('redirect', { customPlugins: { redirect: '1.2.0' } });

    const configuration = await read(controlPlane, {}, impatient);

    expect(configuration.pluginVersions).toBe('omitted');
    expect(JSON.stringify(await tableOf(configuration))).toContain('"name":"redirect"');
    expect(controlPlane.log.filter((line) => line.includes('unable to send'))).toHaveLength(1);
  });

  it('is asked without versions from the start where that is wanted', async () => {
    const controlPlane = await startWith('redirect', { customPlugins: { redirect: '1.2.0' } });

    const configuration = await read(controlPlane, { pluginVersions: 'omitted' }, impatient);

    expect(configuration.pluginVersions).toBe('omitted');
    expect(controlPlane.log.filter((line) => line.includes('unable to send'))).toEqual([]);
  });

  it('is not asked twice while its first frame is on the way', async () => {
    const controlPlane = await start({
      // Random, so that it is as large compressed.
      message: (message) => ({ ...message, padding: randomText(4_000_000) }),
    });
    const visit = readerOf(controlPlane, { namedVersionsTimeoutMs: 1_500, firstFrameTimeoutMs: 300 }).visit();
    // The frame is made now, which takes its time.
    await visit.configuration({ dataPlaneVersion: '3.9.1', pluginVersions: 'omitted' });
    controlPlane.faults.inject({ bytesPerSecond: 1_000_000 });

    const configuration = await visit.configuration({ dataPlaneVersion: '3.9.1' });
    await visit.end();

    expect(configuration.pluginVersions).toBe('named');
    expect(configuration.frameBytes).toBeGreaterThan(2_500_000);
  });

  it('is asked twice where its export takes longer than that, but only once', async () => {
    const controlPlane = await start({ exportMs: 500 });
    const reader = readerOf(controlPlane, { namedVersionsTimeoutMs: 200 });
    const readOnce = async () => {
      const visit = reader.visit();
      const { pluginVersions } = await visit.configuration({ dataPlaneVersion: '3.9.1' });
      await visit.end();
      await until(() => controlPlane.connectedNodes().length === 0);
      return { pluginVersions, exports: controlPlane.exportCount() };
    };

    const [first, second] = [await readOnce(), await readOnce()];

    expect([first, second]).toEqual([
      { pluginVersions: 'named', exports: 2 },
      { pluginVersions: 'named', exports: 3 },
    ]);
  });

  it('is not left while it exports for the second connection: that would be an error in its log', async () => {
    const controlPlane = await start();
    const events: string[] = [];
    // Nothing comes before both connections have been opened; then one frame each, a while apart.
    const connect: NonNullable<ClusterEndpointOptions['connect']> = async (...parameters) => {
      const name = events.length === 0 ? 'first' : 'second';
      events.push(`${name} opened`);
      const connection = await connectToCluster(...parameters);
      return {
        ...connection,
        arrival: name === 'first' ? connection.arrival : () => new Promise(() => undefined),
        async nextFrame(waitMs, signal) {
          if (name === 'first' && events.length === 1) {
            return 'nothing';
          }
          if (name === 'second' && waitMs === 0) {
            return 'nothing';
          }
          const frame = await connection.nextFrame(waitMs, signal);
          events.push(`${name} served`);
          return frame;
        },
        leave() {
          events.push(`${name} left`);
          return connection.leave();
        },
      };
    };

    await read(controlPlane, {}, { connect });

    expect(events.filter((event) => event.startsWith('second'))).toEqual([
      'second opened',
      'second served',
      'second left',
    ]);
  });

  it('costs a notice for a plugin without a version alone, and no other line', async () => {
    const controlPlane = await start();

    const { pluginVersions } = await read(controlPlane);

    expect(pluginVersions).toBe('named');
    expect(noticesOf(controlPlane)).toBe(1);
    expect(controlPlane.log).toEqual([
      expect.stringContaining('opentelemetry plugin version is unspecified'),
    ]);
  });
});

describe('a control plane with wasm filters', () => {
  it('gives its configuration to who names them', async () => {
    const controlPlane = await start({ wasmFilters: ['response_transformer', 'other'] });

    const configuration = await read(
      controlPlane,
      {},
      { wasmFilters: ['other', 'response_transformer'], ...impatient },
    );

    expect(configuration.settled).toBe(true);
  });

  it('gives it with a filter that is configured as a plugin, and has no more to say than of any plugin', async () => {
    const controlPlane = await startWith('response_transformer', {
      wasmFilters: ['response_transformer', 'other'],
    });

    const configuration = await read(
      controlPlane,
      {},
      { wasmFilters: ['other', 'response_transformer'], ...impatient },
    );

    expect(configuration.pluginVersions).toBe('named');
    expect(JSON.stringify(await tableOf(configuration))).toContain('"name":"response_transformer"');
    expect(controlPlane.log.filter((line) => line.includes('missing'))).toEqual([]);
  });

  it('gives nothing for a version that cannot have a filter as a plugin', async () => {
    const controlPlane = await startWith('response_transformer', { wasmFilters: ['response_transformer'] });

    const reading = read(
      controlPlane,
      { dataPlaneVersion: '3.8.1' },
      { wasmFilters: ['response_transformer'], ...impatient },
    );

    await expect(reading).rejects.toEqual(failing('no-configuration', 'customPlugins', 'unable to send'));
  });

  it('gives nothing to who does not, and the message says what to do', async () => {
    const controlPlane = await start({ wasmFilters: ['response_transformer'] });

    const reading = read(controlPlane, {}, impatient);

    await expect(reading).rejects.toEqual(failing('no-configuration', 'wasmFilters', 'unable to send'));
  });

  it('may be without wasm: filters do no harm then', async () => {
    const controlPlane = await start();

    const configuration = await read(controlPlane, {}, { wasmFilters: ['response_transformer'] });

    expect(configuration.settled).toBe(true);
  });
});

describe('what a visit leaves behind', () => {
  it('is one export for all versions, asked one after another', async () => {
    const controlPlane = await start();
    const visit = readerOf(controlPlane).visit();

    for (const dataPlaneVersion of ['3.9.1', '3.8.1', '3.4.0', '3.9.0']) {
      await visit.configuration({ dataPlaneVersion });
    }
    await visit.end();

    expect(controlPlane.exportCount()).toBe(1);
    await until(() => controlPlane.connectedNodes().length === 0);
  });

  it('is no line in the log, besides notices, when it reads, waits, is refused a version, and leaves', async () => {
    const controlPlane = await start({ exportMs: 150 });
    const visit = readerOf(controlPlane, {
      settle: { settleSeconds: 0.3, clockToleranceSeconds: 60 },
    }).visit();
    await visit.configuration({ dataPlaneVersion: '3.9.1', changedAt: new Date() });
    await visit.configuration({ dataPlaneVersion: '3.8.1' });
    await visit.end();
    // Its time is up while the control plane exports.
    const timeIsUp = new AbortController();
    const cancelled = expect(read(controlPlane, { signal: timeIsUp.signal })).rejects.toEqual(
      failing('cancelled'),
    );
    await until(() => controlPlane.exportCount() === 2);
    timeIsUp.abort();
    await cancelled;
    await sleep(200);

    expect(controlPlane.log.filter((line) => !line.startsWith('[notice]'))).toEqual([]);
  });

  it('is one row and one line for a version that cannot be served, under an id that stays', async () => {
    const controlPlane = await start();
    const rows = async () => {
      const answer = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`, {
        headers: { connection: 'close' },
      });
      return ((await answer.json()) as { readonly data: readonly { readonly id: string }[] }).data;
    };
    const incompatible = { dataPlaneVersion: '3.10.0' };

    await expect(read(controlPlane, incompatible)).rejects.toEqual(failing('incompatible', '3.10.0'));
    const first = await rows();
    await expect(read(controlPlane, incompatible)).rejects.toEqual(failing('incompatible', '3.10.0'));

    expect(first).toMatchObject([{ hostname: 'lifeboat-export', version: '3.10.0' }]);
    expect(await rows()).toHaveLength(1);
    expect((await rows())[0]?.id).toBe(first[0]?.id);
    expect(controlPlane.log.filter((line) => !line.startsWith('[notice]'))).toHaveLength(2);
  });

  it('is nothing that stays for longer than a control plane waits for a ping', async () => {
    const controlPlane = await start();
    const visit = readerOf(controlPlane, { longestStayMs: 100 }).visit();
    await visit.configuration({ dataPlaneVersion: '3.9.1' });

    await until(() => controlPlane.connectedNodes().length === 0);
    await visit.end();

    expect(controlPlane.log.filter((line) => !line.startsWith('[notice]'))).toEqual([]);
  });
});

describe('a control plane that sends slowly', () => {
  it('is waited for while bytes come', async () => {
    const controlPlane = await start({
      message: (message) => ({ ...message, padding: randomText(2_000_000) }),
    });
    controlPlane.faults.inject({ bytesPerSecond: 1_000_000 });
    controlPlane.faults.inject({ bytesPerSecond: 1_000_000 });

    // 64 KiB come within each of these times.
    const configuration = await read(
      controlPlane,
      {},
      { namedVersionsTimeoutMs: 400, firstFrameTimeoutMs: 400 },
    );

    expect(configuration.settled).toBe(true);
  });

  it('is given up where it sends a byte a second', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject({ bytesPerSecond: 1 });
    controlPlane.faults.inject({ bytesPerSecond: 1 });

    const reading = read(controlPlane, {}, { namedVersionsTimeoutMs: 500, firstFrameTimeoutMs: 1_000 });

    await expect(reading).rejects.toEqual(failing('no-configuration', 'within 1.5 s'));
  });

  it('is given up where it never answers', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject('hang-after-upgrade');
    controlPlane.faults.inject('hang-after-upgrade');

    const reading = read(controlPlane, {}, impatient);

    await expect(reading).rejects.toEqual(failing('no-configuration', 'within 0.5 s', 'unable to send'));
  });
});

describe('a frame over cluster_max_payload', () => {
  it('is no outage: the message names what the log says', async () => {
    const controlPlane = await start({ maxPayloadBytes: 1_000 });

    const reading = read(controlPlane);

    await expect(reading).rejects.toEqual(failing('dropped', 'payload too big', 'cluster_max_payload'));
  });
});

describe('frames of other control planes', () => {
  it('may lack their timestamp: the time of receipt stands for it', async () => {
    const controlPlane = await start({ message: ({ timestamp, ...rest }) => rest });
    const before = Date.now();

    const configuration = await read(controlPlane);

    expect(configuration).toMatchObject({ hasTimestamp: false, settled: true });
    expect(configuration.builtAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  it('are awaited for the whole settle time after a change, where they lack it', async () => {
    const controlPlane = await start({ message: ({ timestamp, ...rest }) => rest });
    const changedAt = new Date();

    await read(controlPlane, { changedAt }, { settle: { settleSeconds: 0.5, clockToleranceSeconds: 0 } });

    expect(Date.now() - changedAt.getTime()).toBeGreaterThanOrEqual(500);
  });

  it('are taken at once where they have the hash that the change led to', async () => {
    const controlPlane = await start();
    const configHash = controlPlane.builtHash();

    const configuration = await read(
      controlPlane,
      { changedAt: new Date(), configHash },
      { settle: { settleSeconds: 60, clockToleranceSeconds: 60 } },
    );

    expect(configuration).toMatchObject({ settled: true, configHash });
  });

  it('may lack their hash, which is Kong’s all the same', async () => {
    const controlPlane = await start({ message: ({ config_hash, ...rest }) => rest });

    const configuration = await read(controlPlane);

    expect(configuration.configHash).toBe(controlPlane.builtHash());
    expect(configuration.warnings).toEqual([]);
  });

  it('may have keys that we do not know', async () => {
    const controlPlane = await start({
      message: (message) => ({ ...message, current_transaction_id: 7, extra: { deep: [1, null] } }),
    });

    const configuration = await read(controlPlane);

    expect(configuration.configHash).toBe(controlPlane.builtHash());
  });

  it('may have {} for an empty list, which the file has as []', async () => {
    const controlPlane = await start({
      configuration: {},
      message: ({ config_table, ...rest }) => ({
        ...rest,
        config_table: { snis: {}, ...(config_table as object), services: {}, acls: [] },
      }),
    });

    const configuration = await read(controlPlane);

    expect(await tableOf(configuration)).toMatchObject({ snis: [], services: [], acls: [] });
    expect(configuration.entities).toMatchObject({ snis: 0, services: 0, acls: 0 });
  });

  it('may have a later format, with a warning', async () => {
    const controlPlane = await start({
      message: ({ config_table, ...rest }) => ({
        ...rest,
        config_table: { ...(config_table as object), _format_version: '3.1' },
      }),
    });

    const configuration = await read(controlPlane);

    expect(configuration.warnings).toEqual([expect.stringContaining('"3.1", which is later than "3.0"')]);
    expect(await tableOf(configuration)).toMatchObject({ _format_version: '3.1' });
  });
});

/** Text that gzip cannot shrink to less than three quarters. */
function randomText(length: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)))
    .toString('base64')
    .repeat(Math.ceil(length / 87_380))
    .slice(0, length);
}
