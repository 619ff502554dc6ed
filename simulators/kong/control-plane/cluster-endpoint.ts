/**
 * The control plane's cluster endpoint, which data planes connect to (kong/clustering/control_plane.lua;
 * docs/kong.md#the-cluster-endpoint): TLS, certificates and the upgrade. What comes after that is in
 * `clients.ts`.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import {
  type ClientsOptions,
  type ConnectedNode,
  type DataPlaneRow,
  type NamedNode,
  serveClients,
} from './clients.ts';
import type { FaultQueue } from './faults.ts';
import { listen } from './listening.ts';

export interface ClusterEndpointOptions extends ClientsOptions {
  readonly mtls: 'shared' | 'pki';
  readonly certificate: ClusterCertificate;
  readonly port: number;
  readonly faults: FaultQueue;
}

export interface ClusterEndpoint {
  readonly port: number;
  /** Sends the current payload to every client. */
  push(): void;
  connectedNodes(): readonly ConnectedNode[];
  dataPlanes(): readonly DataPlaneRow[];
  stop(): Promise<void>;
}

/** Answers before the upgrade, in plain HTTP, and ends the connection. */
function refuse(socket: Duplex, status: string, body: string): void {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}

/** True where the client may go on; else it has had its answer. */
function authenticate(
  socket: Duplex,
  { mtls, certificate, log }: Pick<ClusterEndpointOptions, 'mtls' | 'certificate' | 'log'>,
): boolean {
  if (!(socket instanceof TLSSocket)) {
    throw new Error('the cluster endpoint got a connection without TLS');
  }
  if (mtls === 'pki') {
    if (socket.authorized) {
      return true;
    }
    log('client certificate was not issued by the cluster CA');
    refuse(socket, '400 Bad Request', 'The SSL certificate error\n');
    return false;
  }
  const own = new X509Certificate(certificate.certificate).raw;
  if (socket.getPeerX509Certificate()?.raw.equals(own)) {
    return true;
  }
  log("client certificate is not the cluster's");
  // Kong ends this with nginx's 444: the connection is closed without an answer.
  socket.destroy();
  return false;
}

/** The node that a handshake names; undefined where it was refused. */
function readNode(
  { url = '/' }: IncomingMessage,
  socket: Duplex,
  log: (line: string) => void,
): NamedNode | undefined {
  const { pathname, searchParams } = new URL(url, 'https://cluster');
  const id = searchParams.get('node_id');
  const version = searchParams.get('node_version');
  if (pathname !== '/v1/outlet') {
    refuse(socket, '404 Not Found', '');
    return undefined;
  }
  if (!id || !version) {
    log(`[warn] [clustering] data plane didn't pass the ${id ? 'version' : 'id'}`);
    refuse(socket, '400 Bad Request', '<html>\n<head><title>400 Bad Request</title></head>\n</html>\n');
    return undefined;
  }
  return { id, hostname: searchParams.get('node_hostname') ?? '', version };
}

/** Starts the endpoint on 127.0.0.1; rejects where the port is taken. */
export async function startClusterEndpoint(options: ClusterEndpointOptions): Promise<ClusterEndpoint> {
  const { certificate, log } = options;
  const clients = serveClients(options);
  const websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // Not every ping is answered.
    autoPong: false,
    maxPayload: 16 * 1024 * 1024,
  });
  const server = createServer({
    cert: certificate.certificate,
    key: certificate.key,
    // Kong, too, checks the certificate after the handshake: nginx does in PKI mode, Kong's own code in
    // shared mode.
    requestCert: true,
    rejectUnauthorized: false,
    ...(certificate.ca === undefined ? {} : { ca: certificate.ca }),
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error: Error) => log(`[info] connection: ${error.message}`));
    const node = authenticate(socket, options) ? readNode(request, socket, log) : undefined;
    if (node === undefined) {
      return;
    }
    websockets.handleUpgrade(request, socket, head, (websocket) =>
      clients.greet({ ...node, websocket, socket, fault: options.faults.takeNext() }),
    );
  });
  server.on('tlsClientError', (error) => log(`[info] TLS handshake: ${error.message}`));

  const listening = await listen(server, '127.0.0.1', options.port);
  return {
    port: listening.port,
    push: clients.push,
    connectedNodes: clients.connectedNodes,
    dataPlanes: clients.dataPlanes,
    stop: listening.stop,
  };
}
