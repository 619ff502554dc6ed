import type { Clock } from '../clock.ts';
import { describeMissingLicence, type LicencePlaces } from './licence.ts';
import { removeLeftover, requireSeedable, type SeedPlace, seedKong } from './seed.ts';
import { findStaleCache } from './stale-cache.ts';
import { readConfigurationHash } from './status.ts';
import type { WatchedNode } from './watched-node.ts';

export interface WatchedKongOptions extends SeedPlace {
  /**
   * Base URL of the status API, looked up for each question: Kong's settings may be written after standby has
   * begun.
   */
  findStatusUrl(): Promise<string>;
  /** Caches that are older than this may be replaced. @default none */
  readonly maxCacheAgeMs?: number | undefined;
  /** For Kong to load a file. */
  readonly loadTimeoutMs: number;
  readonly pollMs: number;
  /** Where a licence may be named. */
  readonly environment: LicencePlaces['environment'];
  readonly clock: Clock;
}

/** A Kong that runs beside this process. */
export function watchedKong(options: WatchedKongOptions): WatchedNode {
  const { prefix, file, maxCacheAgeMs, loadTimeoutMs: timeoutMs, pollMs, environment, clock } = options;
  return {
    readConfigurationHash: async (signal) =>
      readConfigurationHash(await options.findStatusUrl(), clock, signal),
    findStaleCache: async (hash) =>
      maxCacheAgeMs === undefined
        ? undefined
        : findStaleCache({ prefix, hash, maxAgeMs: maxCacheAgeMs, now: clock.now() }),
    requireSeedable: () => requireSeedable({ prefix, file }),
    async seed({ md5 }, replaces, signal) {
      const statusUrl = await options.findStatusUrl();
      return seedKong({ prefix, statusUrl, file, md5, replaces, timeoutMs, clock, pollMs, signal });
    },
    describeMissingLicence: (manifest) => describeMissingLicence(manifest, { prefix, environment }),
    removeLeftover: () => removeLeftover({ prefix, file }),
  };
}
