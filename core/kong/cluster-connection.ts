import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { isNativeError } from 'node:util/types';
import { type ClientOptions, WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { describeInvalidity } from './certificate-validity.ts';
import {
  type ConnectionSubject,
  describeConnectionError,
  describeLoss,
  describeRefusal,
} from './cluster-loss.ts';
import { badFrame, ControlPlaneError } from './errors.ts';
import { type FrameDigest, FrameTap } from './frame-tap.ts';
import type { PluginVersion } from './plugin-names.ts';

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
  /** Called for each connection, so that a new certificate needs no new process. */
  readonly certificate: () => Promise<ClusterCertificate>;
  /**
   * Largest frame that is read, compressed. @default 64 MiB, four times Kong's own default for
   * cluster_max_payload
   */
  readonly maxFrameBytes?: number | undefined;
  /** Digests each frame while it comes. `nextFrame` then gives the digest. @default whole frames are kept */
  readonly makeDigest?: (() => FrameDigest) | undefined;
  /** For TCP, TLS and the WebSocket upgrade together. @default 10,000 */
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
}

/** Since a control plane last said something whole: a frame, or the answer to a ping. */
export interface Silence {
  readonly ms: number;
  /** Of what has come since then; known where frames are digested, otherwise 0. */
  readonly bytes: number;
}

/** A connection on which a control plane sends its configuration, at once and after each change. */
export interface ClusterConnection {
  /** The next frame; `nothing` after `waitMs`, `lost` when the connection is. */
  nextFrame(waitMs: number, signal?: AbortSignal): Promise<Uint8Array | 'nothing' | 'lost'>;
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

// kong/conf_loader and `kong hybrid gen_cert`: the one name of shared mode.
const sharedServerName = 'kong_clustering';
const goodbyeTimeoutMs = 2_000;
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
  const { endpoint, mtls, connectTimeoutMs = 10_000, maxFrameBytes = defaultMaxFrameBytes, clock } = address;
  const subject = { endpoint, mtls, dataPlaneVersion: node.version };
  const certificate = await address.certificate();
  const outlet = new URL(`wss://${endpoint}/v1/outlet`);
  outlet.searchParams.set('node_id', node.id);
  outlet.searchParams.set('node_hostname', node.hostName);
  outlet.searchParams.set('node_version', node.version);

  let [heardMs, unfinishedBytes] = [clock.monotonicMs(), 0];
  const countBytes = (bytes: number) => {
    unfinishedBytes += bytes;
  };
  const settings: ClientOptions & { readonly servername: string; readonly closeTimeout: number } = {
    cert: certificate.certificate,
    key: certificate.key,
    // In shared mode this one certificate is trusted, whoever signed it.
    ...(mtls === 'shared' ? { ca: certificate.certificate, allowPartialTrustChain: true } : {}),
    ...(mtls === 'pki' && certificate.ca !== undefined ? { ca: certificate.ca } : {}),
    servername: address.serverName ?? (mtls === 'shared' ? sharedServerName : outlet.hostname),
    perMessageDeflate: false,
    // A node that answers pings may be listed as a node.
    autoPong: false,
    maxPayload: maxFrameBytes,
    followRedirects: false,
    closeTimeout: goodbyeTimeoutMs,
    ...tapFrames(address.makeDigest, maxFrameBytes, countBytes),
  };
  const socket = openSocket(outlet, settings, subject);
  for (const event of ['open', 'message', 'ping', 'pong']) {
    socket.on(event, () => {
      [heardMs, unfinishedBytes] = [clock.monotonicMs(), 0];
    });
  }
  const connection = receiveFrames(socket, { subject, maxFrameBytes, clock });
  const refusal = await waitUntilOpen(connection.opened, () => socket.terminate(), {
    connectTimeoutMs,
    endpoint,
    clock,
    signal,
  });
  if (refusal !== undefined) {
    socket.terminate();
    throw nameInvalidity(refusal, certificate, clock.now());
  }
  socket.send(
    Buffer.from(
      JSON.stringify({
        type: 'basic_info',
        plugins: node.plugins,
        process_conf: {},
        filters: {},
        labels: {},
      }),
    ),
  );
  return { ...connection, silence: () => ({ ms: clock.monotonicMs() - heardMs, bytes: unfinishedBytes }) };
}

