import type { IncomingMessage } from 'node:http';
import { isNativeError } from 'node:util/types';
import { type ClientOptions, WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { RandomSource } from '../random-source.ts';
import type { ConfigurationRequest, ControlPlane, ControlPlaneConfiguration } from './control-plane.ts';
import { badFrame, ControlPlaneError } from './errors.ts';
import { type CheckedFrame, readFrame } from './frame.ts';
import { dataPlanePlugins } from './plugin-names.ts';
import { type SettlePolicy, settle } from './settle.ts';

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

export interface ClusterEndpointOptions {
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
  /** Names of configured plugins that are not Kong's own. */
  readonly customPlugins: readonly string[];
  readonly settle: SettlePolicy;
  /**
   * Largest frame that is read, compressed. @default 64 MiB, four times Kong's own default for
   * cluster_max_payload
   */
  readonly maxFrameBytes?: number;
  /** Largest frame that is read, inflated. @default 1 GiB */
  readonly maxJsonBytes?: number;
  /** For TCP, TLS and the WebSocket upgrade together. @default 10,000 */
  readonly connectTimeoutMs?: number;
  /** For the first frame after that: a control plane sends it at once. @default 20,000 */
  readonly firstFrameTimeoutMs?: number;
  readonly clock: Clock;
  readonly random: RandomSource;
}

// kong/conf_loader and `kong hybrid gen_cert`: the one name of shared mode.
const sharedServerName = 'kong_clustering';

/**
 * A control plane, read as a data plane reads it: over its cluster endpoint, with a data plane's certificate
 * and without any admin right (kong/clustering/control_plane.lua; docs/kong.md#the-cluster-endpoint). Each
 * call is one connection. It never pings, so that the control plane does not list it as a node.
 */
export function clusterEndpointControlPlane(options: ClusterEndpointOptions): ControlPlane {
  return { configuration: (request) => readConfiguration(options, request) };
}

async function readConfiguration(
  options: ClusterEndpointOptions,
  request: ConfigurationRequest,
): Promise<ControlPlaneConfiguration> {
  const { maxJsonBytes = 2 ** 30, firstFrameTimeoutMs = 20_000, clock } = options;
  const connection = await connect(options, request);
  let newest: CheckedFrame | undefined;
  try {
    for (;;) {
      const decision = settle(options.settle, {
        now: clock.now(),
        changedAt: request.changedAt,
        builtAt: newest?.builtAt,
      });
      if (decision === 'take' && newest !== undefined) {
        return { ...newest, settled: true };
      }
      const waitMs = typeof decision === 'object' ? decision.waitMs : firstFrameTimeoutMs;
      const frame = await connection.nextFrame(waitMs, request.signal);
      if (frame === 'lost') {
        if (newest === undefined) {
          throw connection.whyLost();
        }
        return { ...newest, settled: false };
      }
      if (frame !== 'nothing') {
        // After a change the file is needed; after a scheduled check it seldom is.
        newest = await readFrame(frame, { maxJsonBytes, makeFile: request.changedAt !== undefined });
      } else if (newest === undefined) {
        throw new ControlPlaneError(
          'no-configuration',
          `control plane ${options.endpoint} accepted the connection for data plane version ${request.dataPlaneVersion} and sent no ` +
            `configuration within ${firstFrameTimeoutMs / 1000} s. Perhaps a configured plugin is missing in the setting customPlugins ` +
            '(its log says "is missing from data plane" and names it), or its database is down',
        );
      }
    }
  } finally {
    connection.close();
  }
}

interface Connection {
  /** The next frame; `nothing` after `waitMs`, `lost` when the connection is. */
  nextFrame(waitMs: number, signal: AbortSignal | undefined): Promise<Uint8Array | 'nothing' | 'lost'>;
  whyLost(): ControlPlaneError;
  close(): void;
}

async function connect(options: ClusterEndpointOptions, request: ConfigurationRequest): Promise<Connection> {
  const { endpoint, mtls, connectTimeoutMs = 10_000, maxFrameBytes = 64 * 2 ** 20 } = options;
  const certificate = await options.certificate();
  const outlet = new URL(`wss://${endpoint}/v1/outlet`);
  outlet.searchParams.set('node_id', options.random.uuid());
  outlet.searchParams.set('node_hostname', 'lifeboat-export');
  outlet.searchParams.set('node_version', request.dataPlaneVersion);

  const settings: ClientOptions & { readonly servername: string } = {
    cert: certificate.certificate,
    key: certificate.key,
    // In shared mode this one certificate is trusted, whoever signed it.
    ...(mtls === 'shared' ? { ca: certificate.certificate, allowPartialTrustChain: true } : {}),
    ...(mtls === 'pki' && certificate.ca !== undefined ? { ca: certificate.ca } : {}),
    servername: options.serverName ?? (mtls === 'shared' ? sharedServerName : outlet.hostname),
    perMessageDeflate: false,
    // A node that answers pings may be listed as a node.
    autoPong: false,
    maxPayload: maxFrameBytes,
    followRedirects: false,
  };
  const socket = openSocket(outlet, settings, options);
  const connection = receiveFrames(socket, options, request);
  const refusal = await waitUntilOpen(connection, connectTimeoutMs, options, request);
  if (refusal !== undefined) {
    connection.close();
    throw refusal;
  }
  const plugins = dataPlanePlugins(request.dataPlaneVersion, options.customPlugins);
  socket.send(
    Buffer.from(JSON.stringify({ type: 'basic_info', plugins, process_conf: {}, filters: {}, labels: {} })),
  );
  return connection;
}

function openSocket(outlet: URL, settings: ClientOptions, options: ClusterEndpointOptions): WebSocket {
  try {
    return new WebSocket(outlet, settings);
  } catch (error) {
    // Node reads certificate and key here, and throws when they cannot be read or do not belong together.
    throw isNativeError(error) ? connectionError(error, options) : error;
  }
}

/**
 * Returns why the connection did not open, or undefined once it is open. One time limit holds for all of it,
 * also for a control plane that answers byte by byte.
 */
async function waitUntilOpen(
  { opened, close }: OpeningConnection,
  connectTimeoutMs: number,
  { endpoint, clock }: ClusterEndpointOptions,
  { signal }: ConfigurationRequest,
): Promise<ControlPlaneError | undefined> {
  let late = true;
  const settled = opened.then(() => {
    late = false;
  });
  signal?.addEventListener('abort', close);
  try {
    if (signal?.aborted === true) {
      close();
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
    signal?.removeEventListener('abort', close);
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

interface OpeningConnection extends Connection {
  /** Resolves with the reason where it does not open. */
  readonly opened: Promise<ControlPlaneError | undefined>;
}

/** Receives the frames of a connection. Only the newest unread one is kept: each is a whole configuration. */
function receiveFrames(
  socket: WebSocket,
  options: ClusterEndpointOptions,
  request: ConfigurationRequest,
): OpeningConnection {
  let unread: Uint8Array | undefined;
  let failure: ControlPlaneError | undefined;
  let closed: ControlPlaneError | undefined;
  let wake: () => void = () => undefined;
  let reportOpened: (refusal: ControlPlaneError | undefined) => void = () => undefined;
  const opened = new Promise<ControlPlaneError | undefined>((resolve) => {
    reportOpened = resolve;
  });

  socket.on('open', () => reportOpened(undefined));
  socket.on('unexpected-response', (_request, response) => {
    closed ??= describeRefusal(response, options, request);
    reportOpened(closed);
    wake();
  });
  socket.on('message', (data, isBinary) => {
    if (isBinary && data instanceof Buffer) {
      unread = data;
    } else {
      failure ??= badFrame('it is text, where the control plane sends compressed binary frames');
    }
    wake();
  });
  socket.on('error', (error: Error & { code?: string }) => {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      failure ??= badFrame(`it is larger than ${options.maxFrameBytes ?? 64 * 2 ** 20} bytes compressed`, {
        cause: error,
      });
    } else {
      closed ??= connectionError(error, options);
    }
    reportOpened(failure ?? closed);
    wake();
  });
  socket.on('close', (code, reason) => {
    closed ??= describeLoss(code, reason.toString('utf8').slice(0, 200), options, request);
    reportOpened(closed);
    wake();
  });

  return {
    opened,
    async nextFrame(waitMs, signal) {
      if (unread === undefined && failure === undefined && closed === undefined && signal?.aborted !== true) {
        await waitToBeWoken(options.clock, waitMs, signal, (resolve) => {
          wake = resolve;
        });
      }
      if (signal?.aborted === true) {
        throw cancelled(options.endpoint);
      }
      if (failure !== undefined) {
        throw failure;
      }
      if (unread !== undefined) {
        const frame = unread;
        unread = undefined;
        return frame;
      }
      return closed === undefined ? 'nothing' : 'lost';
    },
    whyLost: () => closed ?? describeLoss(1006, '', options, request),
    close: () => socket.terminate(),
  };
}

function describeRefusal(
  response: IncomingMessage,
  { endpoint }: ClusterEndpointOptions,
  { dataPlaneVersion }: ConfigurationRequest,
): ControlPlaneError {
  response.resume();
  const status = response.statusCode ?? 0;
  if (status >= 500) {
    return new ControlPlaneError(
      'unreachable',
      `control plane ${endpoint} answered ${status} to the WebSocket upgrade`,
    );
  }
  return new ControlPlaneError(
    'refused',
    `control plane ${endpoint} answered ${status} to the WebSocket upgrade for data plane version ${dataPlaneVersion}. ` +
      'Check that clusterEndpoint names its cluster_listen (8005), that the certificate is one of its data planes’, ' +
      'and that it is not older than dataPlaneVersions',
  );
}

// Going away, closed without a close frame, restarting, overloaded (RFC 6455 section 7.4.1 and IANA's
// registry).
const goneCodes = new Set([1001, 1006, 1012, 1013]);

function describeLoss(
  code: number,
  reason: string,
  { endpoint }: ClusterEndpointOptions,
  { dataPlaneVersion }: ConfigurationRequest,
): ControlPlaneError {
  const said = reason === '' ? '' : ` and said "${reason}"`;
  if (goneCodes.has(code)) {
    return new ControlPlaneError(
      'unreachable',
      `control plane ${endpoint} dropped the connection (${code}) before it sent a configuration`,
    );
  }
  return new ControlPlaneError(
    'refused',
    `control plane ${endpoint} closed the connection (${code}) for data plane version ${dataPlaneVersion}${said}. ` +
      'It serves versions of its own major and up to its own minor: check dataPlaneVersions',
  );
}

// Error codes of OpenSSL and Node for certificates that do not fit. Any other code is a network error.
const certificateErrorCodes =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

function connectionError(
  error: Error & { code?: string },
  options: ClusterEndpointOptions,
): ControlPlaneError {
  const code = error.code ?? '';
  if (certificateErrorCodes.test(code)) {
    return new ControlPlaneError(
      'refused',
      `the TLS connection to control plane ${options.endpoint} failed (${code}): check the cluster certificate in its secret, ` +
        `clusterMtls (now "${options.mtls}")${options.mtls === 'pki' ? ', the CA' : ''} and clusterServerName`,
      { cause: error },
    );
  }
  return new ControlPlaneError(
    'unreachable',
    `control plane ${options.endpoint} cannot be reached (${code === '' ? error.message : code})`,
    { cause: error },
  );
}
