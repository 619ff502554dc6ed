/**
 * The control plane's cluster endpoint, which data planes connect to (kong/clustering/control_plane.lua;
 * docs/kong.md#the-cluster-endpoint).
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import * as v from 'valibot';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClusterCertificate } from './certificates.ts';
import { type FaultQueue, misbehave } from './faults.ts';
import { listen } from './listening.ts';
import { type Payload, versionNumbers } from './payload.ts';
import { recordOf } from './records.ts';

/** Kong's `cluster_max_payload`, 16 MiB. */
const maximumPayloadBytes = 16 * 1024 * 1024;

const basicInfo = v.object({
  type: v.literal('basic_info'),
  plugins: v.array(v.object({ name: v.string(), version: v.nullish(v.string()) })),
  labels: v.nullish(recordOf(v.string())),
});
type BasicInfo = v.InferOutput<typeof basicInfo>;

/** A row of `GET /clustering/data-planes`. Times in epoch seconds. */
export interface DataPlaneRow {
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  readonly version: string;
  readonly config_hash: string;
  readonly sync_status: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly last_seen: number;
}

/** A client that is connected now, whether it pings or not. */
export interface ConnectedNode {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  /** Frames sent to it so far. */
  readonly frames: number;
}

export interface ClusterEndpointOptions {
  readonly mtls: 'shared' | 'pki';
  readonly certificate: ClusterCertificate;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** The control plane's plugins and their versions. */
  readonly plugins: ReadonlyMap<string, string>;
  readonly payload: () => Payload;
  readonly faults: FaultQueue;
  /** A client that does not ping for so long is dropped; Kong: 45 s, 1.5 times its ping interval. */
  readonly pingTimeoutSeconds: number;
  readonly now: () => number;
  readonly log: (line: string) => void;
}

export interface ClusterEndpoint {
  readonly port: number;
  /** Sends the current payload to every client. */
  push(): void;
  connectedNodes(): readonly ConnectedNode[];
  dataPlanes(): readonly DataPlaneRow[];
  stop(): Promise<void>;
}

interface Client {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  readonly ip: string;
  readonly websocket: WebSocket;
  readonly socket: Duplex;
  readonly fault: ReturnType<FaultQueue['next']>;
  readonly info: BasicInfo;
  frames: number;
  syncStatus: string;
}

/** Answers before the upgrade, in plain HTTP, and ends the connection. */
function answer(socket: Duplex, status: string, body: string): void {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}

/** Why a data plane of the given version may not connect (kong/clustering/compat/init.lua). */
function versionProblem(controlPlane: string, dataPlane: string): string | undefined {
  const [major, minor] = versionNumbers(controlPlane) ?? [0, 0];
  const numbers = versionNumbers(dataPlane);
  if (numbers === undefined || numbers[0] !== major) {
    return `data plane version ${dataPlane} is incompatible with control plane version ${controlPlane} (${major}.x.y are accepted)`;
  }
  if (numbers[1] > minor) {
    return `data plane version ${dataPlane} is incompatible with older control plane version ${controlPlane}`;
  }
  return undefined;
}

/** Why a data plane gets no configuration: a configured plugin that it lacks, or has in a version too new or too old. */
function pluginProblem(
  payload: Payload,
  own: ReadonlyMap<string, string>,
  info: BasicInfo,
): { readonly status: string; readonly message: string } | undefined {
  const theirs = new Map(info.plugins.map(({ name, version }) => [name, version ?? undefined]));
  for (const name of payload.plugins) {
    const ownVersion = own.get(name) ?? '';
    if (!theirs.has(name)) {
      const message = `configured ${name} plugin ${ownVersion} is missing from data plane`;
      return { status: 'plugin_set_incompatible', message };
    }
    const [major, minor] = versionNumbers(ownVersion) ?? [];
    const [theirMajor, theirMinor] = versionNumbers(theirs.get(name) ?? '') ?? [];
    if (major === undefined || minor === undefined || theirMajor === undefined || theirMinor === undefined)
      continue;
    // Kong lets an older minor of a plugin pass: how else would data planes lag behind their control plane?
    if (theirMajor !== major || theirMinor > minor) {
      const message = `configured data plane ${name} plugin version ${theirs.get(name)} is different to control plane plugin version ${ownVersion}`;
      return { status: 'plugin_version_incompatible', message };
    }
  }
  return undefined;
}

