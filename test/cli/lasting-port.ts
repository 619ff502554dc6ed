import { createServer } from 'node:net';
import { listen } from '../../simulators/kong/control-plane/listening.ts';

/**
 * A port of this machine for a server that stops and comes back: no program that asks the system for a free
 * port is given it meanwhile (Linux gives those from 32,768 on, net.ipv4.ip_local_port_range).
 */
export async function findLastingPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const tried = await listen(createServer(), '127.0.0.1', port).catch(() => undefined);
    if (tried !== undefined) {
      await tried.stop();
      return port;
    }
  }
}
