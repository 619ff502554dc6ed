import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { type ClusterAddress, type ClusterConnection, connectToCluster } from './cluster-connection.ts';
import type {
  ConfigurationRequest,
  ControlPlane,
  ControlPlaneConfiguration,
  ControlPlaneVisit,
  PluginVersions,
} from './control-plane.ts';
import { type AnnouncedConnection, awaitFirstFrame, nextFrameInTime } from './first-frame.ts';
import { type CheckedFrame, readFrame } from './frame.ts';
import { stableNodeId } from './node-id.ts';
import { dataPlanePlugins } from './plugin-names.ts';
import { type SettlePolicy, settle, surelyReadAfterMs } from './settle.ts';

export interface ClusterEndpointOptions extends ClusterAddress {
  /** What tells this deployment and control plane from all others: node ids are made of it. */
  readonly nodeSeed: string;
  /** Names of configured plugins, those that are not Kong's own at least. */
  readonly customPlugins: readonly string[];
  /** Names of the wasm filters that the control plane has. @default none */
  readonly wasmFilters?: readonly string[] | undefined;
  readonly settle: SettlePolicy;
  /** Largest frame that is read, inflated. @default 16 times the largest compressed one */
  readonly maxJsonBytes?: number | undefined;
  /**
   * For the first frame, from the connection on: a control plane sends it at once. It is longer while bytes
   * come. @default 20,000
   */
  readonly firstFrameTimeoutMs?: number | undefined;
  /**
   * After so long without one, plugins are announced without versions as well; after longer, where one was
   * seen to take longer. @default 5,000
   */
  readonly namedVersionsTimeoutMs?: number | undefined;
  /** A connection stays no longer than this; Kong's 45 s, and a little less. @default 40,000 */
  readonly longestStayMs?: number | undefined;
  readonly clock: Clock;
  /** The way in. @default a WebSocket over TLS */
  readonly connect?: typeof connectToCluster | undefined;
}

export const defaultMaxFrameBytes = 64 * 2 ** 20;
const defaultFirstFrameTimeoutMs = 20_000;
// Real configurations shrink to a seventh, a gzip bomb to a thousandth.
export const largestInflation = 16;

/**
 * A control plane, read as a data plane reads it: over its cluster endpoint, with a data plane's certificate
 * and without any admin right (kong/clustering/control_plane.lua; docs/kong.md#the-cluster-endpoint). Each
 * configuration has a connection of its own. None pings, so that the control plane does not list us.
 */
export function clusterEndpointControlPlane(options: ClusterEndpointOptions): ControlPlane {
  const pace = { slowestFirstFrameMs: 0 };
  return { visit: () => visitClusterEndpoint(options, pace) };
}

/**
 * How long it took at most, in this process, until the connection that was opened first was served: the time
 * of an export, where nobody else is connected.
 */
interface Pace {
  slowestFirstFrameMs: number;
}

/**
 * Of the connections that served something the last one stays: with no client left the control plane would
 * drop its payload.
 */
function visitClusterEndpoint(options: ClusterEndpointOptions, pace: Pace): ControlPlaneVisit {
  // A control plane drops a client that does not ping after 45 s, with an error line.
  const { longestStayMs = 40_000, clock } = options;
  const over = new AbortController();
  const leaving: Promise<void>[] = [];
  let staying: ClusterConnection | undefined;
  const leave = (connection: ClusterConnection) => leaving.push(connection.leave());

  const stay = (connection: ClusterConnection) => {
    connection.dropFrames();
    if (staying !== undefined) {
      leave(staying);
    }
    staying = connection;
    void clock.sleep(longestStayMs, over.signal).then(
      () => leave(connection),
      // The visit has ended before.
      () => undefined,
    );
  };
  return {
    async configuration(request) {
      const opened: AnnouncedConnection[] = [];
      let isServed = false;
      try {
        const { configuration, connection } = await readConfiguration(options, pace, request, opened);
        stay(connection);
        return configuration;
      } finally {
        for (const { connection } of opened) {
          if (connection === staying) {
            isServed = true;
          } else if (isServed) {
            leaving.push(leaveAfterFrame(connection, options, request.signal));
          } else {
            leave(connection);
          }
        }
      }
    },
    async end() {
      over.abort();
      await Promise.all([...leaving, staying?.leave()]);
    },
  };
}

