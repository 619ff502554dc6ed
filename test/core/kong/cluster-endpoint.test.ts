import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import {
  type ClusterEndpointOptions,
  clusterEndpointControlPlane,
} from '../../../core/kong/cluster-endpoint.ts';
import type {
  ConfigurationRequest,
  ControlPlaneConfiguration,
  EarlyConfiguration,
} from '../../../core/kong/control-plane.ts';
import { pkiCertificates, sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../simulators/kong/control-plane/control-plane.ts';
import type { Fault } from '../../../simulators/kong/control-plane/faults.ts';
import { authorityExtensions, type Issued, issue } from '../access/certificates.ts';
import { controlPlaneContract } from './control-plane-contract.ts';
import { memoryControlPlane } from './memory-control-plane.ts';
import { countWaits, failing, openSockets, read, readerOf, tableOf, until } from './reading.ts';
import { recordedFrame } from './recording.ts';

const stops: (() => Promise<void>)[] = [];
const ends: (() => Promise<void>)[] = [];

async function start(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.3, ...options });
  stops.push(() => controlPlane.stop());
  return controlPlane;
}

const consumersOf = async (configuration: ControlPlaneConfiguration) =>
  JSON.stringify((await tableOf(configuration))['consumers']);

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  // Whatever happened, the reader has hung up.
  await until(() => openSockets() === 0);
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

controlPlaneContract('a cluster endpoint', async () => {
  const controlPlane = await start();
  return {
    controlPlane: readerOf(controlPlane),
    addConsumer: async (username) => {
      controlPlane.configuration.create('consumers', { username });
    },
    stop: () => controlPlane.stop(),
  };
});
controlPlaneContract('a control plane in memory', async () => {
  const controlPlane = memoryControlPlane({ consumers: [] });
  return {
    controlPlane,
    addConsumer: async (username) => controlPlane.change({ consumers: [{ username }] }),
    stop: async () => controlPlane.fail('unreachable'),
  };
});

