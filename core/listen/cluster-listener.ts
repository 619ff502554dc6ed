import { type ClusterAddress, connectToCluster } from '../kong/cluster-connection.ts';
import { defaultMaxFrameBytes, largestInflation } from '../kong/cluster-endpoint.ts';
import { frameHashDigest } from '../kong/frame-hash.ts';
import { stableNodeId } from '../kong/node-id.ts';
import { dataPlanePlugins } from '../kong/plugin-names.ts';
import type { ListenerParts } from './listener.ts';

export interface ClusterListenerOptions extends ClusterAddress {
  /** What tells this deployment and control plane from all others. */
  readonly nodeSeed: string;
  /** Names of configured plugins that are not Kong's own. */
  readonly customPlugins: readonly string[];
  /** Names of the wasm filters that the control plane has. @default none */
  readonly wasmFilters?: readonly string[] | undefined;
}

/**
 * Connects to a cluster endpoint as the one node that a control plane lists for its listener, and reads
 * frames as their hashes.
 */
export function clusterListener(options: ClusterListenerOptions): ListenerParts['connect'] {
  const { maxFrameBytes = defaultMaxFrameBytes, customPlugins, wasmFilters } = options;
  const makeDigest = () => frameHashDigest(largestInflation * maxFrameBytes);
  const id = stableNodeId(options.nodeSeed, 'listener');
  return ({ version, pluginVersions }, signal) =>
    connectToCluster(
      { ...options, makeDigest },
      {
        id,
        hostName: 'lifeboat-listener',
        version,
        plugins: dataPlanePlugins(version, customPlugins, pluginVersions, wasmFilters),
        wasmFilters,
      },
      signal,
    );
}
