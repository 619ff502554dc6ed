/**
 * What a control plane does with data planes once their WebSocket is open
 * (kong/clustering/control_plane.lua).
 */
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { WebSocket } from 'ws';
import {
  type ControlPlaneInventory,
  configurationProblem,
  type DataPlaneInventory,
  pluginRemarks,
  versionProblem,
} from './compatibility.ts';
import { type FaultQueue, misbehave } from './faults.ts';
import type { Payload } from './payload.ts';

/** Kong's `cluster_max_payload`, 16 MiB. */
const defaultMaxPayloadBytes = 16 * 1024 * 1024;
const defaultPingWaitSeconds = 45;
/** For the first message (kong/constants.lua, CLUSTERING_TIMEOUT). */
const defaultBasicInfoSeconds = 5;
const hashLength = 32;
const noConfiguration = '0'.repeat(hashLength);

const missingPlugins = 'missing plugins in basic info data';
/** Its messages are Kong's. */
const basicInfo = v.pipe(
  v.string(),
  v.parseJson(undefined, 'failed to decode websocket basic info data'),
  v.object(
    {
      type: v.literal('basic_info', ({ input }) => `invalid basic info data type: ${String(input)}`),
      plugins: v.array(
        v.object({ name: v.string(), version: v.nullish(v.string()) }, missingPlugins),
        missingPlugins,
      ),
      filters: v.nullish(v.record(v.string(), v.unknown())),
    },
    missingPlugins,
  ),
);

/** A row of `GET /clustering/data-planes`, as far as the simulator has it. `last_seen` in epoch seconds. */
export interface DataPlaneRow {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  readonly config_hash: string;
  readonly sync_status: string;
  readonly last_seen: number;
}

/** A client that is connected now, whether it pings or not. */
export interface ConnectedNode extends NamedNode {
  /** Frames sent to it so far. */
  readonly frames: number;
}

/** What a handshake names. */
export interface NamedNode {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
}

/** A connection whose WebSocket handshake was accepted. */
export interface Connection extends NamedNode {
  readonly websocket: WebSocket;
  readonly socket: Duplex;
  readonly fault: ReturnType<FaultQueue['takeNext']>;
}

/** A data plane that has said what plugins it has. */
interface Client extends Connection {
  readonly inventory: DataPlaneInventory;
  frames: number;
  syncStatus: string;
  /** Whether the connection has ended without a goodbye. */
  isCut: boolean;
}

export interface ClientsOptions {
  readonly own: ControlPlaneInventory;
  /** What was built last. */
  readonly payload: () => Payload;
  /** Builds anew for a connection that finds no other client. @default nothing is built */
  readonly exportAnew?: () => Promise<void>;
  /** `cluster_max_payload`. @default 16 MiB */
  readonly maxPayloadBytes?: number | undefined;
  /** After this a client that does not ping is dropped. @default 45 */
  readonly pingWaitSeconds?: number | undefined;
  /** Whether the database takes rows. @default it always does */
  readonly hasDatabase?: () => boolean;
  /** Takes what Kong logs from the level `notice` on, and a few words of the simulator's own as `info`. */
  readonly log: (line: string) => void;
}

export interface Clients {
  /** Takes in a connection that was just made. */
  greet(connection: Connection): void;
  /** Sends the current payload to every client. */
  push(): void;
  connectedNodes(): readonly ConnectedNode[];
  dataPlanes(): readonly DataPlaneRow[];
}