/**
 * Leaves a connection that was opened after the one that was served. The control plane may still export for
 * it, and takes it for an error if nobody is there any more to be sent that.
 */
async function leaveAfterFrame(
  connection: ClusterConnection,
  { firstFrameTimeoutMs = defaultFirstFrameTimeoutMs }: ClusterEndpointOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  await ignoreErrors(connection.nextFrame(firstFrameTimeoutMs, signal));
  await connection.leave();
}

async function openConnection(
  options: ClusterEndpointOptions,
  { dataPlaneVersion, signal }: ConfigurationRequest,
  pluginVersions: PluginVersions,
): Promise<AnnouncedConnection> {
  const { connect = connectToCluster, customPlugins, wasmFilters } = options;
  const connection = await connect(
    options,
    {
      id: stableNodeId(options.nodeSeed, dataPlaneVersion),
      hostName: 'lifeboat-export',
      version: dataPlaneVersion,
      plugins: dataPlanePlugins(dataPlaneVersion, customPlugins, pluginVersions, wasmFilters),
      wasmFilters,
    },
    signal,
  );
  return { connection, pluginVersions };
}

/** @param opened takes each connection that was opened, also those that gave nothing */
async function readConfiguration(
  options: ClusterEndpointOptions,
  pace: Pace,
  request: ConfigurationRequest,
  opened: AnnouncedConnection[],
): Promise<{ readonly configuration: ControlPlaneConfiguration; readonly connection: ClusterConnection }> {
  const { maxFrameBytes = defaultMaxFrameBytes, clock } = options;
  const { maxJsonBytes = largestInflation * maxFrameBytes } = options;
  const { signal } = request;
  const { namedVersionsTimeoutMs = 5_000 } = options;
  const startedMs = clock.monotonicMs();
  const first = await awaitFirstFrame({
    ...options,
    ...request,
    // A second connection makes a slow control plane export a second time: it gets the time that it needs.
    namedVersionsTimeoutMs: Math.max(namedVersionsTimeoutMs, 2 * pace.slowestFirstFrameMs),
    open: async (pluginVersions) => {
      const connection = await openConnection(options, request, pluginVersions);
      opened.push(connection);
      return connection;
    },
  });
  const { connection, pluginVersions } = first;
  if (connection === opened[0]?.connection) {
    pace.slowestFirstFrameMs = Math.max(pace.slowestFirstFrameMs, clock.monotonicMs() - startedMs);
  }
  // After a change the file is needed; after a scheduled check it seldom is.
  const makeFile = request.changedAt !== undefined;
  const read = (frame: Uint8Array): Promise<CheckedFrame> =>
    readFrame(frame, { maxJsonBytes, signal, makeFile, receivedAt: clock.now() });
  let newest = await read(first.frame);
  for (;;) {
    const decision = settle(options.settle, {
      now: clock.now(),
      changedAt: request.changedAt,
      configHash: request.configHash,
      frame: newest,
    });
    if (decision === 'take') {
      return { configuration: { ...newest, settled: true, pluginVersions }, connection };
    }
    const waitMs = typeof decision === 'object' ? decision.waitMs : 0;
    const waitingSinceMs = clock.monotonicMs();
    const readAfterMs = surelyReadAfterMs(options.settle, newest);
    if (readAfterMs !== undefined) {
      const readAfter = new Date(readAfterMs);
      await request.onEarly?.({ ...newest, settled: false, pluginVersions, readAfter });
    }
    // What came meanwhile is read also where no time is left.
    const leftMs = Math.max(0, waitMs - (clock.monotonicMs() - waitingSinceMs));
    const frame = await nextFrameInTime(connection, leftMs, signal);
    if (frame === 'lost') {
      return { configuration: { ...newest, settled: false, pluginVersions }, connection };
    }
    if (frame !== 'nothing') {
      newest = await read(frame);
    }
  }
}
