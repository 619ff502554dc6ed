import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { isNativeError } from 'node:util/types';
import { type ClientOptions, WebSocket } from 'ws';
import { type ConnectionStage, type ConnectionSubject, describeConnectionError } from './cluster-loss.ts';
import { type FrameDigest, FrameTap } from './frame-tap.ts';

/** How a connection is made. */
export interface SocketOptions {
  readonly mtls: 'shared' | 'pki';
  readonly serverName?: string | undefined;
  readonly makeDigest?: (() => FrameDigest) | undefined;
  readonly maxFrameBytes: number;
  /** PEM. */
  readonly certificate: {
    readonly certificate: string;
    readonly key: string;
    readonly ca?: string | undefined;
  };
}

/** A WebSocket on its way, and what is known of the connection below it. */
export interface ClusterSocket {
  readonly websocket: WebSocket;
  stage(): ConnectionStage;
  /** Decrypted bytes that have come so far. */
  receivedBytes(): number;
}

// kong/conf_loader and `kong hybrid gen_cert`: the one name of shared mode.
const sharedServerName = 'kong_clustering';
const goodbyeTimeoutMs = 2_000;

/**
 * Begins a WebSocket over mutual TLS.
 *
 * @param outlet `wss://host:port/path`
 * @throws ControlPlaneError when certificate or key cannot be used
 */
export function openClusterSocket(
  outlet: URL,
  { mtls, serverName, makeDigest, maxFrameBytes, certificate }: SocketOptions,
  subject: ConnectionSubject,
): ClusterSocket {
  let tls: TLSSocket | undefined;
  let stage: ConnectionStage = 'TCP';
  const createConnection = (options: ConnectionOptions) => {
    // The path is the upgrade's. To TLS it would be that of a local socket.
    const socket = connectTls({ ...options, path: undefined });
    socket.once('connect', () => {
      stage = 'TLS';
    });
    socket.once('secureConnect', () => {
      stage = 'upgrade';
    });
    tls = socket;
    return makeDigest === undefined ? socket : new FrameTap(socket, { makeDigest, maxFrameBytes });
  };
  const settings: ClientOptions & { readonly servername: string; readonly closeTimeout: number } = {
    cert: certificate.certificate,
    key: certificate.key,
    // In shared mode this one certificate is trusted, whoever signed it.
    ...(mtls === 'shared' ? { ca: certificate.certificate, allowPartialTrustChain: true } : {}),
    ...(mtls === 'pki' && certificate.ca !== undefined ? { ca: certificate.ca } : {}),
    servername: serverName ?? (mtls === 'shared' ? sharedServerName : outlet.hostname),
    perMessageDeflate: false,
    // A node that answers pings may be listed as a node.
    autoPong: false,
    maxPayload: maxFrameBytes,
    followRedirects: false,
    closeTimeout: goodbyeTimeoutMs,
    // http takes any Duplex (Node's http.request); the types of ws know sockets only.
    createConnection: createConnection as unknown as NonNullable<ClientOptions['createConnection']>,
  };
  try {
    const websocket = new WebSocket(outlet, settings);
    websocket.once('open', () => {
      stage = 'open';
    });
    return { websocket, stage: () => stage, receivedBytes: () => tls?.bytesRead ?? 0 };
  } catch (error) {
    // Node reads certificate and key here, and throws when they cannot be read or do not belong together.
    throw isNativeError(error) ? describeConnectionError(error, 'TLS', subject, maxFrameBytes) : error;
  }
}
