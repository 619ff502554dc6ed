import type { Clock } from '../clock.ts';
import { type ClusterAddress, type ClusterConnection, connectToCluster } from './cluster-connection.ts';
import type {
  ConfigurationRequest,
  ControlPlane,
  ControlPlaneConfiguration,
  ControlPlaneVisit,
} from './control-plane.ts';
import { ControlPlaneError } from './errors.ts';
import { type CheckedFrame, readFrame } from './frame.ts';
import { stableNodeId } from './node-id.ts';
import { dataPlanePlugins } from './plugin-names.ts';
import { type SettlePolicy, settle } from './settle.ts';

export interface ClusterEndpointOptions extends ClusterAddress {
  /** What tells this deployment and control plane from all others: node ids are made of it. */
  readonly nodeSeed: string;
  /** Names of configured plugins that are not Kong's own. */
  readonly customPlugins: readonly string[];
  readonly settle: SettlePolicy;
  /** Largest frame that is read, inflated. @default 1 GiB */
  readonly maxJsonBytes?: number;
  /** For the first frame after the connection: a control plane sends it at once. @default 20,000 */
  readonly firstFrameTimeoutMs?: number;
  readonly clock: Clock;
  /** The way in. @default a WebSocket over TLS */
  readonly connect?: typeof connectToCluster | undefined;
}

/**
 * A control plane, read as a data plane reads it: over its cluster endpoint, with a data plane's certificate
 * and without any admin right (kong/clustering/control_plane.lua; docs/kong.md#the-cluster-endpoint). Each
 * configuration has a connection of its own. None pings, so that the control plane does not list us.
 */
export function clusterEndpointControlPlane(options: ClusterEndpointOptions): ControlPlane {
  return { visit: () => visitClusterEndpoint(options) };
}

/**
 * Of the connections that served something one stays: with no client left the control plane would drop its
 * payload. It is always the last one, for a client that does not ping is dropped after 45 s.
 */
function visitClusterEndpoint(options: ClusterEndpointOptions): ControlPlaneVisit {
  let staying: ClusterConnection | undefined;
  const leaving: Promise<void>[] = [];
  return {
    async configuration(request) {
      const connection = await connect(options, request);
      try {
        const configuration = await readConfiguration(connection, options, request);
        connection.dropFrames();
        if (staying !== undefined) {
          leaving.push(staying.leave());
        }
        staying = connection;
        return configuration;
      } catch (error) {
        leaving.push(connection.leave());
        throw error;
      }
    },
    async end() {
      await Promise.all([...leaving, staying?.leave()]);
    },
  };
}

function connect(
  options: ClusterEndpointOptions,
  { dataPlaneVersion, signal }: ConfigurationRequest,
): Promise<ClusterConnection> {
  const { connect: open = connectToCluster } = options;
  return open(
    options,
    {
      id: stableNodeId(options.nodeSeed, dataPlaneVersion),
      hostName: 'lifeboat-export',
      version: dataPlaneVersion,
      plugins: dataPlanePlugins(dataPlaneVersion, options.customPlugins),
    },
    signal,
  );
}

async function readConfiguration(
  connection: ClusterConnection,
  options: ClusterEndpointOptions,
  request: ConfigurationRequest,
): Promise<ControlPlaneConfiguration> {
  const { maxJsonBytes = 2 ** 30, firstFrameTimeoutMs = 20_000, clock } = options;
  const pluginVersions = request.pluginVersions ?? 'named';
  let newest: CheckedFrame | undefined;
  for (;;) {
    const decision = settle(options.settle, {
      now: clock.now(),
      changedAt: request.changedAt,
      configHash: request.configHash,
      frame: newest,
    });
    if (newest !== undefined && decision === 'take') {
      return { ...newest, settled: true, pluginVersions };
    }
    const waitMs = typeof decision === 'object' ? decision.waitMs : firstFrameTimeoutMs;
    const frame = await connection.nextFrame(waitMs, request.signal);
    if (frame === 'lost') {
      if (newest === undefined) {
        throw connection.whyLost();
      }
      return { ...newest, settled: false, pluginVersions };
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
}
