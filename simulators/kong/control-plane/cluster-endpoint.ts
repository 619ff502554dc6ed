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
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';
import { type FaultQueue, misbehave } from './faults.ts';
import { listen } from './listening.ts';
import { type Payload, versionNumbers } from './payload.ts';

const ownVersion = '3.9.1';
/** Kong's `cluster_max_payload`, 16 MiB. */
const maximumPayloadBytes = 16 * 1024 * 1024;

const basicInfo = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    type: v.literal('basic_info'),
    plugins: v.array(v.object({ name: v.string(), version: v.nullish(v.string()) })),
  }),
);
type BasicInfo = v.InferOutput<typeof basicInfo>;

/** A row of `GET /clustering/data-planes`, as far as the simulator has it. `last_seen` in epoch seconds. */
export interface DataPlaneRow {
  readonly id: string;
  readonly version: string;
  readonly config_hash: string;
  readonly sync_status: string;
  readonly last_seen: number;
}

/** A client that is connected now, whether it pings or not. */
export interface ConnectedNode {
  readonly id: string;
  /** Frames sent to it so far. */
  readonly frames: number;
}

export interface ClusterEndpointOptions {
  readonly mtls: 'shared' | 'pki';
  readonly certificate: ClusterCertificate;
  readonly port: number;
  /** The control plane's plugins and their versions. */
  readonly plugins: ReadonlyMap<string, string>;
  readonly payload: () => Payload;
  readonly faults: FaultQueue;
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

/** A connection whose WebSocket handshake was accepted. */
interface Connection {
  readonly id: string;
  readonly version: string;
  readonly websocket: WebSocket;
  readonly socket: Duplex;
  readonly fault: ReturnType<FaultQueue['takeNext']>;
}

/** A data plane that has said what plugins it has. */
interface Client extends Connection {
  readonly info: BasicInfo;
  frames: number;
  syncStatus: string;
}

/** Answers before the upgrade, in plain HTTP, and ends the connection. */
function refuse(socket: Duplex, status: string, body: string): void {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}

/** Why a data plane of the given version may not connect (kong/clustering/compat/init.lua). */
function versionProblem(version: string): string | undefined {
  const [ownMajor, ownMinor] = versionNumbers(ownVersion) ?? [0, 0];
  const [major, minor] = versionNumbers(version) ?? [-1, 0];
  return major === ownMajor && minor <= ownMinor
    ? undefined
    : `data plane version ${version} is incompatible with control plane version ${ownVersion}`;
}

/**
 * Why a data plane gets no configuration: a configured plugin is missing there, or its version does not fit.
 */
function pluginProblem(
  { plugins: configured }: Payload,
  own: ReadonlyMap<string, string>,
  { plugins }: BasicInfo,
): { readonly status: string; readonly message: string } | undefined {
  const theirs = new Map(plugins.map(({ name, version }) => [name, version ?? '']));
  for (const name of configured) {
    const version = theirs.get(name);
    if (version === undefined) {
      const message = `configured ${name} plugin is missing from data plane`;
      return { status: 'plugin_set_incompatible', message };
    }
    const [ownMajor, ownMinor] = versionNumbers(own.get(name) ?? '') ?? [];
    const [major, minor] = versionNumbers(version) ?? [];
    // A plugin without a version passes, and so does an older minor version: control planes are upgraded
    // first.
    if (ownMajor === undefined || ownMinor === undefined || major === undefined || minor === undefined) {
      continue;
    }
    if (major !== ownMajor || minor > ownMinor) {
      const message = `configured ${name} plugin: version ${version} of data plane is not ${own.get(name)}`;
      return { status: 'plugin_version_incompatible', message };
    }
  }
  return undefined;
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
function readNode({ url = '/' }: IncomingMessage, socket: Duplex) {
  const { pathname, searchParams } = new URL(url, 'https://cluster');
  const id = searchParams.get('node_id');
  const version = searchParams.get('node_version');
  if (pathname !== '/v1/outlet') {
    refuse(socket, '404 Not Found', '');
    return undefined;
  }
  if (!id || !version) {
    refuse(socket, '400 Bad Request', `data plane didn't pass the ${id ? 'version' : 'id'}`);
    return undefined;
  }
  return { id, version };
}

/** Waits for the client's basic_info; what does not fit ends the connection. */
function awaitBasicInfo(
  { id, version, websocket }: Connection,
  log: (line: string) => void,
  welcome: (info: BasicInfo) => void,
): void {
  websocket.once('message', (data: Buffer, isBinary) => {
    const info = v.safeParse(basicInfo, isBinary ? data.toString('utf8') : undefined);
    const problem = info.success ? versionProblem(version) : 'invalid basic info data';
    if (info.success && problem === undefined) {
      welcome(info.output);
    } else {
      log(`data plane ${id}: ${problem}`);
      websocket.close();
    }
  });
}

function sendPayload(client: Client, { payload, plugins, log }: ClusterEndpointOptions): void {
  const current = payload();
  const problem = pluginProblem(current, plugins, client.info);
  client.syncStatus = problem?.status ?? 'normal';
  if (problem !== undefined) {
    log(`unable to send updated configuration to data plane ${client.id}: ${problem.message}`);
    return;
  }
  client.frames += 1;
  const frame = current.frame(client.version);
  if (client.fault === undefined) {
    client.websocket.send(frame);
  } else {
    misbehave(client.fault, { ...client, frame, message: current.message(client.version) });
  }
}

/** Starts the endpoint on 127.0.0.1; rejects where the port is taken. */
export async function startClusterEndpoint(options: ClusterEndpointOptions): Promise<ClusterEndpoint> {
  const { certificate, log } = options;
  const clients = new Set<Client>();
  const dataPlanes = new Map<string, DataPlaneRow>();
  const websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maximumPayloadBytes,
  });

  const serve = (client: Client) => {
    const { id, version, websocket } = client;
    clients.add(client);
    websocket.on('close', () => clients.delete(client));
    websocket.on('ping', (hash) => {
      dataPlanes.set(id, {
        id,
        version,
        config_hash: hash.toString('latin1'),
        sync_status: client.syncStatus,
        last_seen: Math.floor(Date.now() / 1000),
      });
    });
    websocket.on('message', () => {
      log(`invalid websocket frame received from data plane ${id}`);
      websocket.close();
    });
    sendPayload(client, options);
  };
  const greet = (connection: Connection) => {
    const { id, websocket, fault } = connection;
    websocket.on('error', (error) => log(`data plane ${id}: ${error.message}`));
    if (fault === 'close-at-once') {
      websocket.close();
      return;
    }
    awaitBasicInfo(connection, log, (info) =>
      serve({ ...connection, info, frames: 0, syncStatus: 'unknown' }),
    );
  };

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
    socket.on('error', (error: Error) => log(`connection: ${error.message}`));
    const node = authenticate(socket, options) ? readNode(request, socket) : undefined;
    if (node === undefined) {
      return;
    }
    websockets.handleUpgrade(request, socket, head, (websocket) =>
      greet({ ...node, websocket, socket, fault: options.faults.takeNext() }),
    );
  });
  server.on('tlsClientError', (error) => log(`TLS handshake: ${error.message}`));

  const listening = await listen(server, '127.0.0.1', options.port);
  return {
    port: listening.port,
    push: () => {
      for (const client of clients) {
        if (client.fault === undefined) {
          sendPayload(client, options);
        }
      }
    },
    connectedNodes: () => [...clients].map(({ id, frames }) => ({ id, frames })),
    dataPlanes: () => [...dataPlanes.values()],
    stop: listening.stop,
  };
}