/** Serves data planes, and notes them as Kong's database does. */
export function serveClients(options: ClientsOptions): Clients {
  const clients = new Set<Client>();
  const dataPlanes = new Map<string, DataPlaneRow>();
  const say = createLog(options.log);
  const note = (node: NamedNode, syncStatus: string, hash = noConfiguration) => {
    const { id, hostname, version } = node;
    const problem = options.hasDatabase?.() === false ? 'connection refused' : rowProblem(node);
    if (problem !== undefined) {
      say('error', `unable to update clustering data plane status: [postgres] ${problem}`, node);
      return;
    }
    const lastSeen = Math.floor(Date.now() / 1000);
    dataPlanes.set(id, {
      id,
      hostname,
      version,
      config_hash: hash,
      sync_status: syncStatus,
      last_seen: lastSeen,
    });
  };
  const parts = { ...options, clients, say, note };
  return {
    greet(connection) {
      connection.websocket.on('error', ({ message }) => say('info', message, connection));
      if (connection.fault === 'close-at-once') {
        connection.websocket.close();
      } else {
        awaitBasicInfo(connection, say, (inventory) => welcome(parts, connection, inventory));
      }
    },
    push() {
      for (const client of clients) {
        if (client.fault === undefined) {
          sendPayload(parts, client);
        }
      }
    },
    connectedNodes: () =>
      [...clients].map(({ id, hostname, version, frames }) => ({ id, hostname, version, frames })),
    dataPlanes: () => [...dataPlanes.values()],
  };
}

/** Why the database does not take a row of this node (kong/db/schema/entities/clustering_data_planes.lua). */
function rowProblem({ id, version }: NamedNode): string | undefined {
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) {
    return `invalid primary key: '{id="expected a valid UUID"}'`;
  }
  return /^\d/.test(version)
    ? undefined
    : 'schema violation (version: invalid version number: must be in format of X.Y.Z)';
}

interface Parts extends ClientsOptions {
  readonly clients: Set<Client>;
  readonly say: Say;
  /** Enters a data plane into the list, or changes its row. */
  readonly note: (node: NamedNode, syncStatus: string, configHash?: string) => void;
}

type Say = (level: 'error' | 'warn' | 'notice' | 'info', message: string, node: NamedNode) => void;

/** With what Kong appends to each line about a data plane. */
function createLog(log: (line: string) => void): Say {
  return (level, message, { id, hostname, version }) =>
    log(
      `[${level}] [clustering] ${message} [id: ${id}, host: ${hostname}, ip: 127.0.0.1, version: ${version}]`,
    );
}

/** Waits for the client's basic_info; what does not fit ends the connection, and so does its absence. */
function awaitBasicInfo(
  connection: Connection,
  say: Say,
  take: (inventory: DataPlaneInventory) => void,
): void {
  const { websocket } = connection;
  const fail = (problem: string) => say('error', problem, connection);
  const failToReceive = (problem: string) => fail(`failed to receive websocket basic info frame: ${problem}`);
  const patience = setTimeout(() => {
    failToReceive('failed to receive the first 2 bytes: timeout');
    websocket.off('close', leave).close();
  }, defaultBasicInfoSeconds * 1000);
  const leave = (code: number) => {
    clearTimeout(patience);
    if (code === 1005) {
      fail(luaError);
    } else {
      failToReceive(code === 1006 ? 'failed to receive the first 2 bytes: closed' : String(code));
    }
  };
  websocket.once('close', leave);
  websocket.once('message', (data: Buffer, isBinary) => {
    clearTimeout(patience);
    websocket.off('close', leave);
    if (!isBinary) {
      fail(luaError);
      websocket.terminate();
      return;
    }
    const info = v.safeParse(basicInfo, data.toString('utf8'));
    if (!info.success) {
      fail(info.issues[0].message);
      websocket.close();
      return;
    }
    take({
      plugins: new Map(info.output.plugins.map(({ name, version }) => [name, version ?? undefined])),
      filters: new Set(Object.keys(info.output.filters ?? {})),
    });
  });
}

/** What Kong fails with when the first message is text, or a goodbye. */
const luaError =
  "lua entry thread aborted: runtime error: bad argument #1 to 'ipairs' (table expected, got nil)";

