import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { isNativeError } from 'node:util/types';
import { type ClientOptions, WebSocket } from 'ws';
import { bareHost } from '../proxy-tunnel.ts';
import { type ConnectionStage, type ConnectionSubject, describeConnectionError } from './cluster-loss.ts';
import { type CertificatePem, type ClusterIdentification, clusterTls } from './cluster-tls.ts';
import { type FrameDigest, FrameTap } from './frame-tap.ts';

/** How a connection is made. */
export interface SocketOptions extends ClusterIdentification {
  readonly makeDigest?: (() => FrameDigest) | undefined;
  readonly maxFrameBytes: number;
  /** The way that a proxy has opened. @default none is needed */
  readonly tunnel?: Socket | undefined;
  readonly certificate: CertificatePem;
}

/** A WebSocket on its way, and what is known of the connection below it. */
export interface ClusterSocket {
  readonly websocket: WebSocket;
  stage(): ConnectionStage;
  /** Decrypted bytes that have come so far. */
  receivedBytes(): number;
}

const goodbyeTimeoutMs = 2_000;

/**
 * Begins a WebSocket over mutual TLS.
 *
 * @param outlet `wss://host:port/path`
 * @throws ControlPlaneError when certificate or key cannot be used
 */
export function openClusterSocket(
  outlet: URL,
  options: SocketOptions,
  subject: ConnectionSubject,
): ClusterSocket {
  const { makeDigest, maxFrameBytes, tunnel } = options;
  let tls: TLSSocket | undefined;
  let stage: ConnectionStage = tunnel === undefined ? 'TCP' : 'TLS';
  const createConnection = (asked: ConnectionOptions) => {
    const socket = connectTls({
      ...asked,
      // The path is the upgrade's. To TLS it would be that of a local socket.
      path: undefined,
      ...(tunnel === undefined ? {} : { socket: tunnel }),
    });
    socket.once('connect', () => {
      stage = 'TLS';
    });
    socket.once('secureConnect', () => {
      stage = 'upgrade';
    });
    tls = socket;
    return makeDigest === undefined ? socket : new FrameTap(socket, { makeDigest, maxFrameBytes });
  };
  const settings: ClientOptions & { readonly closeTimeout: number } = {
    ...clusterTls(options, options.certificate, bareHost(outlet)),
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
    tunnel?.destroy();
    // Node reads certificate and key here, and throws when they cannot be read or do not belong together.
    throw isNativeError(error) ? describeConnectionError(error, 'TLS', subject, maxFrameBytes) : error;
  }
}
