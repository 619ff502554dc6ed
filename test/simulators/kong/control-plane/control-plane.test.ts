import { createPublicKey, X509Certificate } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createGunzip, gunzipSync } from 'node:zlib';
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
import type { Fault } from '../../../../simulators/kong/control-plane/faults.ts';
import { connect, type DataPlane, sleep } from './data-plane.ts';

const running: ControlPlane[] = [];
const connected: DataPlane[] = [];

async function start(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.2, ...options });
  running.push(controlPlane);
  return controlPlane;
}

function join(controlPlane: ControlPlane): DataPlane {
  const dataPlane = connect(controlPlane);
  connected.push(dataPlane);
  return dataPlane;
}

afterEach(async () => {
  for (const { websocket } of connected.splice(0)) {
    websocket.terminate();
  }
  await Promise.all(running.splice(0).map((controlPlane) => controlPlane.stop()));
});

/** What the connection sees of a fault: the first message, or that it ends. */
async function outcome(dataPlane: DataPlane): Promise<string> {
  const message = new Promise<string>((resolve) => {
    dataPlane.websocket.once('message', () => resolve('message'));
  });
  return Promise.race([message, dataPlane.closed.then(() => 'closed'), sleep(1_000).then(() => 'nothing')]);
}

async function faulty(fault: Fault): Promise<{ readonly dataPlane: DataPlane; readonly outcome: string }> {
  const controlPlane = await start();
  controlPlane.faults.inject(fault);
  const dataPlane = join(controlPlane);
  return { dataPlane, outcome: await outcome(dataPlane) };
}

describe('faults', () => {
  it.each([
    ['hang-after-upgrade', 'nothing'],
    ['close-at-once', 'closed'],
    ['half-frame', 'closed'],
    ['truncated-gzip', 'message'],
    ['foreign-type', 'message'],
    ['foreign-format', 'message'],
    ['text-frame', 'message'],
  ] as const)('%s shows itself as %s', async (fault, expected) => {
    const { dataPlane, outcome } = await faulty(fault);

    expect(outcome).toBe(expected);
    expect(dataPlane.messages).toHaveLength(expected === 'message' ? 1 : 0);
  });

  it('can be a gzip stream that ends too early', async () => {
    const { dataPlane } = await faulty('truncated-gzip');

    expect(() => gunzipSync(dataPlane.messages[0]?.data ?? '')).toThrow('unexpected end of file');
  });

  it.each([
    ['foreign-type', (frame: { readonly type: string }) => frame.type !== 'reconfigure'],
    [
      'foreign-format',
      (frame: { readonly config_table: { readonly _format_version: string } }) =>
        frame.config_table._format_version === '0.9',
    ],
  ] as const)('can be an unknown message: %s', async (fault, foreign) => {
    const { dataPlane } = await faulty(fault);

    expect(foreign(JSON.parse(gunzipSync(dataPlane.messages[0]?.data ?? '').toString()))).toBe(true);
  });

  it('can be the right message as text', async () => {
    const { dataPlane } = await faulty('text-frame');

    expect(dataPlane.messages[0]?.isBinary).toBe(false);
    expect(JSON.parse(dataPlane.messages[0]?.data.toString() ?? '')).toMatchObject({ type: 'reconfigure' });
  });

  it('can be the right frame, later', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject({ lateMs: 300 });
    const startedMs = performance.now();
    const dataPlane = join(controlPlane);

    expect(await outcome(dataPlane)).toBe('message');

    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(295);
    expect(JSON.parse(gunzipSync(dataPlane.messages[0]?.data ?? '').toString())).toMatchObject({
      type: 'reconfigure',
    });
  });

  it('can be a frame one byte over what Kong would send', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject('oversized-frame');
    const dataPlane = join(controlPlane);

    await new Promise((resolve) => {
      dataPlane.websocket.once('message', resolve);
    });

    expect(dataPlane.messages[0]?.data).toHaveLength(16 * 1024 * 1024 + 1);
  });

  it('can be a bomb: few bytes that inflate without end', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject('gzip-bomb');
    const dataPlane = join(controlPlane);
    await new Promise((resolve) => {
      dataPlane.websocket.once('message', resolve);
    });
    const data = dataPlane.messages[0]?.data ?? Buffer.alloc(0);

    let inflatedBytes = 0;
    const gunzip = createGunzip();
    for await (const chunk of gunzip.end(data) as AsyncIterable<Buffer>) {
      inflatedBytes += chunk.length;
      // Past the first gzip member, where a careless reader would stop.
      if (inflatedBytes > 64 * 1024 * 1024) {
        break;
      }
    }

    expect(data.length).toBeLessThan(16 * 1024 * 1024);
    expect(inflatedBytes).toBeGreaterThan(64 * 1024 * 1024);
  });

  it('hit one connection each, and then no more', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject('close-at-once');
    controlPlane.faults.inject('close-at-once');

    const outcomes: string[] = [];
    for (let connection = 0; connection < 3; connection += 1) {
      outcomes.push(await outcome(join(controlPlane)));
    }

    expect(outcomes).toEqual(['closed', 'closed', 'message']);
  });

  it('end when they are cleared', async () => {
    const controlPlane = await start();
    controlPlane.faults.inject('close-at-once');

    controlPlane.faults.clear();

    expect(await outcome(join(controlPlane))).toBe('message');
  });
});

