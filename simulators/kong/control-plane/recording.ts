/** The recorded control plane: everything that the simulator knows of a real Kong 3.9.1 (docs/kong.md). */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { record, recordOf } from './records.ts';

const folder = new URL('../../../test/fixtures/kong-3.9.1/', import.meta.url);
const reconfigure = v.object({
  config_table: record,
  config_hash: v.string(),
  hashes: recordOf(v.string()),
});

const root = v.object({
  plugins: v.object({ available_on_server: recordOf(v.object({ version: v.string() })) }),
});

/** What a control plane sends: `_format_version`, `_transform`, and a list of rows for each entity type. */
export type ConfigTable = Readonly<Record<string, unknown>>;

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, folder), 'utf8'));
}

/** The data plane versions that frames were recorded for, newest first. */
export const recordedVersions = ['3.9.1', '3.8.1', '3.4.0'] as const;

/** The frame that was sent to a data plane of the given version, decompressed. */
export function readRecordedFrame(
  version: (typeof recordedVersions)[number],
): v.InferOutput<typeof reconfigure> {
  return v.parse(reconfigure, readJson(`cluster/reconfigure-${version}.json`));
}

/** The recorded database in the form of a frame, with the disabled rows, which frames leave out. */
export function readRecordedDatabase(): ConfigTable {
  const database = v.parse(record, readJson('db-export.json'));
  return { ...readRecordedFrame('3.9.1').config_table, ...database };
}

/** The plugins of the recorded control plane: name → version. */
export function readRecordedPlugins(): ReadonlyMap<string, string> {
  const { plugins } = v.parse(root, readJson('admin-api/root.json'));
  return new Map(Object.entries(plugins.available_on_server).map(([name, { version }]) => [name, version]));
}
