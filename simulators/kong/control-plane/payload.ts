/** What the control plane sends: exported from its database, hashed, cut down for older data planes, compressed. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Configuration, type Entity, primaryKey } from './configuration.ts';
import { entityTypes } from './entities.ts';
import { type ConfigTable, recordedFrame, recordedVersions } from './recording.ts';
import { isRecord } from './records.ts';

/** `3.9.1` → [3, 9, 1]; undefined for what Kong cannot read either (kong/clustering/compat/version.lua). */
export function versionNumbers(version: string): readonly [number, number, number] | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

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
function missingPaths(newer: Entity, older: Entity): readonly (readonly string[])[] {
  return Object.entries(newer).flatMap(([field, value]) => {
    if (!(field in older)) return [[field]];
    const other = older[field];
    if (!isRecord(value) || !isRecord(other)) return [];
    return missingPaths(value, other).map((path) => [field, ...path]);
  });
}

/** What the recorded control plane took out for a data plane of the given version: fields of plugins, nothing else. */
function removedFields(version: (typeof recordedVersions)[number]): readonly RemovedField[] {
  const older = new Map(
    rowsOf(recordedFrame(version).config_table, 'plugins').map((row) => [primaryKey(row), row]),
  );
  return rowsOf(recordedFrame('3.9.1').config_table, 'plugins').flatMap((plugin) =>
    missingPaths(plugin, older.get(primaryKey(plugin)) ?? plugin).map((path) => ({
      plugin: String(plugin['name']),
      path,
    })),
  );
}

function without(row: Entity, [field, ...deeper]: readonly string[]): Entity {
  if (field === undefined || !(field in row)) return row;
  const { [field]: value, ...rest } = row;
  if (deeper.length === 0) return rest;
  if (!isRecord(value)) return row;
  const inner = without(value, deeper);
  return inner === value ? row : { ...row, [field]: inner };
}

const removedFieldsByVersion = new Map(recordedVersions.map((version) => [version, removedFields(version)]));

/** The newest recording that is not newer than the version: a field too few is safe, a field too many is refused. */
function nearestRecording(version: string): (typeof recordedVersions)[number] {
  const wanted = comparable(version);
  return recordedVersions.find((candidate) => comparable(candidate) <= wanted) ?? '3.4.0';
}

/** Kong's copy of a table for an older data plane forgets which of the empty tables in it were lists (recorded for 3.4.0). */
function emptyListsAsRecords(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? {} : value.map(emptyListsAsRecords);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => [field, emptyListsAsRecords(inner)]),
  );
}

function downConverted(table: ConfigTable, version: string): ConfigTable {
  const removed = removedFieldsByVersion.get(nearestRecording(version)) ?? [];
  const plugins = rowsOf(table, 'plugins');
  const converted = plugins.map((plugin) =>
    removed
      .filter((field) => field.plugin === plugin['name'])
      .reduce((row, { path }) => without(row, path), plugin),
  );
  // Kong copies only where there was something to remove.
  if (converted.every((plugin, index) => plugin === plugins[index])) return table;
  const copy = Object.entries({ ...table, plugins: converted }).map(([name, value]) => [
    name,
    emptyListsAsRecords(value),
  ]);
  return Object.fromEntries(copy);
}

/**
 * The database as a frame holds it: without what is disabled, and without what hangs on that
 * (docs/kong.md#the-cluster-endpoint).
 */
function exported(configuration: Configuration): ConfigTable {
  const types = configuration.types();
  const leftOut = new Set<string>();
  const hangsOnLeftOut = (name: string, row: Entity) =>
    Object.keys(entityTypes.get(name)?.references ?? {}).some((field) => leftOut.has(String(row[field])));
  const disabled = (name: string, row: Entity) =>
    (name === 'services' || name === 'plugins') && row['enabled'] === false;

  // Services first, then routes: a plugin may hang on a route that hangs on a disabled service.
  const order = ['services', 'routes', ...types.filter((name) => name !== 'services' && name !== 'routes')];
  const lists = order.map((name) => {
    const rows = configuration.rows(name).filter((row) => {
      if (!disabled(name, row) && !hangsOnLeftOut(name, row)) return true;
      leftOut.add(primaryKey(row));
      return false;
    });
    return [name, rows] as const;
  });
  return {
    _format_version: '3.0',
    _transform: false,
    ...Object.fromEntries(lists.filter(([, rows]) => rows.length > 0)),
  };
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, canonical(value[key])]),
  );
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** Rows are never changed, only replaced: hashing 30,000 of them once is enough. */
const rowHashes = new WeakMap<Entity, string>();

