import { connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import {
  type ClusterAddress,
  type ClusterConnection,
  connectToCluster,
} from '../../../core/kong/cluster-connection.ts';
import type { ForwardProxy } from '../../../core/kong/forward-proxy.ts';
import type { FrameDigest } from '../../../core/kong/frame-tap.ts';
import { dataPlanePlugins } from '../../../core/kong/plugin-names.ts';
import { pkiCertificates, sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../simulators/kong/control-plane/control-plane.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';
import { type ProxyServer, type ProxyServerOptions, startProxyServer } from './proxy-server.ts';

const stops: (() => Promise<unknown>)[] = [];
const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

afterEach(async () => {
  // In order: whoever connects leaves before what it is connected to.
  for (const stop of stops.splice(0).reverse()) {
    await stop();
  }
  for (let tries = 0; tries < 200 && openSockets() > 0; tries += 1) await sleep(10);
  expect(openSockets()).toBe(0);
});

async function startKong(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ mtls: 'shared', ...options });
  stops.push(() => controlPlane.stop());
  return controlPlane;
}

async function startProxy(options: ProxyServerOptions = {}): Promise<ProxyServer> {
  const proxy = await startProxyServer(options);
  stops.push(() => proxy.stop());
  return proxy;
}

async function connectBy(
  proxy: ForwardProxy | undefined,
  controlPlane: Pick<ControlPlane, 'clusterEndpoint' | 'certificates'> & { readonly serverName?: string },
  options: Partial<ClusterAddress> = {},
  signal?: AbortSignal,
): Promise<ClusterConnection> {
  const connection = await connectToCluster(
    {
      endpoint: controlPlane.clusterEndpoint,
      mtls: controlPlane.certificates.ca === undefined ? 'shared' : 'pki',
      serverName: controlPlane.serverName,
      certificate: async () => controlPlane.certificates,
      proxy: proxy && (async () => proxy),
      connectTimeoutMs: 2_000,
      clock: systemClock,
      ...options,
    },
    {
      id: '2d1ac3a9-21c0-4d4e-9d0e-0f2bd4f3a8f1',
      hostName: 'test',
      version: '3.9.1',
      plugins: dataPlanePlugins('3.9.1', []),
    },
    signal,
  );
  stops.push(() => connection.leave());
  return connection;
}

const failing = (code: string, ...words: readonly string[]) =>
  expect.objectContaining({
    name: 'ControlPlaneError',
    code,
    message: expect.stringMatching(new RegExp(words.map((word) => `(?=.*${word})`).join(''), 's')),
  });

