/** What the control plane sends: its database, hashed, reduced for older data planes, and compressed. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { versionNumbers } from './compatibility.ts';
import { type Configuration, type Entity, primaryKey } from './configuration.ts';
import { entityTypes } from './entities.ts';
import { type ConfigTable, readRecordedFrame, recordedVersions } from './recording.ts';
import { isRecord } from './records.ts';

/** One number for ordering; each part of a Kong version is below 1,000. */
function comparable(version: string): number {
  const [major, minor, patch] = versionNumbers(version) ?? [0, 0, 0];
  return (major * 1000 + minor) * 1000 + patch;
}

/** A field that data planes of some version do not know, by the plugin whose `config` has it. */
interface RemovedField {
  readonly plugin: string;
  readonly path: readonly string[];
}

function rowsOf(table: ConfigTable, name: string): readonly Entity[] {
  const rows = table[name];
  return Array.isArray(rows) ? (rows as readonly Entity[]) : [];
}

/** Paths that `newer` has and `older` has not. */
function findMissingPaths(newer: Entity, older: Entity): readonly (readonly string[])[] {
  return Object.entries(newer).flatMap(([field, value]) => {
    if (!(field in older)) {
      return [[field]];
    }
    const other = older[field];
    if (!isRecord(value) || !isRecord(other)) {
      return [];
    }
    return findMissingPaths(value, other).map((path) => [field, ...path]);
  });
}

/** What the recorded control plane took out for a data plane of the given version: only fields of plugins. */
function findRemovedFields(version: (typeof recordedVersions)[number]): readonly RemovedField[] {
  const older = new Map(
    rowsOf(readRecordedFrame(version).config_table, 'plugins').map((row) => [primaryKey(row), row]),
  );
  return rowsOf(readRecordedFrame('3.9.1').config_table, 'plugins').flatMap((plugin) =>
    findMissingPaths(plugin, older.get(primaryKey(plugin)) ?? plugin).map((path) => ({
      plugin: String(plugin['name']),
      path,
    })),
  );
}

function withoutField(row: Entity, [field, ...deeper]: readonly string[]): Entity {
  if (field === undefined || !(field in row)) {
    return row;
  }
  const { [field]: value, ...rest } = row;
  if (deeper.length === 0) {
    return rest;
  }
  const inner = isRecord(value) ? withoutField(value, deeper) : value;
  return inner === value ? row : { ...row, [field]: inner };
}

const removedFieldsByVersion = new Map(
  recordedVersions.map((version) => [version, findRemovedFields(version)]),
);

/**
 * The newest recording that is not newer than the version: a data plane refuses fields that it does not know.
 */
function nearestRecording(version: string): (typeof recordedVersions)[number] {
  const wanted = comparable(version);
  return recordedVersions.find((candidate) => comparable(candidate) <= wanted) ?? '3.4.0';
}

/**
 * Kong's copy of a table for an older data plane has `{}` in place of each empty list (recorded for 3.4.0).
 */
function emptyListsAsRecords(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.length === 0 ? {} : value.map(emptyListsAsRecords);
  }
  return isRecord(value) ? mapValues(value, emptyListsAsRecords) : value;
}

function mapValues(row: Entity, change: (value: unknown) => unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(row).map(([field, value]) => [field, change(value)]));
}

function hasField(row: unknown, [field, ...deeper]: readonly string[]): boolean {
  return field === undefined || (isRecord(row) && field in row && hasField(row[field], deeper));
}

/** What a data plane of that version does not know of a plugin that is configured. */
function fieldsToRemove(plugin: Entity, version: string): readonly RemovedField[] {
  const removed = removedFieldsByVersion.get(nearestRecording(version)) ?? [];
  return removed.filter((field) => field.plugin === plugin['name'] && hasField(plugin, field.path));
}