function rowHash(row: Entity): string {
  const known = rowHashes.get(row);
  if (known !== undefined) return known;
  const hash = md5(JSON.stringify(canonical(row)));
  rowHashes.set(row, hash);
  return hash;
}

/** Kong has a hash of its own for each of these, and 32 zeros where there are no rows (kong/clustering/config_helper.lua). */
const hashedTypes = ['routes', 'services', 'plugins', 'upstreams', 'targets'] as const;
const emptyHash = '0'.repeat(32);

function computedHashes(table: ConfigTable): Readonly<Record<string, string>> {
  const perType = Object.entries(table)
    .filter(([, rows]) => Array.isArray(rows))
    .map(([name]) => [name, md5(rowsOf(table, name).map(rowHash).join(''))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const all = new Map<string, string>(perType);
  return {
    ...Object.fromEntries(hashedTypes.map((name) => [name, all.get(name) ?? emptyHash])),
    config: md5(JSON.stringify(perType)),
  };
}

const recorded = recordedFrame('3.9.1');
const recordedAsComputed = computedHashes(recorded.config_table);

/** Ours, except that what is as it was recorded keeps the recorded hash. */
function hashesOf(table: ConfigTable): Readonly<Record<string, string>> {
  const entries = Object.entries(computedHashes(table)).map(([name, hash]) => [
    name,
    hash === recordedAsComputed[name] ? (recorded.hashes[name] ?? hash) : hash,
  ]);
  return Object.fromEntries(entries);
}

export interface Payload {
  /** When it was built, epoch seconds. */
  readonly timestamp: number;
  /** md5 of the undiluted configuration. */
  readonly configHash: string;
  /** Names of the plugins in it: a data plane that lacks one gets nothing. */
  readonly plugins: ReadonlySet<string>;
  /** What a data plane of that version is sent. */
  table(version: string): ConfigTable;
  /** The message around that table. */
  message(version: string): Readonly<Record<string, unknown>>;
  /** The same as a frame, gzip. */
  frame(version: string): Buffer;
}

/** @param now milliseconds since 1970 */
export function buildPayload(configuration: Configuration, now: number): Payload {
  const undiluted = exported(configuration);
  const hashes = hashesOf(undiluted);
  const configHash = hashes['config'] ?? emptyHash;
  const timestamp = now / 1000;
  const frames = new Map<string, Buffer>();
  const table = (version: string) => downConverted(undiluted, version);
  const message = (version: string) => ({
    type: 'reconfigure',
    timestamp,
    config_table: table(version),
    config_hash: configHash,
    hashes,
  });
  return {
    timestamp,
    configHash,
    plugins: new Set(rowsOf(undiluted, 'plugins').map((plugin) => String(plugin['name']))),
    table,
    message,
    frame: (version) => {
      const recording = nearestRecording(version);
      const known = frames.get(recording);
      if (known !== undefined) return known;
      const frame = gzipSync(JSON.stringify(message(version)));
      frames.set(recording, frame);
      return frame;
    },
  };
}

export interface PayloadBuilder {
  /** What is sent now: it may be older than the database by up to the update frequency. */
  current(): Payload;
  /** Calls back after each build but the first. */
  onBuilt(listener: () => void): void;
  stop(): void;
}

/**
 * Builds a payload at the start and after changes, at most one per `updateFrequencySeconds`, and none before a twentieth
 * of it has passed since the change: 0.25 s to 5 s at Kong's default of 5 s
 * (docs/kong.md#the-cluster-endpoint).
 */
export function buildPayloads(options: {
  readonly configuration: Configuration;
  readonly updateFrequencySeconds: number;
  readonly now: () => number;
}): PayloadBuilder {
  const { configuration, now } = options;
  const frequencyMilliseconds = options.updateFrequencySeconds * 1000;
  let payload = buildPayload(configuration, now());
  // The monotonic clock: a clock that a test sets must not stop the rebuilding.
  let builtAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let announce: () => void = () => undefined;

  const rebuild = () => {
    timer = undefined;
    payload = buildPayload(configuration, now());
    builtAt = performance.now();
    announce();
  };
  const unsubscribe = configuration.onChange(() => {
    const sinceBuild = performance.now() - builtAt;
    timer ??= setTimeout(rebuild, Math.max(frequencyMilliseconds / 20, frequencyMilliseconds - sinceBuild));
  });
  return {
    current: () => payload,
    onBuilt: (listener) => {
      announce = listener;
    },
    stop: () => {
      unsubscribe();
      clearTimeout(timer);
    },
  };
}