function tapFrames(
  makeDigest: (() => FrameDigest) | undefined,
  maxFrameBytes: number,
  countBytes: (bytes: number) => void,
): Pick<ClientOptions, 'createConnection'> {
  if (makeDigest === undefined) {
    return {};
  }
  const createConnection = (options: ConnectionOptions) =>
    // The path is the upgrade's. To TLS it would be that of a local socket.
    new FrameTap(connectTls({ ...options, path: undefined }), { makeDigest, maxFrameBytes, countBytes });
  // http takes any Duplex (Node's http.request); the types of ws know sockets only.
  return { createConnection: createConnection as unknown as NonNullable<ClientOptions['createConnection']> };
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

function openSocket(outlet: URL, settings: ClientOptions, subject: ConnectionSubject): WebSocket {
  try {
    return new WebSocket(outlet, settings);
  } catch (error) {
    // Node reads certificate and key here, and throws when they cannot be read or do not belong together.
    throw isNativeError(error) ? describeConnectionError(error, subject) : error;
  }
}

interface OpeningLimits {
  readonly connectTimeoutMs: number;
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
  hangUp: () => void,
  { connectTimeoutMs, endpoint, clock, signal }: OpeningLimits,
): Promise<ControlPlaneError | undefined> {
  let late = true;
  const settled = opened.then(() => {
    late = false;
  });
  signal?.addEventListener('abort', hangUp);
  try {
    if (signal?.aborted === true) {
      hangUp();
    }
    await waitAtMost(clock, connectTimeoutMs, settled);
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

/** Waits for the event, at most for the time, and leaves no timer behind. */
async function waitAtMost(clock: Clock, milliseconds: number, event: Promise<void>): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([event, ignoreErrors(clock.sleep(milliseconds, over.signal))]);
  } finally {
    over.abort();
  }
}

/**
 * Waits until it is woken, the signal aborts or the time is over.
 *
 * @param setWake takes what ends the wait
 */
async function waitToBeWoken(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal | undefined,
  setWake: (wake: () => void) => void,
): Promise<void> {
  let wake = (): void => undefined;
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  setWake(wake);
  signal?.addEventListener('abort', wake);
  try {
    await waitAtMost(clock, milliseconds, woken);
  } finally {
    signal?.removeEventListener('abort', wake);
  }
}

function cancelled(endpoint: string): ControlPlaneError {
  return new ControlPlaneError(
    'cancelled',
    `the export ended while it waited for control plane ${endpoint}: its time was up`,
  );
}

interface OpeningConnection extends Omit<ClusterConnection, 'silence'> {
  /** Resolves with the reason where it does not open. */
  readonly opened: Promise<ControlPlaneError | undefined>;
}

interface Reception {
  readonly subject: ConnectionSubject;
  readonly maxFrameBytes: number;
  readonly clock: Clock;
}

/** Receives the frames of a connection. Only the newest unread one is kept: each is a whole configuration. */
function receiveFrames(socket: WebSocket, { subject, maxFrameBytes, clock }: Reception): OpeningConnection {
  let unread: Uint8Array | undefined;
  let failure: ControlPlaneError | undefined;
  let lost: ControlPlaneError | undefined;
  let dropping = false;
  let wake: () => void = () => undefined;
  let reportOpened: (refusal: ControlPlaneError | undefined) => void = () => undefined;
  const opened = new Promise<ControlPlaneError | undefined>((resolve) => {
    reportOpened = resolve;
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });

  socket.on('open', () => reportOpened(undefined));
  socket.on('unexpected-response', (_request, response) => {
    lost ??= describeRefusal(response, subject);
    reportOpened(lost);
    wake();
  });
  socket.on('message', (data, isBinary) => {
    if (!isBinary || !(data instanceof Buffer)) {
      failure ??= badFrame('it is text, where the control plane sends compressed binary frames');
    } else if (!dropping) {
      unread = data;
    }
    wake();
  });
  socket.on('error', (error: Error & { code?: string }) => {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      failure ??= badFrame(`it is larger than ${maxFrameBytes} bytes compressed`, { cause: error });
    } else {
      lost ??= describeConnectionError(error, subject);
    }
    reportOpened(failure ?? lost);
    wake();
  });
  socket.on('close', (code, reason) => {
    lost ??= describeLoss(code, reason.toString('utf8').slice(0, 200), subject);
    reportOpened(lost);
    wake();
  });

  return {
    opened,
    async nextFrame(waitMs, signal) {
      if (unread === undefined && failure === undefined && lost === undefined && signal?.aborted !== true) {
        await waitToBeWoken(clock, waitMs, signal, (resolve) => {
          wake = resolve;
        });
      }
      if (signal?.aborted === true) {
        throw cancelled(subject.endpoint);
      }
      if (failure !== undefined) {
        throw failure;
      }
      if (unread !== undefined) {
        const frame = unread;
        unread = undefined;
        return frame;
      }
      return lost === undefined ? 'nothing' : 'lost';
    },
    whyLost: () => lost ?? describeLoss(1006, '', subject),
    dropFrames() {
      dropping = true;
      unread = undefined;
    },
    ping: (configHash) => socket.ping(configHash),
    leave() {
      // A close frame without a code is the one way of leaving that a control plane does not log as an error.
      socket.close();
      return closed;
    },
  };
}
