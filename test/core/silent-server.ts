import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface SilentServer {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  /** Resolves once somebody has sent something. */
  readonly asked: Promise<void>;
  /** Connections that are open. */
  openCount(): number;
  stop(): Promise<void>;
}

/** A server that accepts each connection, takes what is sent, and never answers. */
export async function silentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  let notice = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    notice = resolve;
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', notice);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    openCount: () => sockets.size,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      }),
  };
}
