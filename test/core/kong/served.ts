import { createHash } from 'node:crypto';
import type { ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import { readFrame } from '../../../core/kong/frame.ts';
import { frameOf } from './recording.ts';

/** When `served` built its configurations, if nothing else is said. */
export const builtAt = new Date('2026-11-23T04:00:00Z');

/** A configuration as a control plane would serve it; its hash is that of the table. */
export async function served(
  table: object,
  at: Date = builtAt,
  settled = true,
): Promise<ControlPlaneConfiguration> {
  const frame = frameOf(table, {
    timestamp: at.getTime() / 1000,
    config_hash: createHash('md5').update(JSON.stringify(table)).digest('hex'),
  });
  return {
    settled,
    pluginVersions: 'named',
    ...(await readFrame(frame, { maxJsonBytes: 2 ** 30, makeFile: true })),
  };
}
