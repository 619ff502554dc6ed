import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { describeInvalidity } from './certificate-validity.ts';
import {
  type ConnectionSubject,
  describeConnectionError,
  describeLoss,
  describeRefusal,
} from './cluster-loss.ts';
import { type ClusterSocket, openClusterSocket } from './cluster-socket.ts';
import { badFrame, ControlPlaneError } from './errors.ts';
import { type ForwardProxy, openClusterTunnel } from './forward-proxy.ts';
import type { FrameDigest } from './frame-tap.ts';
import type { PluginVersion } from './plugin-names.ts';
import { createBell, waitAtMost } from './waiting.ts';

/** A data plane's cluster certificate, as Kong's hybrid mode gave it; PEM. */
export interface ClusterCertificate {
  readonly certificate: string;
  readonly key: string;
  /**
   * PKI mode: the CA that the control plane's certificate is checked against; Node's own list of CAs without
   * it.
   */
  readonly ca?: string | undefined;
}

/** Where a control plane is, and how one gets in. */
export interface ClusterAddress {
  /** `host:port` of the control plane's `cluster_listen`. */
  readonly endpoint: string;
  /** `cluster_mtls` of the control plane. In shared mode both sides have the same certificate. */
  readonly mtls: 'shared' | 'pki';
  /**
   * Name in the control plane's certificate. @default `kong_clustering` in shared mode, the host in PKI mode
   */
  readonly serverName?: string | undefined;
  /** Called for each connection, so that a new certificate needs no new process. Ends with the signal. */
  readonly certificate: (signal?: AbortSignal) => Promise<ClusterCertificate>;
  /** Called for each connection, too. @default there is no proxy on the way */
  readonly proxy?: ((signal?: AbortSignal) => Promise<ForwardProxy>) | undefined;
  /**
   * Largest frame that is read, compressed. @default 64 MiB, four times Kong's own default for
   * cluster_max_payload
   */
  readonly maxFrameBytes?: number | undefined;
  /** Digests each frame while it comes. `nextFrame` then gives the digest. @default whole frames are kept */
  readonly makeDigest?: (() => FrameDigest) | undefined;
  /** For proxy, TCP, TLS and the WebSocket upgrade together. @default 10,000 */
  readonly connectTimeoutMs?: number | undefined;
  readonly clock: Clock;
}

/** As which data plane one comes. */
export interface AnnouncedNode {
  readonly id: string;
  readonly hostName: string;
  /** Full version. */
  readonly version: string;
  readonly plugins: readonly PluginVersion[];
  /** Names of the filters that a control plane with `wasm = on` demands. @default none */
  readonly wasmFilters?: readonly string[] | undefined;
}

/** Since a control plane last said something whole: a frame, or the answer to a ping. */
export interface Silence {
  readonly ms: number;
  /** Of what has come since then: a frame that is under way. */
  readonly bytes: number;
}

/** A connection on which a control plane sends its configuration, at once and after each change. */
export interface ClusterConnection {
  /** The next frame; `nothing` after `waitMs`, `lost` when the connection is. */
  nextFrame(waitMs: number, signal?: AbortSignal): Promise<Uint8Array | 'nothing' | 'lost'>;
  /** Waits until `nextFrame` has something to say at once, or the signal aborts. Takes nothing. */
  arrival(signal: AbortSignal): Promise<void>;
  /** Why the connection was lost. */
  whyLost(): ControlPlaneError;
  /** Drops what has come and what will come; the connection stays open. */
  dropFrames(): void;
  /**
   * Says which configuration this node has. A node that pings is listed by the control plane, one that does
   * not is dropped after 45 s.
   *
   * @param configHash 32 hexadecimal digits; zeros for none
   */
  ping(configHash: string): void;
  silence(): Silence;
  /** Says goodbye; two seconds later at the latest the connection is gone. */
  leave(): Promise<void>;
}

const defaultMaxFrameBytes = 64 * 2 ** 20;

/**
 * Connects to a cluster endpoint as a data plane, and says which one (docs/kong.md#the-cluster-endpoint).
 *
 * @throws ControlPlaneError `unreachable`, `refused` or `cancelled`
 */
