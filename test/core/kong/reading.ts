/** Reads a simulated control plane as the export does. */
import { gunzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { connectToCluster } from '../../../core/kong/cluster-connection.ts';
import {
  type ClusterEndpointOptions,
  clusterEndpointControlPlane,
} from '../../../core/kong/cluster-endpoint.ts';
import type { ConfigurationRequest, ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import type { ControlPlane } from '../../../simulators/kong/control-plane/control-plane.ts';
import { eventually } from '../../local/processes.ts';

type Subject = Pick<ControlPlane, 'clusterEndpoint' | 'serverName' | 'certificates'>;

/** Reads as the export does, with patience for a busy machine. */
export function readerOf(controlPlane: Subject, options: Partial<ClusterEndpointOptions> = {}) {
  return clusterEndpointControlPlane({
    endpoint: controlPlane.clusterEndpoint,
    mtls: controlPlane.certificates.ca === undefined ? 'shared' : 'pki',
    serverName: controlPlane.serverName,
    certificate: async () => controlPlane.certificates,
    nodeSeed: 'test',
    customPlugins: [],
    settle: { settleSeconds: 5, clockToleranceSeconds: 0.02 },
    connectTimeoutMs: 60_000,
    firstFrameTimeoutMs: 60_000,
    clock: systemClock,
    ...options,
  });
}

/** Reads one configuration in a visit of its own. */
export async function read(
  controlPlane: Subject,
  request: Partial<ConfigurationRequest> = {},
  options: Partial<ClusterEndpointOptions> = {},
): Promise<ControlPlaneConfiguration> {
  const visit = readerOf(controlPlane, options).visit();
  try {
    return await visit.configuration({ dataPlaneVersion: '3.9.1', ...request });
  } finally {
    await visit.end();
  }
}

export async function tableOf(configuration: ControlPlaneConfiguration): Promise<Record<string, unknown>> {
  const { gzip } = await configuration.file('');
  const { _comment, ...table } = JSON.parse(gunzipSync(gzip).toString('utf8'));
  return table;
}

/** A way in that counts how often a reader has begun to wait for a frame. */
export function countWaits(): { readonly connect: typeof connectToCluster; count(): number } {
  let count = 0;
  return {
    count: () => count,
    async connect(...parameters) {
      const connection = await connectToCluster(...parameters);
      return {
        ...connection,
        nextFrame(...waiting) {
          count += 1;
          return connection.nextFrame(...waiting);
        },
      };
    },
  };
}

/** A ControlPlaneError with this code, whose message has all these words. */
export const failing = (code: string, ...words: readonly string[]) =>
  expect.objectContaining({
    name: 'ControlPlaneError',
    code,
    message: expect.stringMatching(new RegExp(words.map((word) => `(?=.*${word})`).join(''), 's')),
  });

export async function until(condition: () => boolean): Promise<void> {
  expect(await eventually(condition)).toBe(true);
}

export const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