function downConvert(table: ConfigTable, version: string): ConfigTable {
  const plugins = rowsOf(table, 'plugins');
  const converted = plugins.map((plugin) =>
    fieldsToRemove(plugin, version).reduce((row, { path }) => withoutField(row, path), plugin),
  );
  // Kong copies only where there was something to remove.
  if (converted.every((plugin, index) => plugin === plugins[index])) {
    return table;
  }
  return mapValues({ ...table, plugins: converted }, emptyListsAsRecords);
}

/** What Kong logs of each field that it takes out (kong/clustering/compat/init.lua). */
function describeRemovals(table: ConfigTable, version: string): readonly string[] {
  return rowsOf(table, 'plugins').flatMap((plugin) =>
    fieldsToRemove(plugin, version).map(({ path: [, ...field] }) => {
      const name = String(plugin['name']).replaceAll('-', '_');
      return `${name} plugin contains configuration '${field.join('.')}' which is incompatible with dataplane and will be ignored`;
    }),
  );
}

/** The database as a frame has it: without disabled services and plugins, and without what refers to them. */
function exportTable(configuration: Configuration): ConfigTable {
  const leftOut = new Set<string>();
  const isLeftOut = (type: string, row: Entity) =>
    ((type === 'services' || type === 'plugins') && row['enabled'] === false) ||
    Object.keys(entityTypes.get(type)?.references ?? {}).some((field) => leftOut.has(String(row[field])));

  // Services first, then routes: a plugin may belong to a route of a disabled service.
  const types = new Set(['services', 'routes', ...configuration.types()]);
  const lists = [...types].map((type) => {
    const rows = configuration.rows(type).filter((row) => {
      if (!isLeftOut(type, row)) {
        return true;
      }
      leftOut.add(primaryKey(row));
      return false;
    });
    return [type, rows] as const;
  });
  return {
    _format_version: '3.0',
    _transform: false,
    ...Object.fromEntries(lists.filter(([, rows]) => rows.length > 0)),
  };
}

/** JSON with its keys in order: the order in which fields were given must not change a hash. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

function md5(value: unknown): string {
  return createHash('md5').update(canonicalJson(value)).digest('hex');
}

/**
 * Kong has a hash for each of these, 32 zeros for a type without rows (kong/clustering/config_helper.lua).
 */
const hashedTypes = ['routes', 'services', 'plugins', 'upstreams', 'targets'] as const;
const emptyHash = '0'.repeat(32);

function computeHashes(table: ConfigTable): ReadonlyMap<string, string> {
  const perType = hashedTypes.map((type) => {
    const rows = rowsOf(table, type);
    return [type, rows.length === 0 ? emptyHash : md5(rows)] as const;
  });
  return new Map([...perType, ['config', md5(table)]]);
}

const recorded = readRecordedFrame('3.9.1');
const recordedAsComputed = computeHashes(recorded.config_table);

/** Computed hashes, except that a part which is as it was recorded keeps its recorded hash. */
function hashTable(table: ConfigTable): Readonly<Record<string, string>> {
  const hashes = [...computeHashes(table)].map(([name, hash]) => [
    name,
    hash === recordedAsComputed.get(name) ? (recorded.hashes[name] ?? hash) : hash,
  ]);
  return Object.fromEntries(hashes);
}

export interface Payload {
  /** md5 of the undiluted configuration. */
  readonly configHash: string;
  /** Names of the plugins in it: a data plane that lacks one gets nothing. */
  readonly plugins: ReadonlySet<string>;
  /** What a data plane of that version is sent. */
  table(version: string): ConfigTable;
  /** What the log says of that, once for each frame. */
  removals(version: string): readonly string[];
  /** The message around that table. */
  message(version: string): Readonly<Record<string, unknown>>;
  /** The same as a frame, gzip. */
  frame(version: string): Buffer;
}

