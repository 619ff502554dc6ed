/** Servers that can be stopped the way an outage stops them. */
import type { Server, Socket } from 'node:net';

export interface Listening {
  readonly port: number;
  /** Resets every connection (RST, no goodbye) and frees the port. */
  stop(): Promise<void>;
}

/** @param port 0 for one that is free */
export async function listen(server: Server, host: string, port: number): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error(`no TCP port on ${host}:${port}`);
  }
  return {
    port: address.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.resetAndDestroy();
        }
      }),
  };
}
