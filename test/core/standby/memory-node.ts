import { StandbyError } from '../../../core/fetch/errors.ts';
import type { ObservedCache, StaleCache } from '../../../core/standby/stale-cache.ts';
import { noConfiguration } from '../../../core/standby/status.ts';
import type { SeedOutcome, WatchedNode } from '../../../core/standby/watched-node.ts';
import type { Manifest } from '../../../core/vault/manifest.ts';

/** A node in memory. `watched-node-contract.test.ts` holds it to a Kong that runs. */
export class MemoryNode implements WatchedNode {
  /** An error while its status API does not answer. */
  hash: string | Error = noConfiguration;
  /** The cache that the hash comes from; undefined when it is new. */
  cache: ObservedCache | undefined;
  licenceWarning: string | undefined;
  isSeedable = true;
  /** To a control plane whose first version cannot be told from nothing. */
  isConnected = false;
  /** How often it is started again while it loads a file. */
  interruptions = 0;
  /** MD5 of a file that it does not load. */
  refusedMd5: string | undefined;

  async readConfigurationHash(_signal: AbortSignal): Promise<string> {
    if (this.hash instanceof Error) {
      throw this.hash;
    }
    return this.hash;
  }

  async isSurelyEmpty(): Promise<boolean> {
    return !this.isConnected;
  }

  async findStaleCache(_hash: string): Promise<ObservedCache | undefined> {
    return this.cache;
  }

  async requireSeedable(): Promise<void> {
    this.refuseOwnFile();
  }

  async describeMissingLicence(_manifest: Manifest): Promise<string | undefined> {
    return this.licenceWarning;
  }

  async seed({ md5 }: Manifest, replaces: StaleCache | undefined, signal: AbortSignal): Promise<SeedOutcome> {
    if (this.interruptions > 0) {
      this.interruptions -= 1;
      return 'interrupted';
    }
    if (this.hash !== (replaces?.hash ?? noConfiguration)) {
      return 'has a configuration';
    }
    this.refuseOwnFile();
    if (signal.aborted) {
      throw new StandbyError('kong', 'the seeding was cancelled', { cause: signal.reason });
    }
    if (md5 === this.refusedMd5) {
      throw new StandbyError('refused', 'the node did not load the file');
    }
    this.hash = md5;
    return 'seeded';
  }

  async removeLeftover(): Promise<void> {
    // No run is killed in memory.
  }

  private refuseOwnFile(): void {
    if (!this.isSeedable) {
      throw new StandbyError('kong', 'the node loads a file of its own');
    }
  }
}