function parsedBasicInfo(data: Buffer): BasicInfo | undefined {
  try {
    const info = v.safeParse(basicInfo, JSON.parse(data.toString('utf8')));
    return info.success ? info.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Starts the endpoint; rejects where the port is taken. */
export async function startClusterEndpoint(options: ClusterEndpointOptions): Promise<ClusterEndpoint> {
  const { certificate, mtls, log } = options;
  const ownCertificate = new X509Certificate(certificate.certificate).raw;
  const clients = new Set<Client>();
  const dataPlanes = new Map<string, DataPlaneRow>();

  const server = createServer({
    cert: certificate.certificate,
    key: certificate.key,
    // Kong checks the certificate after the handshake, too: nginx in PKI mode, its own code in shared mode.
    requestCert: true,
    rejectUnauthorized: false,
    ...(certificate.ca === undefined ? {} : { ca: certificate.ca }),
  });
  const websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maximumPayloadBytes,
  });

  /** True where the client may go on; else it has had its answer. */
  const authenticated = (socket: Duplex): boolean => {
    if (!(socket instanceof TLSSocket)) throw new Error('the cluster endpoint got a connection without TLS');
    if (mtls === 'pki') {
      if (socket.authorized) return true;
      log('client certificate was not issued by the cluster CA');
      answer(socket, '400 Bad Request', 'The SSL certificate error\n');
      return false;
    }
    if (socket.getPeerX509Certificate()?.raw.equals(ownCertificate)) return true;
    log("client certificate is not the cluster's");
    // Kong leaves with nginx's 444: the connection is closed without an answer.
    socket.destroy();
    return false;
  };

  const send = (client: Client) => {
    const payload = options.payload();
    const problem = pluginProblem(payload, options.plugins, client.info);
    client.syncStatus = problem?.status ?? 'normal';
    if (problem !== undefined) {
      log(`unable to send updated configuration to data plane ${client.id}: ${problem.message}`);
      return;
    }
    client.frames += 1;
    const frame = payload.frame(client.version);
    if (client.fault === undefined) client.websocket.send(frame);
    else misbehave(client.fault, { ...client, frame, message: payload.message(client.version) });
  };

  const serve = (client: Client) => {
    const { websocket } = client;
    const drop = () => {
      log(
        `did not receive ping frame from data plane ${client.id} within ${options.pingTimeoutSeconds} seconds`,
      );
      websocket.terminate();
    };
    const timer = setTimeout(drop, options.pingTimeoutSeconds * 1000);
    websocket.on('ping', (data) => {
      timer.refresh();
      dataPlanes.set(client.id, {
        id: client.id,
        hostname: client.hostname,
        ip: client.ip,
        version: client.version,
        config_hash: data.toString('latin1'),
        sync_status: client.syncStatus,
        labels: client.info.labels ?? null,
        last_seen: Math.floor(options.now() / 1000),
      });
    });
    websocket.on('message', () => {
      log(`invalid websocket frame received from data plane ${client.id}`);
      websocket.close();
    });
    websocket.on('close', () => {
      clearTimeout(timer);
      clients.delete(client);
    });
    clients.add(client);
    send(client);
  };

  const greet = (
    websocket: WebSocket,
    socket: Duplex,
    node: Omit<Client, 'info' | 'frames' | 'syncStatus' | 'websocket' | 'socket'>,
  ) => {
    websocket.on('error', (error) => log(`data plane ${node.id}: ${error.message}`));
    if (node.fault === 'close-at-once') {
      websocket.close();
      return;
    }
    const refuse = (problem: string) => {
      log(`data plane ${node.id}: ${problem}`);
      websocket.close();
    };
    const timer = setTimeout(() => refuse('no basic info data'), options.pingTimeoutSeconds * 1000);
    websocket.once('close', () => clearTimeout(timer));
    websocket.once('message', (data: Buffer, isBinary) => {
      clearTimeout(timer);
      const info = isBinary ? parsedBasicInfo(data) : undefined;
      const problem =
        info === undefined ? 'invalid basic info data' : versionProblem(options.version, node.version);
      if (info === undefined || problem !== undefined) refuse(problem ?? '');
      else serve({ ...node, websocket, socket, info, frames: 0, syncStatus: 'unknown' });
    });
  };

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error: Error) => log(`connection: ${error.message}`));
    if (!authenticated(socket)) return;
    const url = new URL(request.url ?? '/', 'https://cluster');
    if (url.pathname !== '/v1/outlet') return answer(socket, '404 Not Found', '');
    const id = url.searchParams.get('node_id');
    const version = url.searchParams.get('node_version');
    if (!id) return answer(socket, '400 Bad Request', "data plane didn't pass the id");
    if (!version) return answer(socket, '400 Bad Request', "data plane didn't pass the version");
    const hostname = url.searchParams.get('node_hostname') ?? '';
    const ip = request.socket.remoteAddress ?? '';
    websockets.handleUpgrade(request, socket, head, (websocket) =>
      greet(websocket, socket, { id, version, hostname, ip, fault: options.faults.next() }),
    );
  });
  server.on('request', (request, response) => {
    if (!authenticated(request.socket)) return;
    // What is no WebSocket handshake gets as far as the WebSocket library, which gives up (444).
    if (new URL(request.url ?? '/', 'https://cluster').pathname === '/v1/outlet') request.socket.destroy();
    else response.writeHead(404).end();
  });
  server.on('tlsClientError', (error) => log(`TLS handshake: ${error.message}`));

  const listening = await listen(server, options.host, options.port);
  return {
    port: listening.port,
    push: () => {
      for (const client of clients) if (client.fault === undefined) send(client);
    },
    connectedNodes: () =>
      [...clients].map(({ id, hostname, version, frames }) => ({ id, hostname, version, frames })),
    dataPlanes: () => [...dataPlanes.values()],
    stop: listening.stop,
  };
}
