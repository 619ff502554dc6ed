import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../clock.ts';
import type { StandbyReport } from './standby.ts';

export interface HealthPlace {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface Health {
  readonly url: string;
  report(report: StandbyReport): void;
  stop(): Promise<void>;
}

/**
 * A status page for whoever runs the process: `/healthz` is 200 as long as it runs, `/readyz` once the node
 * has a configuration, 503 before. Both say what it does, since when, and with which revision.
 *
 * @throws Error when nothing can listen there
 */
export async function startHealth({ host, port }: HealthPlace, clock: Clock): Promise<Health> {
  let current: StandbyReport = { state: 'waiting', revision: undefined };
  let since = clock.now();
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const isReady = current.state === 'done';
    const status = path === '/healthz' ? 200 : path === '/readyz' ? (isReady ? 200 : 503) : 404;
    const body = status === 404 ? { message: 'the paths are /healthz and /readyz' } : { ...current, since };
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // It must not keep a process alive whose work is done.
  server.unref();
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    report(report) {
      since = report.state === current.state ? since : clock.now();
      current = report;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