export async function connectToCluster(
  address: ClusterAddress,
  node: AnnouncedNode,
  signal?: AbortSignal,
): Promise<ClusterConnection> {
  const { endpoint, mtls, maxFrameBytes = defaultMaxFrameBytes, connectTimeoutMs = 10_000, clock } = address;
  const subject = { endpoint, mtls, dataPlaneVersion: node.version };
  const [certificate, proxy] = await Promise.all([address.certificate(signal), address.proxy?.(signal)]);
  const outlet = new URL(`wss://${endpoint}/v1/outlet`);
  outlet.searchParams.set('node_id', node.id);
  outlet.searchParams.set('node_hostname', node.hostName);
  outlet.searchParams.set('node_version', node.version);

  const startedMs = clock.monotonicMs();
  const tunnel =
    proxy === undefined
      ? undefined
      : await openClusterTunnel(proxy, endpoint, { timeoutMs: connectTimeoutMs, signal, clock });
  const socket = openClusterSocket(outlet, { ...address, maxFrameBytes, certificate, tunnel }, subject);
  const connection = receiveFrames(socket, { subject, maxFrameBytes, clock });
  const refusal = await waitUntilOpen(connection.opened, socket.websocket, {
    waitMs: connectTimeoutMs - (clock.monotonicMs() - startedMs),
    connectTimeoutMs,
    endpoint,
    clock,
    signal,
  });
  if (refusal !== undefined) {
    socket.websocket.terminate();
    throw nameInvalidity(refusal, certificate, clock.now());
  }
  socket.websocket.send(
    Buffer.from(
      JSON.stringify({
        type: 'basic_info',
        plugins: node.plugins,
        process_conf: {},
        filters: Object.fromEntries((node.wasmFilters ?? []).map((name) => [name, { name }])),
        labels: {},
      }),
    ),
  );
  return connection;
}

/** A certificate that has ended explains a refusal better than what TLS says of it. */
function nameInvalidity(
  refusal: ControlPlaneError,
  { certificate }: ClusterCertificate,
  now: Date,
): ControlPlaneError {
  const reason = describeInvalidity(certificate, now);
  return reason === undefined || refusal.code === 'cancelled'
    ? refusal
    : new ControlPlaneError(refusal.code, `${refusal.message}. Before all else: ${reason}`, {
        cause: refusal,
      });
}