describe('an outage', () => {
  it('resets what is connected, and refuses what comes', async () => {
    const controlPlane = await start({ mtls: 'pki' });
    const dataPlane = join(controlPlane);
    await dataPlane.next();

    await controlPlane.stop();
    await dataPlane.closed;
    const late = join(controlPlane);
    await late.closed;

    expect(late.failure()).toBe('ECONNREFUSED');
    await expect(fetch(controlPlane.adminUrl)).rejects.toThrow('fetch failed');
  });

  it.each([
    ['TCP', 'connect', (port: number) => connectTcp(port, '127.0.0.1')],
    ['TLS', 'secureConnect', (port: number) => connectTls({ port, rejectUnauthorized: false })],
  ] as const)('also resets %s connections that have sent nothing', async (_what, event, connectTo) => {
    const controlPlane = await start();
    const socket = connectTo(controlPlane.ports.cluster);
    await new Promise<void>((resolve) => {
      socket.once(event, () => resolve());
    });
    await sleep(20);

    const ended = new Promise((resolve) => {
      socket.once('error', (error: Error & { readonly code?: string }) => resolve(error.code));
      socket.once('close', () => resolve('closed in order'));
    });
    await controlPlane.stop();

    expect(await ended).toBe('ECONNRESET');
  });

  it('is over with another control plane on the same port with the same certificates', async () => {
    const certificate = await sharedCertificate();
    const certificates = { controlPlane: certificate, dataPlane: certificate };
    const first = await start({ certificates });
    await first.stop();

    const second = await start({ ports: first.ports, certificates });
    const frame = await join(first).next();

    expect(second.clusterEndpoint).toBe(first.clusterEndpoint);
    expect(frame.config_table).toEqual(second.builtTable('3.9.1'));
  });

  it('does not end where the port is taken', async () => {
    const { ports } = await start();

    const refused = startControlPlane({ mtls: 'shared', ports });

    await expect(refused).rejects.toThrow('EADDRINUSE');
  });
});

describe('a configuration of one’s own', () => {
  it('may be empty, but for what Kong’s migrations make', async () => {
    const frame = await join(await start({ configuration: {} })).next();

    expect(Object.keys(frame.config_table).sort()).toEqual([
      '_format_version',
      '_transform',
      'parameters',
      'workspaces',
    ]);
  });
});

describe('certificates', () => {
  it('of shared mode are self-signed, with the name that data planes expect', async () => {
    const { certificate, key } = await sharedCertificate();

    const parsed = new X509Certificate(certificate);

    expect(parsed.subject).toBe('CN=kong_clustering');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(createPublicKey(key).equals(parsed.publicKey)).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  it.each([
    ['control-plane.example.test', 'DNS:control-plane.example.test'],
    ['127.0.0.1', 'IP Address:127.0.0.1'],
  ])('of PKI mode are issued by one CA, for the host %s', async (controlPlaneHost, subjectAltName) => {
    const { controlPlane, dataPlane } = await pkiCertificates({ controlPlaneHost });

    const ca = new X509Certificate(controlPlane.ca ?? '');
    const server = new X509Certificate(controlPlane.certificate);
    const client = new X509Certificate(dataPlane.certificate);

    expect(ca.ca).toBe(true);
    expect([server, client].map((certificate) => certificate.checkIssued(ca))).toEqual([true, true]);
    expect([server, client].map((certificate) => certificate.verify(ca.publicKey))).toEqual([true, true]);
    expect(server.subjectAltName).toBe(subjectAltName);
    expect(dataPlane.ca).toBe(controlPlane.ca);
  });
});
