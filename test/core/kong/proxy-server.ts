import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';

export interface ProxyServerOptions {
  /** `user:password` that it asks for. @default none */
  readonly credentials?: string;
  /** Its certificate, where it takes TLS. PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** What it does instead of opening a way. @default it opens one */
  readonly answer?: (socket: Duplex) => void;
}

export interface ProxyServer {
  readonly url: URL;
  /** Where it was asked to lead. */
  readonly asked: readonly string[];
  /** Cuts all ways that are open. */
  cut(): void;
  stop(): Promise<void>;
}

/** A forward proxy on this machine (RFC 9110, 9.3.6). */
export async function startProxyServer(options: ProxyServerOptions = {}): Promise<ProxyServer> {
  const { credentials, tls, answer } = options;
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const track = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
  };
  const expected =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;

  const open = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    track(socket);
    asked.push(request.url ?? '');
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
    } else if (answer !== undefined) {
      answer(socket);
    } else {
      const target = new URL(`http://${request.url}`);
      const inner = connect(Number(target.port), target.hostname.replace(/^\[|\]$/g, ''), () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        inner.write(head);
      });
      join(inner, socket);
    }
  };
  const join = (inner: Socket, socket: Duplex) => {
    track(inner);
    inner.pipe(socket).pipe(inner);
    inner.on('close', () => socket.destroy());
    socket.on('close', () => inner.destroy());
  };
  const server =
    tls === undefined ? createServer() : createTlsServer({ cert: tls.certificate, key: tls.key });
  server.on('connect', open);
  server.on('connection', track);
  const { port, stop } = await listen(server, '127.0.0.1', 0);
  const cut = () => {
    for (const socket of sockets) {
      socket.destroy();
    }
  };
  return {
    url: new URL(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`),
    asked,
    cut,
    async stop() {
      cut();
      await stop();
    },
  };
}