describe('reading a control plane over its cluster endpoint', () => {
  it.each(
    (['shared', 'pki'] as const).flatMap((mtls) =>
      ['3.9.1', '3.8.1', '3.4.0'].map((version) => [mtls, version] as const),
    ),
  )('in %s mode gives what Kong sent to a data plane of %s', async (mtls, dataPlaneVersion) => {
    const before = Date.now();
    const controlPlane = await start({ mtls });

    const configuration = await read(controlPlane, { dataPlaneVersion });

    const { config_table, config_hash } = recordedFrame(dataPlaneVersion).content;
    expect(await tableOf(configuration)).toEqual(config_table);
    expect(configuration).toMatchObject({ configHash: config_hash, settled: true });
    expect(configuration.builtAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(configuration.builtAt.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('asks for the certificate with each connection', async () => {
    const controlPlane = await start();
    let asked = 0;
    const reader = clusterEndpointControlPlane({
      endpoint: controlPlane.clusterEndpoint,
      mtls: 'shared',
      certificate: async () => {
        asked += 1;
        return controlPlane.certificates;
      },
      nodeSeed: 'test',
      customPlugins: [],
      settle: { settleSeconds: 1, clockToleranceSeconds: 0 },
      clock: systemClock,
    });
    const visit = reader.visit();

    await visit.configuration({ dataPlaneVersion: '3.9.1' });
    await visit.configuration({ dataPlaneVersion: '3.9.1' });
    await visit.end();

    expect(asked).toBe(2);
  });

  it('shows up in no list of data planes, neither while it stays nor afterwards', async () => {
    const controlPlane = await start();
    const listed = async () => {
      const answer = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`, {
        headers: { connection: 'close' },
      });
      return ((await answer.json()) as { readonly data: unknown[] }).data;
    };
    const staying = read(
      controlPlane,
      { changedAt: new Date() },
      {
        settle: { settleSeconds: 0.3, clockToleranceSeconds: 60 },
      },
    );
    await until(() => controlPlane.connectedNodes().length === 1);

    const during = await listed();
    await staying;
    const afterwards = await listed();

    expect([during, afterwards]).toEqual([[], []]);
  });
});

describe('after a change', () => {
  it('stays for the frame that holds it, and no longer', async () => {
    const controlPlane = await start();
    controlPlane.configuration.create('consumers', { username: 'new' });
    const changedAt = new Date();

    const configuration = await read(
      controlPlane,
      { changedAt },
      // Longer than this test may take.
      { settle: { settleSeconds: 3_600, clockToleranceSeconds: 0.02 } },
    );

    expect(await consumersOf(configuration)).toContain('"username":"new"');
    expect(configuration.settled).toBe(true);
    expect(configuration.builtAt.getTime()).toBeGreaterThan(changedAt.getTime());
  });

  it('takes the newest frame, when several come', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 0.1 });
    const waits = countWaits();
    let nowMs = Date.now();
    const reading = read(
      controlPlane,
      { changedAt: new Date(nowMs) },
      {
        settle: { settleSeconds: 3_600, clockToleranceSeconds: 7_200 },
        clock: { ...systemClock, now: () => new Date(nowMs) },
        connect: waits.connect,
      },
    );
    // Each wait but the first begins when the frame before was read and found not to be enough.
    await until(() => waits.count() === 2);
    controlPlane.configuration.create('consumers', { username: 'first' });
    await until(() => waits.count() === 3);
    // A day later the settle time is over.
    nowMs += 86_400_000;
    controlPlane.configuration.create('consumers', { username: 'second' });

    const configuration = await reading;

    expect(await consumersOf(configuration)).toContain('"username":"second"');
    expect(configuration.settled).toBe(true);
  });

  it('takes what there is when the settle time has passed without a newer frame', async () => {
    const controlPlane = await start();
    const changedAt = new Date();

    const configuration = await read(
      controlPlane,
      { changedAt },
      {
        settle: { settleSeconds: 0.3, clockToleranceSeconds: 1 },
      },
    );

    expect(configuration.settled).toBe(true);
    expect(Date.now() - changedAt.getTime()).toBeGreaterThanOrEqual(300);
  });

  it('takes the first frame when no change is named, however old it is', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 60 });
    const visit = readerOf(controlPlane).visit();
    await visit.configuration({ dataPlaneVersion: '3.8.1' });
    controlPlane.configuration.create('consumers', { username: 'new' });

    const configuration = await visit.configuration({ dataPlaneVersion: '3.9.1' });
    await visit.end();

    expect(await consumersOf(configuration)).not.toContain('"username":"new"');
    expect(configuration.settled).toBe(true);
  });

  it('gives what came before, unsettled, when the connection is lost meanwhile', async () => {
    const controlPlane = await start();
    const waits = countWaits();
    const reading = read(
      controlPlane,
      { changedAt: new Date() },
      { settle: { settleSeconds: 3_600, clockToleranceSeconds: 60 }, connect: waits.connect },
    );
    await until(() => waits.count() === 2);

    await controlPlane.stop();
    const configuration = await reading;

    expect(configuration.settled).toBe(false);
    expect(await tableOf(configuration)).toEqual(recordedFrame('3.9.1').content.config_table);
  });
});

describe('while a newer frame is awaited', () => {
  const patient = { settleSeconds: 3_600, clockToleranceSeconds: 60 };

  it('hands out what came, with the moment after which it was read', async () => {
    const controlPlane = await start();
    const early: EarlyConfiguration[] = [];
    const waits = countWaits();
    const reading = read(
      controlPlane,
      { changedAt: new Date(), onEarly: async (configuration) => void early.push(configuration) },
      { settle: patient, connect: waits.connect },
    );
    await until(() => waits.count() === 2);

    await controlPlane.stop();
    const { builtAt, entities, configHash } = await reading;

    const exportMs = (Object.values(entities).reduce((sum, count) => sum + count, 0) / 30_000) * 1000;
    expect(early).toEqual([
      expect.objectContaining({
        configHash,
        settled: false,
        readAfter: new Date(builtAt.getTime() - 60_000 - exportMs),
      }),
    ]);
  });

  it.each<[title: string, request: Partial<ConfigurationRequest>]>([
    ['no change is named', {}],
    ['it is new enough', { changedAt: new Date(0) }],
  ])('hands out nothing where %s', async (_, request) => {
    const controlPlane = await start();
    let handedOut = 0;

    await read(controlPlane, {
      ...request,
      onEarly: async () => {
        handedOut += 1;
      },
    });

    expect(handedOut).toBe(0);
  });

  it('takes what came while the early one was taken, also when the settle time is over', async () => {
    const controlPlane = await start({ dbUpdateFrequencySeconds: 0.1 });
    let nowMs = Date.now();
    let monotonicMs = 0;
    const waits = countWaits();
    const waitsMs: number[] = [];

    const configuration = await read(
      controlPlane,
      {
        changedAt: new Date(nowMs),
        async onEarly() {
          if (waits.count() === 1) {
            const before = controlPlane.builtHash();
            controlPlane.configuration.create('consumers', { username: 'new' });
            await until(() => controlPlane.builtHash() !== before);
            // It is on its way, and then the settle time is over.
            await delay(500);
            nowMs += 86_400_000;
            monotonicMs += 86_400_000;
          }
        },
      },
      {
        settle: { settleSeconds: 3_600, clockToleranceSeconds: 7_200 },
        clock: { ...systemClock, now: () => new Date(nowMs), monotonicMs: () => monotonicMs },
        async connect(...parameters) {
          const connection = await waits.connect(...parameters);
          return {
            ...connection,
            nextFrame(waitMs, signal) {
              waitsMs.push(waitMs);
              return connection.nextFrame(waitMs, signal);
            },
          };
        },
      },
    );

    expect(await consumersOf(configuration)).toContain('"username":"new"');
    expect(configuration.settled).toBe(true);
    expect(waitsMs.slice(1)).toEqual([0]);
  });
});

describe('a control plane that misbehaves', () => {
  it.each<[fault: Fault, code: string, words: readonly string[], options: Partial<ClusterEndpointOptions>]>([
    ['truncated-gzip', 'bad-frame', ['not a complete gzip', 'stays'], {}],
    ['oversized-frame', 'too-large', ['more than 1 MiB', 'maxFrameMiB', 'stays'], { maxFrameBytes: 2 ** 20 }],
    ['oversized-frame', 'bad-frame', ['not a complete configuration'], {}],
    ['gzip-bomb', 'bad-frame', ['not a complete configuration'], {}],
    ['foreign-type', 'bad-frame', ['type'], {}],
    ['foreign-format', 'bad-frame', ['_format_version'], {}],
    ['text-frame', 'bad-frame', ['it is text'], {}],
    ['half-frame', 'dropped', ['dropped the connection', 'payload too big', 'cluster_max_payload'], {}],
    ['close-at-once', 'incompatible', ['closed the connection', 'dataPlaneVersions'], {}],
  ])('%s is %s', async (fault, code, words, options) => {
    const controlPlane = await start();
    controlPlane.faults.inject(fault);

    const reading = read(controlPlane, {}, options);

    await expect(reading).rejects.toEqual(failing(code, ...words));
    await until(() => controlPlane.connectedNodes().length === 0);
  });

  it.each([
    [0, 'maxFrameBytes', 'accepted'],
    [-1, 'maxFrameBytes', 'refused'],
    [0, 'maxJsonBytes', 'accepted'],
    [-1, 'maxJsonBytes', 'refused'],
  ] as const)('a frame whose size is the limit %d of %s is %s', async (difference, limit, expected) => {
    const controlPlane = await start();
    // While somebody is connected, everybody gets the same frame.
    const visit = readerOf(controlPlane).visit();
    ends.push(() => visit.end());
    const { frameBytes, jsonBytes } = await visit.configuration({ dataPlaneVersion: '3.9.1' });
    const size = limit === 'maxFrameBytes' ? frameBytes : jsonBytes;

    const reading = read(controlPlane, {}, { [limit]: size + difference });

    await (expected === 'accepted'
      ? expect(reading).resolves.toMatchObject({ jsonBytes })
      : expect(reading).rejects.toEqual(failing('too-large', 'more than', 'maxFrameMiB')));
  });

  it('sends nothing when a configured plugin is not named, and everything when it is', async () => {
    const controlPlane = await start({
      customPlugins: { 'acme-auth': '1.2.3' },
      dbUpdateFrequencySeconds: 0.05,
    });
    controlPlane.configuration.create('plugins', { name: 'acme-auth', config: {} });

    const without = read(controlPlane, {}, { namedVersionsTimeoutMs: 100, firstFrameTimeoutMs: 200 });
    const withIt = read(controlPlane, {}, { customPlugins: ['acme-auth'] });

    await expect(without).rejects.toEqual(
      failing('no-configuration', 'within 0.3 s', 'customPlugins', 'wasmFilters', 'database is down'),
    );
    expect(JSON.stringify(await tableOf(await withIt))).toContain('acme-auth');
  });

  it.each(['3.10.0', '4.0.0'])(
    'refuses a data plane of %s, which is newer than it',
    async (dataPlaneVersion) => {
      const controlPlane = await start();

      const reading = read(controlPlane, { dataPlaneVersion });

      await expect(reading).rejects.toEqual(failing('incompatible', dataPlaneVersion, 'dataPlaneVersions'));
    },
  );
});

describe('a control plane that cannot be reached', () => {
  it('because nobody listens', async () => {
    const controlPlane = await start();
    await controlPlane.stop();

    const reading = read(controlPlane);

    await expect(reading).rejects.toEqual(
      failing('unreachable', controlPlane.clusterEndpoint, 'ECONNREFUSED'),
    );
  });

  it('because its name does not resolve', async () => {
    const controlPlane = await start();

    const reading = read({ ...controlPlane, clusterEndpoint: 'control-plane.invalid:8005' });

    await expect(reading).rejects.toEqual(failing('unreachable', 'control-plane.invalid:8005'));
  });

  it('because it accepts and says nothing', async () => {
    const controlPlane = await startMute();

    const reading = read(controlPlane, {}, { connectTimeoutMs: 150 });

    await expect(reading).rejects.toEqual(failing('unreachable', controlPlane.clusterEndpoint, 'timed out'));
  });

  it('because it speaks slower than anybody can wait', async () => {
    const controlPlane = await startAnswering((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n');
      const drip = setInterval(() => socket.write('x-drip: 1\r\n'), 50);
      socket.on('close', () => clearInterval(drip));
    });

    const reading = read(controlPlane, {}, { connectTimeoutMs: 300 });

    await expect(reading).rejects.toEqual(failing('unreachable', controlPlane.clusterEndpoint, 'timed out'));
  });

  it.each([
    ['500 Internal Server Error', 'refused', ['answered 500']],
    ['501 Not Implemented', 'refused', ['answered 501']],
    ['502 Bad Gateway', 'unreachable', ['answered 502']],
    ['503 Service Unavailable', 'unreachable', ['answered 503']],
    ['504 Gateway Timeout', 'unreachable', ['answered 504']],
    ['505 HTTP Version Not Supported', 'refused', ['answered 505']],
    ['404 Not Found', 'refused', ['answered 404', 'cluster_listen']],
    ['200 OK\r\nNonsense', 'refused', ['did not answer the WebSocket upgrade', 'cluster_listen']],
    ['400 Bad Request', 'refused', ['answered 400', 'certificate']],
    ['302 Found\r\nLocation: https://127.0.0.1:1/', 'refused', ['answered 302']],
  ])('because it answers %s: %s', async (status, code, words) => {
    const controlPlane = await startAnswering((socket) =>
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`),
    );

    const reading = read(controlPlane);

    await expect(reading).rejects.toEqual(failing(code, controlPlane.clusterEndpoint, ...words));
  });
});

describe('nonsense on the wire is no outage', () => {
  /** A whole WebSocket message, unmasked, and what it begins with. */
  const message = (payload: Buffer, first = 0x82) => {
    const header = Buffer.alloc(4);
    header.writeUInt8(first, 0);
    header.writeUInt8(126, 1);
    header.writeUInt16BE(payload.length, 2);
    return Buffer.concat([header, payload]);
  };
  const { frame } = recordedFrame('3.9.1');

  it.each<[what: string, code: string, words: string, send: (socket: Duplex) => void]>([
    ['a reserved bit', 'bad-frame', 'WS_ERR_', (socket) => socket.write(message(frame, 0xa2))],
    ['an opcode that there is not', 'bad-frame', 'WS_ERR_', (socket) => socket.write(message(frame, 0x83))],
    ['a continuation of nothing', 'bad-frame', 'WS_ERR_', (socket) => socket.write(message(frame, 0x80))],
    ['half a frame, and the end', 'dropped', '1006', (socket) => socket.end(message(frame).subarray(0, 500))],
    [
      'half a frame, and a reset',
      'dropped',
      '1006',
      (socket) => {
        socket.write(message(frame).subarray(0, 500));
        setImmediate(() => socket.destroy());
      },
    ],
    ['a byte of a header, and the end', 'dropped', '1006', (socket) => socket.end(Buffer.of(0x82))],
  ])('after the upgrade: %s', async (_, code, words, send) => {
    const controlPlane = await startUpgrading(send);

    await expect(read(controlPlane)).rejects.toEqual(failing(code, words));
  });

  it('in the upgrade: a wrong accept key', async () => {
    const controlPlane = await startUpgrading(() => undefined, 'bm90IHRoZSBrZXk=');

    await expect(read(controlPlane)).rejects.toEqual(
      failing('refused', 'did not answer the WebSocket upgrade'),
    );
  });

  it.each([
    ['a banner', (socket: Duplex) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), 'HPE_'],
    ['a reset', (socket: Duplex) => socket.destroy(), 'ECONNRESET'],
  ])('in the upgrade: %s', async (_, answer, words) => {
    const controlPlane = await startAnswering(answer);

    await expect(read(controlPlane)).rejects.toEqual(failing('refused', words));
  });

  it.each<[what: string, words: string, greet: (socket: Socket) => void]>([
    ['the banner of another protocol', 'TLS', (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
    ['plain HTTP', 'TLS', (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['the end', 'ECONNRESET', (socket) => void socket.end()],
    ['a reset', 'ECONNRESET', (socket) => void socket.on('data', () => socket.resetAndDestroy())],
  ])('in place of TLS: %s', async (_, words, greet) => {
    const controlPlane = await startMute(greet);

    await expect(read(controlPlane)).rejects.toEqual(failing('refused', words));
  });
});

describe('certificates that do not fit', () => {
  const sharedWords = ['TLS', 'cluster certificate', 'clusterMtls \\(now "shared"\\)', 'clusterServerName'];
  const pkiWords = ['TLS', 'cluster certificate', 'the CA', 'clusterServerName'];

  it.each([
    ['another certificate', async () => sharedCertificate(), sharedWords],
    [
      'a key of another certificate',
      async (own: ControlPlane) => ({ ...own.certificates, key: (await sharedCertificate()).key }),
      ['cluster certificate in its secret'],
    ],
    [
      'a certificate that is none',
      async (own: ControlPlane) => ({
        ...own.certificates,
        certificate: '-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n',
      }),
      ['cluster certificate in its secret'],
    ],
  ])('in shared mode: %s', async (_, certificates, words) => {
    const controlPlane = await start();

    const reading = read({ ...controlPlane, certificates: await certificates(controlPlane) });

    await expect(reading).rejects.toEqual(failing('refused', ...words));
  });

  it.each([
    [
      'a certificate of another CA',
      async ({ certificates }: ControlPlane) => ({ ...(await foreign()), ca: certificates.ca ?? '' }),
      ['answered 400', 'certificate'],
    ],
    [
      'the CA of somebody else',
      async ({ certificates }: ControlPlane) => ({ ...certificates, ca: (await foreign()).ca ?? '' }),
      pkiWords,
    ],
    [
      'no CA, where the control plane’s is not publicly trusted',
      async ({ certificates: { certificate, key } }: ControlPlane) => ({ certificate, key }),
      pkiWords,
    ],
  ])('in PKI mode: %s', async (_, certificates, words) => {
    const controlPlane = await start({ mtls: 'pki' });

    const reading = read(
      { ...controlPlane, certificates: await certificates(controlPlane) },
      {},
      { mtls: 'pki' },
    );

    await expect(reading).rejects.toEqual(failing('refused', ...words));
  });

  it('in PKI mode: one that is not for servers, which is no outage', async () => {
    const certificates = await pkiCertificates({
      controlPlaneHost: 'localhost',
      controlPlaneUsage: 'clientAuth',
    });
    const controlPlane = await start({ mtls: 'pki', certificates });

    const reading = read(controlPlane, {}, { mtls: 'pki' });

    await expect(reading).rejects.toEqual(failing('refused', 'INVALID_PURPOSE', ...pkiWords));
  });

  it('in shared mode: the control plane’s own, of which it hangs up on ours', async () => {
    const { dataPlane, controlPlane: issued } = await pkiCertificates({ controlPlaneHost: 'localhost' });
    const controlPlane = await start({
      certificates: { controlPlane: { ...issued, ca: undefined }, dataPlane },
    });

    const reading = read({ ...controlPlane, serverName: 'localhost' }, {}, { mtls: 'pki' });

    await expect(reading).rejects.toEqual(
      failing('refused', 'did not answer the WebSocket upgrade', 'clusterMtls \\(now "pki"\\)'),
    );
  });

  it.each([
    [
      'has ended',
      new Date('2026-01-01'),
      new Date('2026-02-01'),
      'ended on 2026-02-01T00:00:00.000Z: put a new',
    ],
    ['has not begun', new Date('2099-01-01'), new Date('2099-02-01'), 'begins on 2099-01-01T00:00:00.000Z'],
  ])('in shared mode: one that %s', async (_, notBefore, notAfter, words) => {
    const { pem, keyPem } = await issue({ notBefore, notAfter });
    const certificate = { certificate: pem, key: keyPem };
    const controlPlane = await start({ certificates: { controlPlane: certificate, dataPlane: certificate } });

    const reading = read(controlPlane);

    await expect(reading).rejects.toEqual(failing('refused', 'TLS', words));
  });

  it('are not blamed for what a certificate that is valid meets', async () => {
    const controlPlane = await startAnswering((socket) => socket.destroy());

    const error = await read(controlPlane).catch((reason: Error) => reason);

    expect(String(error)).not.toMatch(/ended on|begins on/);
  });

  describe('in shared mode, with the authority behind the certificate in the secret', () => {
    const issueChain = async () => {
      const validity = { notBefore: new Date('2026-01-01'), notAfter: new Date('2099-01-01') };
      const authority = await issue({
        ...validity,
        commonName: 'company',
        extensions: authorityExtensions(),
      });
      const [own, impostor] = await Promise.all([
        issue({ ...validity, issuer: authority }),
        issue({ ...validity, issuer: authority }),
      ]);
      const pair = ({ pem, keyPem }: Issued) => ({ certificate: pem + authority.pem, key: keyPem });
      return { own: pair(own), impostor: pair(impostor) };
    };

    it('the control plane is known by the certificate that both have', async () => {
      const { own } = await issueChain();
      const controlPlane = await start({ certificates: { controlPlane: own, dataPlane: own } });

      const { settled } = await read(controlPlane);

      expect(settled).toBe(true);
    });

    it('another certificate of that authority is none of the control plane’s', async () => {
      const { own, impostor } = await issueChain();
      const controlPlane = await start({ certificates: { controlPlane: impostor, dataPlane: own } });

      const reading = read(controlPlane);

      await expect(reading).rejects.toEqual(failing('refused', ...sharedWords));
    });
  });

  it.each(['shared', 'pki'] as const)('in %s mode: another server name', async (mtls) => {
    const controlPlane = await start({ mtls });

    const reading = read(controlPlane, {}, { serverName: 'somebody-else' });

    await expect(reading).rejects.toEqual(
      failing('refused', 'ERR_TLS_CERT_ALTNAME_INVALID', 'clusterServerName'),
    );
  });

  it('expects Kong’s own server name in shared mode, and the host in PKI mode', async () => {
    const shared = await start();
    const pki = await start({ mtls: 'pki' });
    const byHost = pki.clusterEndpoint.replace('127.0.0.1', 'localhost');

    const found = await Promise.all([
      read(shared, {}, { serverName: undefined }),
      read({ ...pki, clusterEndpoint: byHost }, {}, { serverName: undefined }),
    ]);

    expect(found.map(({ settled }) => settled)).toEqual([true, true]);
  });
});

describe('an export whose time is up', () => {
  it.each([
    ['before it begins', async () => start(), 0],
    ['while it connects', async () => startMute(), 50],
    [
      'while it waits for the first frame',
      async () => {
        const controlPlane = await start();
        controlPlane.faults.inject('hang-after-upgrade');
        return controlPlane;
      },
      150,
    ],
    [
      'while it waits on two connections',
      async () => {
        const controlPlane = await start();
        controlPlane.faults.inject('hang-after-upgrade');
        controlPlane.faults.inject('hang-after-upgrade');
        return controlPlane;
      },
      400,
    ],
    ['while it waits for a newer frame', async () => start(), 1_000],
  ])('hangs up %s', async (_, begin, afterMs) => {
    const controlPlane = await begin();
    const signal = afterMs === 0 ? AbortSignal.abort() : AbortSignal.timeout(afterMs);

    const reading = read(
      controlPlane,
      { changedAt: new Date(), signal },
      // Longer than this test may take.
      { settle: { settleSeconds: 3_600, clockToleranceSeconds: 60 }, namedVersionsTimeoutMs: 100 },
    );

    await expect(reading).rejects.toEqual(failing('cancelled', controlPlane.clusterEndpoint, 'time was up'));
  });
});

const foreign = async () => (await pkiCertificates({ controlPlaneHost: 'localhost' })).dataPlane;

/** Takes connections, and nothing more. */
async function startMute(greet: (socket: Socket) => void = () => undefined): Promise<ControlPlane> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket.resume());
    socket.on('error', () => socket.destroy());
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return standIn(server.address() as AddressInfo, await sharedCertificate());
}

/** Upgrades to a WebSocket, and then sends what the test wants. */
function startUpgrading(send: (socket: Duplex) => void, acceptKey?: string): Promise<ControlPlane> {
  return startAnswering((socket, key) => {
    const accepted = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${acceptKey ?? accepted}\r\n\r\n`,
    );
    // Who hangs up is let go of.
    socket.resume().on('end', () => socket.destroy());
    send(socket);
  });
}

/** Speaks TLS as a control plane does, and does with the upgrade what the test wants. */
async function startAnswering(answer: (socket: Duplex, key: string) => void): Promise<ControlPlane> {
  const certificates = await sharedCertificate();
  const server = createTlsServer({ cert: certificates.certificate, key: certificates.key });
  server.on('upgrade', ({ headers }, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    answer(socket, String(headers['sec-websocket-key']));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return standIn(server.address() as AddressInfo, certificates);
}

function standIn({ port }: AddressInfo, certificates: ControlPlane['certificates']): ControlPlane {
  return {
    clusterEndpoint: `127.0.0.1:${port}`,
    serverName: 'kong_clustering',
    certificates,
  } as ControlPlane;
}
