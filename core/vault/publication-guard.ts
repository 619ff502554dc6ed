import type { ControlPlaneConfiguration } from '../kong/control-plane.ts';
import { nearestVersion } from '../kong/version-choice.ts';
import type { ConfigFileName } from './config-file-name.ts';
import type { ConfigVault, ControlPlaneStatus, VersionStatus } from './config-vault.ts';
import { VaultError } from './errors.ts';
import { countEntities } from './manifest.ts';
import {
  type Baseline,
  type GuardSetting,
  type Implausible,
  isApproved,
  judge,
  type Measure,
  mergeHeld,
} from './plausibility.ts';
import { measurePublished } from './published-content.ts';
import type { OwnRevision } from './standing.ts';

export interface PublicationGuardOptions {
  readonly setting: GuardSetting;
  /** What the last check of the control plane noted. */
  readonly last: ControlPlaneStatus | undefined;
}

export interface GuardedConfiguration {
  readonly vault: Pick<ConfigVault, 'content'>;
  readonly name: ConfigFileName;
  readonly configuration: Pick<ControlPlaneConfiguration, 'entities' | 'identity'>;
  /** The newest one that is known; undefined where there is none. */
  readonly own: OwnRevision | undefined;
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
}

/** Why a configuration is not published. */
export interface Held extends Implausible {
  /** The data-plane version that it was found with; the others of the control plane are held with it. */
  readonly foundWith: string;
}

/**
 * Decides in one check of a control plane what of it may be published
 * (docs/design.md#16-the-implausible-waits-for-a-person). It is one decision for all data-plane versions:
 * what is held for one of them holds those that are checked after it.
 */
export class PublicationGuard {
  readonly #options: PublicationGuardOptions;
  #held: Held | undefined;
  /** What a version was last measured against in this check. */
  readonly #measuredAgainst = new Map<string, Baseline>();
  /** What manifests were measured against that were sent to the vault early in this check. */
  readonly #sentHere = new Map<string, Baseline>();

  constructor(options: PublicationGuardOptions) {
    this.#options = options;
  }

  /** What is held, of all versions that were checked; undefined where nothing is. */
  get held(): Held | undefined {
    return this.#held;
  }

  /**
   * Whether a configuration may be published. It is to be asked before whatever publishes one.
   *
   * @returns why it is held; undefined where it may be published
   * @throws VaultError when what is published cannot be read
   */
  async check(guarded: GuardedConfiguration): Promise<Held | undefined> {
    const found = await this.#judge(guarded);
    if (found !== undefined) {
      this.#held = this.#held === undefined ? found : mergeHeld(this.#held, found);
    }
    return this.#held;
  }

  /**
   * The same for what may be a state in the middle of a change. It holds nothing else: what the check ends
   * with decides.
   */
  async checkEarly(guarded: GuardedConfiguration): Promise<Held | undefined> {
    return (await this.#judge(guarded)) ?? this.#held;
  }

  /**
   * What comes later in the same check is measured against what was there before this. To be told before it
   * is sent: what is not answered may be stored all the same.
   *
   * @param signedManifest of the revision; no two have the same
   */
  noteSent({ kongVersion }: ConfigFileName, signedManifest: string): void {
    const before = this.#measuredAgainst.get(kongVersion);
    if (before !== undefined) {
      this.#sentHere.set(signedManifest, before);
    }
  }

  async #judge(guarded: GuardedConfiguration): Promise<Held | undefined> {
    const { setting, last } = this.#options;
    const { name, configuration, now } = guarded;
    const published = await this.#findBaseline(guarded);
    if (published === undefined) {
      return undefined;
    }
    this.#measuredAgainst.set(name.kongVersion, published);
    const { entities, identity } = configuration;
    const found = judge(published, { entities: countEntities(entities), identity }, setting);
    return found === undefined || isApproved(found, last?.approval, now)
      ? undefined
      : { ...found, foundWith: name.kongVersion };
  }

  /** The status says what a file holds, without reading it; that of an earlier release does not. */
  async #findBaseline({ vault, name, own, signal }: GuardedConfiguration): Promise<Baseline | undefined> {
    const { kongVersion } = name;
    const before = own && this.#sentHere.get(own.signedManifest);
    if (before !== undefined) {
      return before;
    }
    const versions = this.#options.last?.versions ?? [];
    const noted = versions.find((version) => version.kongVersion === kongVersion);
    if (own !== undefined) {
      const known = noted?.versionId === own.versionId ? readMeasure(noted) : undefined;
      return known ?? measureOwn(vault, name, own, signal);
    }
    return (noted && readMeasure(noted)) ?? findNearest(kongVersion, versions);
  }
}

async function measureOwn(
  vault: GuardedConfiguration['vault'],
  name: ConfigFileName,
  { versionId, manifest }: OwnRevision,
  signal: AbortSignal | undefined,
): Promise<Baseline> {
  const gzip = await readUnlessDenied(vault, name, versionId);
  const measured = gzip && (await measurePublished({ gzip, manifest }, signal));
  // What was signed is known all the same, and perhaps no more than the total.
  return measured ?? { entities: manifest.entities, identity: undefined };
}

/** A key of before that may not be used any more must not freeze the vault. */
async function readUnlessDenied(
  vault: GuardedConfiguration['vault'],
  name: ConfigFileName,
  versionId: string,
): Promise<Uint8Array | undefined> {
  try {
    return await vault.content(name, versionId);
  } catch (error) {
    if (error instanceof VaultError && error.code === 'denied') {
      return undefined;
    }
    throw error;
  }
}

function readMeasure({ entities, identity }: VersionStatus): Measure | undefined {
  return entities === undefined ? undefined : { entities, identity };
}

/** A version without a file is measured against the one that is closest to it. */
function findNearest(kongVersion: string, versions: readonly VersionStatus[]): Baseline | undefined {
  const measures = new Map(
    versions.flatMap((version) => {
      const measure = readMeasure(version);
      return measure === undefined ? [] : [[version.kongVersion, measure]];
    }),
  );
  const nearest = nearestVersion(kongVersion, [...measures.keys()]);
  const measure = nearest === undefined ? undefined : measures.get(nearest);
  return measure && { ...measure, ofVersion: nearest };
}
