import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const fixtures = join(import.meta.dirname ?? '', '../../fixtures/kong-3.9.1');

export interface RecordedFrame {
  readonly config_table: Readonly<Record<string, unknown>>;
  readonly config_hash: string;
  readonly timestamp: number;
}

/** What a real control plane sent to a data plane of that version, inflated. */
export function recordedFrameJson(version: string): Buffer {
  return readFileSync(join(fixtures, `cluster/reconfigure-${version}.json`));
}

export function recordedFrame(version: string): { readonly frame: Buffer; readonly content: RecordedFrame } {
  const json = recordedFrameJson(version);
  return { frame: gzipSync(json), content: JSON.parse(json.toString('utf8')) as RecordedFrame };
}

/** A frame around a table of the test's own. */
export function frameOf(configTable: object, rest: object = {}): Buffer {
  return gzipSync(
    JSON.stringify({
      type: 'reconfigure',
      timestamp: 1_795_377_393.298,
      config_table: { _format_version: '3.0', _transform: false, ...configTable },
      config_hash: '0123456789abcdef0123456789abcdef',
      hashes: {},
      ...rest,
    }),
  );
}
