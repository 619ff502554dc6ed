import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../vault/manifest.ts';
import { findKongSetting, isKongSettingOn, pidFilePath } from './kong-env.ts';

/** A configuration that a node has from before it was started, in its cache. */
export interface StaleCache {
  /** What the node's status shows. */
  readonly hash: string;
  /** When Kong last wrote to the cache; epoch. */
  readonly writtenMs: number;
}

export interface ObservedCache extends StaleCache {
  /** Kong is not connected to its control plane. */
  readonly isSilent: boolean;
}

export interface StaleCacheQuestion {
  readonly prefix: string;
  /** What the node's status shows. */
  readonly hash: string;
  readonly maxAgeMs: number;
  readonly now: Date;
}

/**
 * The cache that a node runs on, if it is older than allowed and from before the node's start. Whatever
 * cannot be told for certain counts as a configuration to be left alone.
 */
export async function findStaleCache(question: StaleCacheQuestion): Promise<ObservedCache | undefined> {
  const { prefix, hash, maxAgeMs, now } = question;
  const writtenMs = await readCacheWrittenMs(prefix);
  const startedMs = await readModifiedMs(pidFilePath(prefix));
  if (writtenMs === undefined || startedMs === undefined) {
    return undefined;
  }
  // A machine whose clock was set after the control plane had delivered would show a new cache as an old one:
  // both times are of its clock.
  const isFromBefore = writtenMs < startedMs;
  const isOld = now.getTime() - writtenMs >= maxAgeMs;
  return isFromBefore && isOld ? { hash, writtenMs, isSilent: await isSilent(prefix) } : undefined;
}

/**
 * Whether a published file may replace a cache: it is another configuration, and was read from the control
 * plane after the cache was written.
 */
export function isNewerThan({ hash, writtenMs }: StaleCache, manifest: Manifest): boolean {
  const { configHash, md5, builtAt, exportedAt } = manifest;
  return (
    configHash !== hash && md5 !== hash && builtAt.getTime() > writtenMs && exportedAt.getTime() > writtenMs
  );
}

/** Whether a node has still the cache that was seen, and no connection to its control plane. */
export async function isUnchanged(cache: StaleCache, prefix: string, hash: string): Promise<boolean> {
  return (
    hash === cache.hash && (await readCacheWrittenMs(prefix)) === cache.writtenMs && (await isSilent(prefix))
  );
}

/**
 * LMDB writes with each configuration, and only then: not when Kong opens it, nor when it gets what it has
 * (kong/clustering/data_plane.lua).
 */
function readCacheWrittenMs(prefix: string): Promise<number | undefined> {
  return readModifiedMs(join(prefix, 'dbless.lmdb/data.mdb'));
}

async function readModifiedMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

/**
 * Whether a node that shows no configuration has none for certain. With incremental sync what it shows is a
 * sync version, and the first version of a control plane that was filled by `db_import` is 0, too
 * (kong/clustering/services/sync/rpc.lua): the node proxies, and shows what an empty one shows.
 */
export async function isSurelyEmpty(prefix: string): Promise<boolean> {
  // Where the settings cannot be read it cannot be seeded anyway, and that says why.
  return !(await isKongSettingOn(prefix, 'cluster_incremental_sync')) || isSilent(prefix);
}

/**
 * Whether Kong has no connection to its control plane. One that is there and has nothing new to say looks
 * like one that is away: neither the node's hash nor its cache changes.
 */
async function isSilent(prefix: string): Promise<boolean> {
  const [endpoint = '', usesProxy, pid = ''] = await Promise.all([
    findKongSetting(prefix, 'cluster_control_plane'),
    isKongSettingOn(prefix, 'cluster_use_proxy'),
    readFile(pidFilePath(prefix), 'latin1').catch(() => undefined),
  ]);
  const port = /:(\d{1,5})$/.exec(endpoint)?.[1];
  if (port === undefined || usesProxy || !/^\s*\d{1,10}\s*$/.test(pid)) {
    return false;
  }
  // Of Kong's network namespace, which need not be ours.
  const tables = ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid.trim()}/net/${name}`, 'latin1'));
  return Promise.all(tables).then(
    (texts) => !texts.some((text) => hasConnectionTo(Number(port), text)),
    // Without /proc (macOS), or without a look into it.
    () => false,
  );
}

/**
 * @param table of proc_pid_net(5): `sl local_address rem_address st ...`, addresses and ports in hex, 01 is
 * an established connection
 */
function hasConnectionTo(port: number, table: string): boolean {
  return table.split('\n').some((line) => {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    return state === '01' && Number.parseInt(remote.split(':')[1] ?? '', 16) === port;
  });
}
