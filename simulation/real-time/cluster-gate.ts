import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { ControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import type { FaultKind, Faults } from '../faults.ts';
import { speed } from './fast-clock.ts';
import { lateMs } from './gate.ts';

/** What one process has of the network on the way to its control plane. */
export interface ClusterGate {
  /** `host:port` */
  readonly endpoint: string;
  close(): Promise<void>;
}

interface ClusterGateOptions {
  readonly controlPlane: Pick<ControlPlane, 'clusterEndpoint' | 'faults'>;
  readonly faults: Faults;
  readonly clock: Clock;
}

/** Opens a gate. What goes through is TLS: faults of connections are made here, those of frames behind it. */
export async function openClusterGate(options: ClusterGateOptions): Promise<ClusterGate> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Told by the end of the connection.
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const server = createServer((client) => {
    keep(client);
    void letThrough(options, client, keep);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      }),
  };
}

async function letThrough(
  { controlPlane, faults, clock }: ClusterGateOptions,
  client: Socket,
  keep: (socket: Socket) => Socket,
): Promise<void> {
  const fault = faults.take('controlPlane.connect');
  if (fault === 'fails before') {
    client.destroy();
    return;
  }
  if (fault === 'never answers') {
    return;
  }
  if (fault === 'late') {
    await clock.sleep(lateMs);
  }
  const [host = '', port = ''] = controlPlane.clusterEndpoint.split(':');
  const upstream = keep(connect(Number(port), host));
  client.pipe(upstream);
  if (fault === 'fails after') {
    cutBeforeUpgrade(client, upstream);
  } else {
    breakFrame(controlPlane, faults.take('controlPlane.frame'));
    upstream.pipe(client);
  }
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => client.destroy());
}

/**
 * The control plane's answer to the upgrade is lost, and with it the connection. It is what comes after the
 * client has spoken a second time: first there is TLS's greeting.
 */
function cutBeforeUpgrade(client: Socket, upstream: Socket): void {
  let spoken = 0;
  client.on('data', () => {
    spoken += 1;
  });
  upstream.on('data', (data) => {
    if (spoken < 2) {
      client.write(data);
    } else {
      client.destroy();
    }
  });
}

/** The control plane breaks the frame of the next connection. */
function breakFrame(controlPlane: ClusterGateOptions['controlPlane'], kind: FaultKind | undefined): void {
  switch (kind) {
    case undefined:
      return;
    case 'late':
      controlPlane.faults.inject({ lateMs: lateMs / speed });
      return;
    case 'never answers':
      controlPlane.faults.inject('hang-after-upgrade');
      return;
    default:
      controlPlane.faults.inject('half-frame');
  }
}