describe('a control plane behind a forward proxy', () => {
  it.each(['shared', 'pki'] as const)('sends its frames by way of the proxy, in %s mode', async (mtls) => {
    const controlPlane = await startKong({ mtls });
    const proxy = await startProxy();

    const connection = await connectBy(proxy, controlPlane);
    const frame = await connection.nextFrame(2_000);

    expect(frame).toBeInstanceOf(Uint8Array);
    expect(proxy.asked).toEqual([controlPlane.clusterEndpoint]);
  });

  it('has its frames digested as they come, as without a proxy', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy();
    let sizeBytes = 0;
    const makeDigest = (): FrameDigest => ({
      write: async ({ length }) => {
        sizeBytes += length;
      },
      end: async () => Buffer.from('digest'),
      abandon: () => undefined,
    });

    const connection = await connectBy(proxy, controlPlane, { makeDigest });
    const digest = await connection.nextFrame(2_000);

    expect(Buffer.from(digest as Uint8Array).toString()).toBe('digest');
    expect(sizeBytes).toBeGreaterThan(1_000);
  });

  it('is reached with the credentials that the proxy asks for', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ credentials: 'lifeboat:sésame: open' });

    const connection = await connectBy(
      { url: proxy.url, credentials: { username: 'lifeboat', password: 'sésame: open' } },
      controlPlane,
    );

    expect(await connection.nextFrame(2_000)).toBeInstanceOf(Uint8Array);
  });

  it.each<[what: string, credentials: ForwardProxy['credentials']]>([
    ['none', undefined],
    ['wrong ones', { username: 'lifeboat', password: 'sesame' }],
  ])('is not reached where the proxy asks for credentials and gets %s', async (_, credentials) => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ credentials: 'lifeboat:other' });

    const error = await connectBy({ url: proxy.url, credentials }, controlPlane).catch((reason) => reason);

    expect(error).toEqual(failing('refused', proxy.url.host, '407', 'proxySecretArn'));
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toMatch(/sesame|c2VzYW1l/);
  });

  it('is reached by way of a proxy with TLS, whose CA is given', async () => {
    const { controlPlane: certificate } = await pkiCertificates({ controlPlaneHost: '127.0.0.1' });
    const controlPlane = await startKong();
    const proxy = await startProxy({ tls: certificate });

    const connection = await connectBy({ url: proxy.url, ca: certificate.ca }, controlPlane);

    expect(await connection.nextFrame(2_000)).toBeInstanceOf(Uint8Array);
  });

  it('is not reached by way of a proxy whose certificate nobody knows', async () => {
    const { controlPlane: certificate } = await pkiCertificates({ controlPlaneHost: '127.0.0.1' });
    const controlPlane = await startKong();
    const proxy = await startProxy({ tls: certificate });

    const connecting = connectBy({ url: proxy.url }, controlPlane);

    await expect(connecting).rejects.toEqual(
      failing('refused', 'connection to forward proxy', 'UNABLE_TO_VERIFY', 'proxySecretArn'),
    );
    expect(proxy.asked).toEqual([]);
  });

  it('is not reached where TLS is spoken to a proxy that takes none', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy();

    const connecting = connectBy({ url: new URL(`https://${proxy.url.host}`) }, controlPlane);

    await expect(connecting).rejects.toEqual(failing('refused', 'forward proxy', 'begins with http://'));
  });

  it.each([
    // As Tinyproxy does where credentials are wrong.
    ['401 Unauthorized', 'refused', ['other credentials \\(401\\)', 'proxySecretArn']],
    [
      '403 Forbidden',
      'refused',
      ['to control plane 127', 'it answered 403', 'must allow CONNECT', 'only 443'],
    ],
    ['301 Moved\r\nLocation: http://127.0.0.1/', 'refused', ['it answered 301']],
    ['500 Internal Server Error', 'refused', ['it answered 500']],
    ['501 Not Implemented', 'refused', ['it answered 501']],
    ['503 Service Unavailable', 'unreachable', ['it answered 503']],
    ['502 Bad Gateway', 'unreachable', ['no way to control plane', 'it answered 502']],
    ['504 Gateway Timeout', 'unreachable', ['it answered 504']],
  ])('is not reached where the proxy answers %s: %s', async (status, code, words) => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ answer: (socket) => socket.end(`HTTP/1.1 ${status}\r\n\r\n`) });

    const connecting = connectBy(proxy, controlPlane);

    await expect(connecting).rejects.toEqual(failing(code, proxy.url.host, ...words));
  });

  it.each<[what: string, answer: (socket: Duplex) => void]>([
    ['hangs up', (socket) => socket.destroy()],
    ['opens a way and cuts it', (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')],
  ])('is no outage where the proxy %s', async (_, answer) => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ answer });

    await expect(connectBy(proxy, controlPlane)).rejects.toEqual(failing('refused', 'ECONNRESET'));
  });

  it('is not reached where something answers that is no proxy', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ answer: (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n') });

    const connecting = connectBy(proxy, controlPlane);

    await expect(connecting).rejects.toEqual(failing('refused', proxy.url.host, 'HPE_', 'check proxyServer'));
  });

  it('is away where there is no proxy', async () => {
    const controlPlane = await startKong();
    const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
    await stop();

    const connecting = connectBy({ url: new URL(`http://127.0.0.1:${port}`) }, controlPlane);

    await expect(connecting).rejects.toEqual(
      failing('unreachable', `forward proxy 127.0.0.1:${port} cannot be reached \\(ECONNREFUSED\\)`),
    );
  });

  it('is away where the proxy never answers: one time limit holds for all of the way', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ answer: () => undefined });

    const connecting = connectBy(proxy, controlPlane, { connectTimeoutMs: 200 });

    await expect(connecting).rejects.toEqual(
      failing('unreachable', proxy.url.host, 'within 0.2 s \\(timed out\\)'),
    );
  });

  it('is away where the proxy opens a way on which nobody answers', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ answer: (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n') });

    const connecting = connectBy(proxy, controlPlane, { connectTimeoutMs: 300 });

    await expect(connecting).rejects.toEqual(
      failing('unreachable', controlPlane.clusterEndpoint, 'within 0.3 s \\(timed out\\)'),
    );
  });

  it('is let go of when the export ends while the proxy thinks', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy({ answer: () => undefined });
    const ending = new AbortController();

    const connecting = connectBy(proxy, controlPlane, {}, ending.signal);
    ending.abort();

    await expect(connecting).rejects.toEqual(failing('cancelled', proxy.url.host));
  });

  it('is lost when the proxy cuts the way', async () => {
    const controlPlane = await startKong();
    const proxy = await startProxy();
    const connection = await connectBy(proxy, controlPlane);
    await connection.nextFrame(2_000);

    proxy.cut();

    expect(await connection.nextFrame(2_000)).toBe('lost');
    expect(connection.whyLost()).toEqual(failing('dropped', controlPlane.clusterEndpoint));
  });

  it('is no proxy’s business where none is set', async () => {
    const controlPlane = await startKong();

    const connection = await connectBy(undefined, controlPlane);

    expect(await connection.nextFrame(2_000)).toBeInstanceOf(Uint8Array);
  });
});

