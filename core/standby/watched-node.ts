import type { Manifest } from '../vault/manifest.ts';
import type { ObservedCache, StaleCache } from './stale-cache.ts';

/**
 * `interrupted`: Kong was started again, or wrote its settings anew, before it had loaded the file: it is to
 * be given the same one again.
 */
export type SeedOutcome = 'seeded' | 'has a configuration' | 'interrupted';

/** The Kong node that standby watches. */
export interface WatchedNode {
  /**
   * The hash that the node shows of its configuration; `noConfiguration` while it has none.
   *
   * @throws StandbyError `kong` when the node does not answer
   */
  readConfigurationHash(signal: AbortSignal): Promise<string>;
  /**
   * Whether a node that shows `noConfiguration` has none for certain; not when it may have the first version
   * of a control plane that it is connected to.
   */
  isSurelyEmpty(): Promise<boolean>;
  /**
   * The cache that a node with this hash runs on, if it is too old; undefined for any other configuration.
   */
  findStaleCache(hash: string): Promise<ObservedCache | undefined>;
  /**
   * Fails when the node could not be given a file, so that none is fetched in vain.
   *
   * @throws StandbyError `kong`
   */
  requireSeedable(): Promise<void>;
  /**
   * Gives the node the file that was downloaded; a node that has another configuration by now is left alone.
   *
   * @param replaces the cache that the file may replace; undefined for a node without configuration
   * @throws StandbyError `refused` when the node did not load the file; `kong`; `verification`
   */
  seed(manifest: Manifest, replaces: StaleCache | undefined, signal: AbortSignal): Promise<SeedOutcome>;
  /** Why the node may lack a licence that the file needs; undefined when it does not. */
  describeMissingLicence(manifest: Manifest): Promise<string | undefined>;
  /**
   * Takes out what a killed run left in a node that has a configuration.
   *
   * @throws StandbyError `kong` when that does not succeed
   */
  removeLeftover(): Promise<void>;
}
