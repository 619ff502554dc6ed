import { gzipSync } from 'node:zlib';
import type { ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import { readFrame } from '../../../core/kong/frame.ts';
import { rewriteJson, seededChance } from './notation.ts';
import { builtAt } from './served.ts';

export interface Serving {
  /** The hash that the control plane gives it, whatever is in the table. */
  readonly configHash?: string;
  /** How the table is written; the same number is the same bytes. */
  readonly notation?: number;
  readonly at?: Date;
  readonly hasTimestamp?: boolean;
}

/** A table as a control plane serves it, under a hash and in a notation of the test's own. */
export async function serveTable(
  table: object,
  { configHash = 'c'.repeat(32), notation = 1, at = builtAt, hasTimestamp = true }: Serving = {},
): Promise<ControlPlaneConfiguration> {
  const json = rewriteJson({ _format_version: '3.0', _transform: false, ...table }, seededChance(notation));
  const frame = gzipSync(
    `{"type":"reconfigure","timestamp":${at.getTime() / 1000},"config_hash":"${configHash}","config_table":${json}}`,
  );
  return {
    settled: true,
    pluginVersions: 'named',
    ...(await readFrame(frame, { maxJsonBytes: 2 ** 20, makeFile: notation % 2 === 0 })),
    hasTimestamp,
  };
}
