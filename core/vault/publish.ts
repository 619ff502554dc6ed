import type { Clock } from '../clock.ts';
import type { ControlPlaneConfiguration } from '../kong/control-plane.ts';
import type { RandomSource } from '../random-source.ts';
import { type ConfigFileName, configFileKey } from './config-file-name.ts';
import type { ConfigVault, VersionStatus } from './config-vault.ts';
import { RevisionConflict, VaultError } from './errors.ts';
import {
  countEntities,
  type Manifest,
  maxPreviousVersionId,
  readUnverifiedManifest,
  signingKeyId,
  signManifest,
  verifyManifest,
} from './manifest.ts';
import type { Signer } from './signer.ts';

export interface PublishParts {
  readonly vault: ConfigVault;
  readonly signer: Signer;
  readonly clock: Clock;
  /** For the pause after a conflict with another exporter. */
  readonly random: RandomSource;
}

export interface PublicationRequest {
  readonly name: ConfigFileName;
  readonly configuration: ControlPlaneConfiguration;
  /** What the last check noted of this file. */
  readonly lastStatus: VersionStatus | undefined;
}

/** How an attempt to publish ended. */
export type Publication =
  | {
      readonly outcome: 'published';
      readonly manifest: Manifest;
      /** The file, compressed. */
      readonly gzip: Uint8Array;
      /** The version that was current before. */
      readonly replacedVersionId: string | undefined;
      /** What a person should look at although the revision was published. */
      readonly warning: string | undefined;
      /**
       * Whether it replaced something that our key had not signed: only an intruder or a repair by hand
       * writes that.
       */
      readonly manifestReplaced: boolean;
    }
  /** The control plane serves what is published already. */
  | { readonly outcome: 'unchanged'; readonly manifest: Manifest }
  /**
   * The control plane serves a configuration built before the published one: another of its nodes is ahead.
   */
  | { readonly outcome: 'behind'; readonly manifest: Manifest; readonly behindSince: Date };

type NewPublication = Extract<Publication, { readonly outcome: 'published' }>;

/**
 * An older configuration that is still served after this time is published all the same: the control plane's
 * clock was set back, and without this the vault would never be updated again.
 */
export const behindToleranceMs = 15 * 60 * 1000;

// Each conflict means that another exporter published. Five in a row point to a fault.
const maxAttempts = 5;

/**
 * Publishes a configuration if it is new, in one atomic step against what is published at that moment
 * (docs/design.md#7-publish-is-one-conditional-put).
 *
 * @throws VaultError; the vault then holds what it held before
 */
export async function publish(parts: PublishParts, request: PublicationRequest): Promise<Publication> {
  const { vault, signer, clock, random } = parts;
  const { name } = request;
  let attempted: { readonly publication: NewPublication; readonly signedManifest: string } | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const current = await readCurrent(parts, name);
    if (attempted !== undefined && attempted.signedManifest === current?.signedManifest) {
      // The answer to our own publication was lost, and the SDK's retry met what we had written. Another
      // exporter can publish the same bytes, but not with the same signature: ECDSA signs with a new random
      // number each time.
      return attempted.publication;
    }
    const exportedAt = clock.now();
    const decision = decide(request, current, exportedAt);
    if (decision.outcome !== 'publish') {
      return decision;
    }
    const { gzip, manifest } = await makeRevision(request, current, exportedAt);
    const signedManifest = await signManifest(manifest, signer);
    const publication: NewPublication = {
      outcome: 'published',
      manifest,
      gzip,
      replacedVersionId: current?.versionId,
      warning: decision.warning,
      manifestReplaced: decision.manifestReplaced ?? false,
    };
    attempted = { publication, signedManifest };
    try {
      await vault.publish(name, { gzip, manifest: signedManifest, replaces: current?.etag });
      return publication;
    } catch (error) {
      if (!(error instanceof RevisionConflict) || attempt === maxAttempts) {
        throw error;
      }
      // A random pause, so that two exporters do not collide again.
      await clock.sleep(50 * attempt + random.next() * 100);
    }
  }
}

interface Current {
  readonly etag: string;
  readonly versionId: string;
  /** The manifest as it is stored. */
  readonly signedManifest: string;
  /** Undefined where it cannot be read. */
  readonly manifest: Manifest | undefined;
  /** How its signature stands to the key that signs now. */
  readonly signature: 'good' | 'of another key' | 'bad';
}

