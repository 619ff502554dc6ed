import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  /** For example `http://127.0.0.1:41234`. */
  readonly url: string;
  /** Hangs up on whoever is connected, and frees the port. */
  stop(): Promise<void>;
}

/** Serves this machine alone. @param port 0 for one that is free */
export async function listenLocally(server: Server, port = 0): Promise<Listening> {
  server.listen(port, '127.0.0.1');
  // Rejects when the server emits an error instead.
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