function welcome(parts: Parts, connection: Connection, inventory: DataPlaneInventory): void {
  const problem = versionProblem(parts.own.version, connection.version);
  if (problem === undefined) {
    void serve(parts, { ...connection, inventory, frames: 0, syncStatus: 'unknown', isCut: false });
  } else {
    parts.say('error', problem.message, connection);
    connection.websocket.close();
    parts.note(connection, problem.status);
  }
}

/** Sends what there is, and stays with the client until it leaves. */
async function serve(parts: Parts, client: Client): Promise<void> {
  const { clients, own, payload, say, note, pingWaitSeconds = defaultPingWaitSeconds } = parts;
  const { websocket, inventory } = client;
  for (const { level, message } of pluginRemarks(own, inventory)) {
    say(level, message, client);
  }
  const silence = setTimeout(() => {
    say('error', `did not receive ping frame from data plane within ${pingWaitSeconds} seconds`, client);
    websocket.close();
  }, pingWaitSeconds * 1000);
  websocket.on('close', (code) => {
    clients.delete(client);
    clearTimeout(silence);
    client.isCut = code === 1006;
    // 1005 stands for a close frame without a code, 1006 for none. Kong takes a code for an error.
    if (code !== 1005 && code !== 1006) {
      say('error', String(code), client);
    }
  });
  const refuse = (problem: string) => {
    say('error', problem, client);
    websocket.close();
  };
  const refuseHash = (hash: string) =>
    refuse(`received a ping frame from the data plane with an invalid hash: '${hash}'`);
  websocket.on('ping', (data) => {
    const hash = data.toString('latin1');
    if (hash.length !== hashLength) {
      refuseHash(hash);
      return;
    }
    silence.refresh();
    note(client, client.syncStatus, hash);
    websocket.pong();
  });
  websocket.on('message', (data: Buffer, isBinary) => {
    const text = data.toString('latin1');
    // Kong looks at the length before it looks at the kind.
    if (text.length === hashLength) {
      refuse(`invalid websocket frame received from data plane: ${isBinary ? 'binary' : 'text'}`);
    } else {
      refuseHash(text);
    }
  });
  // Only now: a client counts as connected after its first export.
  if (clients.size === 0 && parts.exportAnew !== undefined) {
    // Meanwhile nothing is read. What has come by then is seen before anything is sent.
    websocket.pause();
    await parts.exportAnew();
    websocket.resume();
    await delay(5);
  }
  if (websocket.readyState === websocket.OPEN) {
    clients.add(client);
  }
  // Not noted: Kong writes the row when this changes.
  client.syncStatus = configurationProblem(payload().plugins, own, inventory)?.status ?? 'normal';
  sendPayload(parts, client);
}

function sendPayload(parts: Parts, client: Client): void {
  const { own, payload, say, maxPayloadBytes = defaultMaxPayloadBytes } = parts;
  const { websocket, version, fault } = client;
  const current = payload();
  const problem = configurationProblem(current.plugins, own, client.inventory);
  const status = problem?.status ?? 'normal';
  if (problem !== undefined) {
    say('warn', `unable to send updated configuration to data plane: ${problem.message}`, client);
    if (status !== client.syncStatus) {
      parts.note(client, status);
    }
  }
  client.syncStatus = status;
  if (problem !== undefined) {
    return;
  }
  for (const removal of current.removals(version)) {
    say('warn', removal, client);
  }
  const frame = current.frame(version);
  if (websocket.readyState !== websocket.OPEN && !client.isCut) {
    return;
  }
  if (client.isCut || frame.length > maxPayloadBytes) {
    const why = client.isCut ? 'fatal error already happened' : 'payload too big';
    say('error', `unable to send updated configuration to data plane: ${why}`, client);
    parts.clients.delete(client);
    websocket.terminate();
    return;
  }
  client.frames += 1;
  if (fault === undefined) {
    websocket.send(frame);
  } else {
    misbehave(fault, { ...client, frame, message: current.message(version) });
  }
}