async function readCurrent(
  { vault, signer }: PublishParts,
  name: ConfigFileName,
): Promise<Current | undefined> {
  const [published, key] = await Promise.all([vault.current(name), signer.verificationKey()]);
  if (published === undefined) {
    return undefined;
  }
  const { etag, versionId, manifest: signedManifest = '' } = published;
  const version = { etag, versionId, signedManifest };
  try {
    if (signingKeyId(signedManifest) === key.keyId) {
      return { ...version, manifest: await verifyManifest(signedManifest, [key]), signature: 'good' };
    }
    // Only its revision number is used, which a forger may have chosen: a new revision with our signature
    // replaces it.
    return { ...version, manifest: readUnverifiedManifest(signedManifest), signature: 'of another key' };
  } catch (error) {
    if (error instanceof VaultError && error.code === 'manifest') {
      return { ...version, manifest: undefined, signature: 'bad' };
    }
    throw error;
  }
}

type Decision =
  | { readonly outcome: 'publish'; readonly warning?: string; readonly manifestReplaced?: boolean }
  | Exclude<Publication, { readonly outcome: 'published' }>;

function decide(
  { name, configuration, lastStatus }: PublicationRequest,
  current: Current | undefined,
  now: Date,
): Decision {
  if (current === undefined) {
    return { outcome: 'publish' };
  }
  const { manifest, signature } = current;
  if (manifest === undefined || signature === 'bad') {
    return {
      outcome: 'publish',
      manifestReplaced: true,
      warning:
        `${configFileKey(name)} held an object without a good manifest, which data planes refuse; it was replaced. ` +
        'Only the export role may write there: find out who else did (CloudTrail data events)',
    };
  }
  if (
    countAddedEntities(manifest.entities) > 0 &&
    countAddedEntities(countEntities(configuration.entities)) === 0
  ) {
    throw new VaultError(
      'would-lose-configuration',
      `control plane "${name.controlPlane}" serves an empty configuration, and revision ${manifest.revision} has ` +
        `${manifest.entities['total']} entities: nothing was published. Was its database rebuilt? Then fill it from the vault ` +
        '(kong config db_import) before data planes connect',
    );
  }
  if (signature === 'of another key') {
    // The signing key was changed. Once this revision is published, data planes no longer need the old key.
    return { outcome: 'publish' };
  }
  if (manifest.configHash === configuration.configHash) {
    return { outcome: 'unchanged', manifest };
  }
  if (configuration.builtAt.getTime() >= manifest.builtAt.getTime()) {
    return { outcome: 'publish' };
  }
  const behindSince = lastStatus?.behindSince ?? now;
  if (now.getTime() - behindSince.getTime() < behindToleranceMs) {
    return { outcome: 'behind', manifest, behindSince };
  }
  return {
    outcome: 'publish',
    warning:
      `the control plane has served a configuration built at ${configuration.builtAt.toISOString()}, before the published one ` +
      `(${manifest.builtAt.toISOString()}), since ${behindSince.toISOString()}; it was published. Check the control plane nodes’ clocks`,
  };
}

/** Counts the entities besides those that a freshly installed control plane has, too. */
function countAddedEntities(entities: Manifest['entities']): number {
  return (entities['total'] ?? 0) - (entities['workspaces'] ?? 0) - (entities['parameters'] ?? 0);
}

async function makeRevision(
  { name, configuration, lastStatus }: PublicationRequest,
  current: Current | undefined,
  exportedAt: Date,
): Promise<{ readonly gzip: Buffer; readonly manifest: Manifest }> {
  const { configHash, builtAt, entities } = configuration;
  const previous = current?.manifest;
  // The status has the number where the object has no manifest.
  const revision = Math.max(previous?.revision ?? 0, lastStatus?.revision ?? 0) + 1;
  // It also makes the bytes of any two revisions differ: an etag must not occur twice.
  const comment = `Lifeboat: control plane "${name.controlPlane}", revision ${revision}, exported ${exportedAt.toISOString()} for Kong ${name.kongVersion}`;
  const { gzip, sha256, md5, sizeBytes } = await configuration.file(comment);
  return {
    gzip,
    manifest: {
      ...name,
      revision,
      previousSha256: previous?.sha256 ?? null,
      // Without the hash of the replaced file a data plane could not check that version, so it is not named.
      ...(previous === undefined || current === undefined ? {} : previousVersion(current.versionId)),
      sha256,
      size: sizeBytes,
      md5,
      configHash,
      builtAt,
      exportedAt,
      entities: countEntities(entities),
    },
  };
}

function previousVersion(versionId: string): Pick<Manifest, 'previousVersionId'> {
  return versionId.length > maxPreviousVersionId ? {} : { previousVersionId: versionId };
}