/** What is particular to one control plane. */
export interface PayloadStyle {
  /** How long its export takes. What changes meanwhile is not in it, though its timestamp is later. */
  readonly exportMs: number;
  /** Changes what an older data plane is sent, as a patch of the control plane may. */
  readonly downConversion: (table: ConfigTable, version: string) => ConfigTable;
  /** Changes a message before it is compressed. */
  readonly message: (message: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** Lua's tables have no order: their keys come in another one after each start. */
  readonly keyOrder: string;
}

const plainStyle: PayloadStyle = {
  exportMs: 0,
  downConversion: (table) => table,
  message: (message) => message,
  keyOrder: '',
};

/** Puts the keys of each record into an order of their own, by a hash of each key. */
function orderKeys(value: unknown, order: string): unknown {
  const ranks = new Map<string, string>();
  const rank = (key: string) => {
    const known = ranks.get(key);
    if (known !== undefined) {
      return known;
    }
    const computed = createHash('md5')
      .update(order + key)
      .digest('hex');
    ranks.set(key, computed);
    return computed;
  };
  const place = (inner: unknown): unknown => {
    if (Array.isArray(inner)) {
      return inner.map(place);
    }
    if (!isRecord(inner)) {
      return inner;
    }
    const keys = Object.keys(inner).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    return Object.fromEntries(keys.map((key) => [key, place(inner[key])]));
  };
  return place(value);
}

/** What would be sent if it were built now, and took no time. */
export function buildPayload(configuration: Configuration, style: PayloadStyle = plainStyle): Payload {
  return makePayload(exportTable(configuration), style);
}

function makePayload(undiluted: ConfigTable, style: PayloadStyle): Payload {
  // Reckoned when they are first asked for: who only compares tables asks often.
  let hashes: Readonly<Record<string, string>> | undefined;
  const readHashes = () => {
    hashes ??= hashTable(undiluted);
    return hashes;
  };
  const readConfigHash = () => readHashes()['config'] ?? emptyHash;
  // When the export ends: docs/kong.md#the-cluster-endpoint.
  const timestamp = Date.now() / 1000;
  const table = (version: string) => style.downConversion(downConvert(undiluted, version), version);
  const message = (version: string) =>
    style.message({
      type: 'reconfigure',
      timestamp,
      config_table: orderKeys(table(version), style.keyOrder),
      config_hash: readConfigHash(),
      hashes: readHashes(),
    });
  const frames = new Map<string, Buffer>();
  return {
    get configHash() {
      return readConfigHash();
    },
    plugins: new Set(rowsOf(undiluted, 'plugins').map((plugin) => String(plugin['name']))),
    table,
    removals: (version) => describeRemovals(undiluted, version),
    message,
    frame(version) {
      const frame = frames.get(version) ?? gzipSync(JSON.stringify(message(version)));
      frames.set(version, frame);
      return frame;
    },
  };
}

/** Exports as it takes: what changes meanwhile is not in it. */
export async function exportPayload(configuration: Configuration, style: PayloadStyle): Promise<Payload> {
  const table = exportTable(configuration);
  if (style.exportMs > 0) {
    await delay(style.exportMs);
  }
  return makePayload(table, style);
}

/**
 * Asks for a payload after changes: at most once per `updateFrequencySeconds`, and not before a twentieth of
 * that time has passed since the change. At Kong's default of 5 s a change is sent after 0.25 s to 5 s.
 *
 * @returns what ends it
 */
export function rebuildAfterChanges(
  configuration: Configuration,
  updateFrequencySeconds: number,
  rebuild: () => void,
): () => void {
  const frequencyMilliseconds = updateFrequencySeconds * 1000;
  let builtAt = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const unsubscribe = configuration.onChange(() => {
    const sinceBuild = performance.now() - builtAt;
    timer ??= setTimeout(
      () => {
        timer = undefined;
        builtAt = performance.now();
        rebuild();
      },
      Math.max(frequencyMilliseconds / 20, frequencyMilliseconds - sinceBuild),
    );
  });
  return () => {
    unsubscribe();
    clearTimeout(timer);
  };
}