interface OpeningLimits {
  readonly connectTimeoutMs: number;
  /** What a proxy has left of it. */
  readonly waitMs: number;
  readonly endpoint: string;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Returns why the connection did not open, or undefined once it is open. One time limit holds for all of it,
 * also for a control plane that answers byte by byte.
 */
async function waitUntilOpen(
  opened: Promise<ControlPlaneError | undefined>,
  websocket: WebSocket,
  { connectTimeoutMs, waitMs, endpoint, clock, signal }: OpeningLimits,
): Promise<ControlPlaneError | undefined> {
  let late = true;
  const settled = opened.then(() => {
    late = false;
  });
  const hangUp = () => websocket.terminate();
  signal?.addEventListener('abort', hangUp);
  try {
    if (signal?.aborted === true) {
      hangUp();
    }
    await waitAtMost(clock, waitMs, settled);
    if (signal?.aborted === true) {
      return cancelled(endpoint);
    }
    return late
      ? new ControlPlaneError(
          'unreachable',
          `control plane ${endpoint} accepted no WebSocket within ${connectTimeoutMs / 1000} s (timed out): check the way there ` +
            '(security groups, routes) and whether it is overloaded',
        )
      : await opened;
  } finally {
    signal?.removeEventListener('abort', hangUp);
  }
}

function cancelled(endpoint: string): ControlPlaneError {
  return new ControlPlaneError(
    'cancelled',
    `the export ended while it waited for control plane ${endpoint}: its time was up`,
  );
}

interface OpeningConnection extends ClusterConnection {
  /** Resolves with the reason where it does not open. */
  readonly opened: Promise<ControlPlaneError | undefined>;
}

interface Reception {
  readonly subject: ConnectionSubject;
  readonly maxFrameBytes: number;
  readonly clock: Clock;
}

/** Receives the frames of a connection. Only the newest unread one is kept: each is a whole configuration. */
function receiveFrames(socket: ClusterSocket, reception: Reception): OpeningConnection {
  const { websocket, receivedBytes } = socket;
  const { subject, clock } = reception;
  const bell = createBell(clock);
  const received = listenTo(socket, reception, bell.ring);
  let isDropping = false;
  let heard = { atMs: clock.monotonicMs(), bytes: 0 };
  for (const event of ['open', 'message', 'ping', 'pong']) {
    websocket.on(event, () => {
      heard = { atMs: clock.monotonicMs(), bytes: receivedBytes() };
      if (isDropping) {
        received.unread = undefined;
      }
    });
  }
  const hasNews = () => (received.unread ?? received.failure ?? received.lost) !== undefined;
  const arrival = async (signal: AbortSignal) => {
    if (!hasNews()) {
      await bell.wait({ signal });
    }
  };
  return {
    opened: received.opened,
    arrival,
    async nextFrame(waitMs, signal) {
      if (!hasNews()) {
        await bell.wait({ signal, milliseconds: waitMs });
      }
      if (signal?.aborted === true) {
        throw cancelled(subject.endpoint);
      }
      if (received.failure !== undefined) {
        throw received.failure;
      }
      const frame = received.unread;
      received.unread = undefined;
      return frame ?? (received.lost === undefined ? 'nothing' : 'lost');
    },
    whyLost: () => received.lost ?? describeLoss(1006, '', subject, received.hadFrame),
    dropFrames() {
      isDropping = true;
      received.unread = undefined;
    },
    ping: (configHash) => websocket.ping(configHash),
    silence: () => ({ ms: clock.monotonicMs() - heard.atMs, bytes: receivedBytes() - heard.bytes }),
    leave() {
      // A close frame without a code is the one way of leaving that a control plane does not log as an error.
      websocket.close();
      return received.closed;
    },
  };
}

interface Received {
  unread: Uint8Array | undefined;
  hadFrame: boolean;
  /** What came is no frame. */
  failure: ControlPlaneError | undefined;
  lost: ControlPlaneError | undefined;
  readonly opened: Promise<ControlPlaneError | undefined>;
  readonly closed: Promise<void>;
}

/** Keeps what comes of a WebSocket. */
function listenTo(
  { websocket, stage }: ClusterSocket,
  { subject, maxFrameBytes }: Reception,
  onNews: () => void,
): Received {
  let reportOpened: (refusal: ControlPlaneError | undefined) => void = () => undefined;
  const received: Received = {
    unread: undefined,
    hadFrame: false,
    failure: undefined,
    lost: undefined,
    opened: new Promise((resolve) => {
      reportOpened = resolve;
    }),
    closed: new Promise((resolve) => {
      websocket.once('close', () => resolve());
    }),
  };
  const lose = (reason: () => ControlPlaneError) => {
    received.lost ??= reason();
    reportOpened(received.failure ?? received.lost);
    onNews();
  };
  websocket.on('open', () => reportOpened(undefined));
  websocket.on('unexpected-response', (_request, response) => lose(() => describeRefusal(response, subject)));
  websocket.on('message', (data, isBinary) => {
    if (isBinary && data instanceof Buffer) {
      received.unread = data;
      received.hadFrame = true;
    } else {
      received.failure ??= badFrame('it is text, where the control plane sends compressed binary frames');
    }
    onNews();
  });
  websocket.on('error', (error: Error & { code?: string }) => {
    const reason = describeConnectionError(error, stage(), subject, maxFrameBytes);
    if (error.code?.startsWith('WS_ERR_') === true) {
      received.failure ??= reason;
    }
    lose(() => reason);
  });
  websocket.on('close', (code, reason) =>
    lose(() => describeLoss(code, reason.toString('utf8').slice(0, 200), subject, received.hadFrame)),
  );
  return received;
}