describe('a control plane at an IPv6 address', () => {
  /** Leads from ::1 to the control plane, which listens on 127.0.0.1. */
  async function relayTo(controlPlane: ControlPlane): Promise<ControlPlane> {
    const { port } = new URL(`http://${controlPlane.clusterEndpoint}`);
    const server = createServer((socket) => {
      const inner = connect(Number(port), '127.0.0.1');
      socket.pipe(inner).pipe(socket);
      for (const [one, other] of [
        [socket, inner],
        [inner, socket],
      ] as const) {
        one.on('error', () => other.destroy()).on('close', () => other.destroy());
      }
    });
    const relay = await listen(server, '::1', 0);
    stops.push(() => relay.stop());
    return { ...controlPlane, clusterEndpoint: `[::1]:${relay.port}` };
  }

  it('is checked against that address in PKI mode', async () => {
    const certificates = await pkiCertificates({ controlPlaneHost: '::1' });
    const controlPlane = await relayTo(await startKong({ mtls: 'pki', certificates }));

    const { serverName: _, ...byAddress } = controlPlane;
    const connection = await connectBy(undefined, byAddress);

    expect(await connection.nextFrame(2_000)).toBeInstanceOf(Uint8Array);
  });

  it('is refused in PKI mode where its certificate is of another address', async () => {
    const certificates = await pkiCertificates({ controlPlaneHost: '::2' });
    const { serverName: _, ...byAddress } = await relayTo(await startKong({ mtls: 'pki', certificates }));

    await expect(connectBy(undefined, byAddress)).rejects.toEqual(
      failing('refused', 'ERR_TLS_CERT_ALTNAME_INVALID'),
    );
  });

  it('is reached in shared mode, and by way of a proxy', async () => {
    const controlPlane = await relayTo(await startKong());
    const proxy = await startProxy();

    const connections = [await connectBy(undefined, controlPlane), await connectBy(proxy, controlPlane)];
    const frames = await Promise.all(connections.map((each) => each.nextFrame(2_000)));

    expect(frames.every((frame) => frame instanceof Uint8Array)).toBe(true);
    expect(proxy.asked).toEqual([controlPlane.clusterEndpoint]);
  });

  it.each([
    ['an address', 'pki', undefined, false],
    ['the address’s set name', 'pki', 'kong-cp.example.com', 'kong-cp.example.com'],
    ['Kong’s own name in shared mode', 'shared', undefined, 'kong_clustering'],
  ] as const)('is asked for by name only where there is one: %s', async (_, mtls, serverName, expected) => {
    const shared = await sharedCertificate();
    const { controlPlane, dataPlane } =
      mtls === 'shared'
        ? { controlPlane: shared, dataPlane: shared }
        : await pkiCertificates({ controlPlaneHost: serverName ?? '::1' });
    const names: (string | false | null)[] = [];
    const server = createTlsServer({ cert: controlPlane.certificate, key: controlPlane.key }, (socket) => {
      names.push(socket.servername ?? null);
      socket.destroy();
    });
    server.on('tlsClientError', () => undefined);
    const { port, stop } = await listen(server, '::1', 0);
    stops.push(stop);
    const address = { clusterEndpoint: `[::1]:${port}`, certificates: dataPlane };

    await connectBy(undefined, address, { mtls, serverName }).catch(() => undefined);
    for (let tries = 0; tries < 100 && names.length === 0; tries += 1) await sleep(10);

    expect(names).toEqual([expected]);
  });
});
