import type { Clock } from '../clock.ts';
import type { Fetch } from '../fetch/http-client.ts';
import { describeMissingLicence, type LicencePlaces } from './licence.ts';
import { removeLeftover, requireSeedable, type SeedPlace, seedKong } from './seed.ts';
import { findStaleCache, isSurelyEmpty } from './stale-cache.ts';
import { readConfigurationHash } from './status.ts';
import type { WatchedNode } from './watched-node.ts';

export interface WatchedKongOptions extends Omit<SeedPlace, 'clock'> {
  /**
   * Base URL of the status API, looked up for each question: Kong's settings may be written after standby has
   * begun.
   */
  findStatusUrl(): Promise<string>;
  /** Caches that are older than this may be replaced. @default none */
  readonly maxCacheAgeMs?: number | undefined;
  /** For Kong to do something about a file; where its processes cannot be seen, to load it. */
  readonly loadTimeoutMs: number;
  readonly pollMs: number;
  /** See `SeedRequest`. */
  readonly restMs?: number | undefined;
  /** Where a licence may be named. */
  readonly environment: LicencePlaces['environment'];
  readonly clock: Clock;
  /** How the status API is asked. @default trusting whom Node trusts */
  readonly fetch?: Fetch | undefined;
}

/** A Kong that runs beside this process. */
export function watchedKong(options: WatchedKongOptions): WatchedNode {
  const { prefix, file, maxCacheAgeMs, loadTimeoutMs: timeoutMs, pollMs, restMs } = options;
  const { environment, clock, fetch } = options;
  return {
    readConfigurationHash: async (signal) =>
      readConfigurationHash(await options.findStatusUrl(), { clock, fetch }, signal),
    isSurelyEmpty: () => isSurelyEmpty(prefix),
    findStaleCache: async (hash) =>
      maxCacheAgeMs === undefined
        ? undefined
        : findStaleCache({ prefix, hash, maxAgeMs: maxCacheAgeMs, now: clock.now() }),
    requireSeedable: () => requireSeedable({ prefix, file, clock }),
    async seed({ md5 }, replaces, signal) {
      const statusUrl = await options.findStatusUrl();
      const request = { prefix, statusUrl, file, md5, replaces, timeoutMs, pollMs, restMs };
      return seedKong({ ...request, clock, fetch, signal });
    },
    describeMissingLicence: (manifest) => describeMissingLicence(manifest, { prefix, environment }),
    removeLeftover: () => removeLeftover({ prefix, file, clock }),
  };
}
