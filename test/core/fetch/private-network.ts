import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { pkiCertificates } from '../../../simulators/kong/control-plane/certificates.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';

/** A name that nobody's DNS knows: only the proxy finds the way there. */
export const privateHost = 'lifeboat.example.test';

/**
 * An HTTPS front under a private CA for a server that speaks HTTP, and a proxy that leads there whatever it
 * is asked for.
 */
export async function startPrivateNetwork(httpPort: number) {
  const { controlPlane } = await pkiCertificates({ controlPlaneHost: privateHost });
  const sockets = new Set<Socket>();
  const joined = (one: Socket, other: Socket) => {
    sockets.add(one).add(other);
    join(one, other);
  };
  const front = createTlsServer({ cert: controlPlane.certificate, key: controlPlane.key }, (socket) => {
    const inner = connect(httpPort, '127.0.0.1');
    joined(socket, inner);
  });
  const tls = await listen(front, '127.0.0.1', 0);

  const tunnels: { readonly to: string; readonly authorization: string | undefined }[] = [];
  let refusal: string | undefined;
  const server = createServer((_, response) => response.writeHead(400).end('CONNECT only'));
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    tunnels.push({ to: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    if (refusal !== undefined) {
      socket.on('error', () => socket.destroy()).end(`HTTP/1.1 ${refusal}\r\n\r\n`);
      return;
    }
    const inner = connect(tls.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      inner.write(head);
    });
    joined(socket, inner);
  });
  const proxy = await listen(server, '127.0.0.1', 0);

  return {
    ca: controlPlane.ca ?? '',
    /** Of the HTTPS front itself, for whoever needs no proxy. */
    tlsPort: tls.port,
    proxyUrl: `http://127.0.0.1:${proxy.port}`,
    tunnels,
    /** @param status for example `403 Forbidden` */
    refuse(status: string) {
      refusal = status;
    },
    async stop() {
      for (const socket of sockets) {
        socket.destroy();
      }
      await Promise.all([proxy.stop(), tls.stop()]);
    },
  };
}

/** Each ends with the other, however it ends. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
  }
}
