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
import { type Comparison, compareWithPublished } from './published-content.ts';
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
  /** Ends a comparison of files that takes too long. */
  readonly signal?: AbortSignal | undefined;
}

/** How an attempt to publish ended. */
export type Publication = {
  /** Names the version that the vault now holds. */
  readonly versionId: string;
  /** SHA-256 of served tables that are known to hold what the vault now holds, to be noted in the status. */
  readonly servedTables: readonly string[];
} & (
  | {
      readonly outcome: 'published';
      readonly manifest: Manifest;
      /** The file, compressed. */
      readonly gzip: Uint8Array;
      /** The version that was current before. */
      readonly replacedVersionId: string | undefined;
      /** When it was in the vault. */
      readonly publishedAt: Date;
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
  | { readonly outcome: 'behind'; readonly manifest: Manifest; readonly behindSince: Date }
);

/** A revision that was published. */
export type NewPublication = Extract<Publication, { readonly outcome: 'published' }>;

/**
 * An older configuration that is still served after this time is published all the same: the control plane's
 * clock was set back, and without this the vault would never be updated again.
 */
export const behindToleranceMs = 15 * 60 * 1000;

/**
 * A control plane's nodes and workers serve one configuration in the same bytes, and each start of a node
 * brings new ones.
 */
const rememberedTables = 8;

/** For a look at what became of a publication that was not answered. */
const lastLookMs = 1_500;

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
  let attempted:
    | {
        readonly publication: Omit<NewPublication, 'versionId' | 'publishedAt'>;
        readonly signedManifest: string;
      }
    | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const current = await readCurrent(parts, name);
    if (attempted !== undefined && attempted.signedManifest === current?.signedManifest) {
      // The answer to our own publication was lost, and the SDK's retry met what we had written. Another
      // exporter can publish the same bytes, but not with the same signature: ECDSA signs with a new random
      // number each time.
      return { ...attempted.publication, versionId: current.versionId, publishedAt: clock.now() };
    }
    const exportedAt = clock.now();
    const decision = await decide(parts, request, current, exportedAt);
    if (decision.outcome !== 'publish') {
      return decision;
    }
    const { gzip, manifest } = await makeRevision(request, current, decision, exportedAt);
    const signedManifest = await signManifest(manifest, signer);
    const publication = {
      outcome: 'published',
      manifest,
      gzip,
      replacedVersionId: current?.versionId,
      warning: decision.warning,
      manifestReplaced: decision.manifestReplaced ?? false,
      servedTables: [request.configuration.tableSha256],
    } as const;
    attempted = { publication, signedManifest };
    try {
      const replacing = { gzip, manifest: signedManifest, replaces: current?.etag };
      const versionId = await vault.publish(name, replacing);
      return { ...publication, versionId, publishedAt: clock.now() };
    } catch (error) {
      if (!(error instanceof RevisionConflict)) {
        // In a time of its own: that of the export may be what ended the call.
        const versionId = await findStored(vault.within(clock.deadline(lastLookMs)), name, signedManifest);
        if (versionId !== undefined) {
          return { ...publication, versionId, publishedAt: clock.now() };
        }
      }
      if (!(error instanceof RevisionConflict) || attempt === maxAttempts) {
        throw error;
      }
      // A random pause, so that two exporters do not collide again.
      await clock.sleep(50 * attempt + random.next() * 100);
    }
  }
}

/**
 * S3 may have stored what it answered with an error: then it is published, and must be told as that.
 *
 * @returns its version; undefined where something else is current, or that cannot be told
 */
async function findStored(
  vault: ConfigVault,
  name: ConfigFileName,
  signedManifest: string,
): Promise<string | undefined> {
  try {
    const current = await vault.current(name);
    // A bucket that keeps no versions calls each of them "null": that stays an error.
    return current?.manifest === signedManifest && current.versionId !== 'null'
      ? current.versionId
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Looks at what is published without anything to publish.
 *
 * @returns the publication that the status speaks of, if that very version is still current and has a good
 * manifest; undefined where something else is there, or nothing
 * @throws VaultError
 */
export async function findNoted(
  parts: Pick<PublishParts, 'vault' | 'signer'>,
  name: ConfigFileName,
  { versionId, servedTables = [] }: VersionStatus,
): Promise<Extract<Publication, { readonly outcome: 'unchanged' }> | undefined> {
  const current = await readCurrent(parts, name);
  return current?.manifest !== undefined && current.signature === 'good' && current.versionId === versionId
    ? { outcome: 'unchanged', manifest: current.manifest, versionId, servedTables }
    : undefined;
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
  { vault, signer }: Pick<PublishParts, 'vault' | 'signer'>,
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
      const manifest = await verifyManifest(signedManifest, [key]);
      // Another file of ours that somebody has put here: data planes of this one refuse it.
      return manifest.controlPlane === name.controlPlane && manifest.kongVersion === name.kongVersion
        ? { ...version, manifest, signature: 'good' }
        : { ...version, manifest: undefined, signature: 'bad' };
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

interface ToPublish {
  readonly outcome: 'publish';
  readonly warning?: string;
  /** Whether what is replaced is not what our key has signed. */
  readonly manifestReplaced?: boolean;
}

type Decision = ToPublish | Exclude<Publication, { readonly outcome: 'published' }>;

async function decide(
  parts: PublishParts,
  request: PublicationRequest,
  current: Current | undefined,
  now: Date,
): Promise<Decision> {
  const { name, configuration } = request;
  if (current === undefined) {
    return { outcome: 'publish' };
  }
  const { manifest, signature, versionId } = current;
  if (manifest === undefined || signature === 'bad') {
    return replaceForeign(`${configFileKey(name)} held an object without a good manifest of its own`);
  }
  refuseToEmpty(name, configuration, manifest);
  if (signature === 'of another key') {
    // The signing key was changed. Once this revision is published, data planes no longer need the old key.
    return { outcome: 'publish' };
  }
  if (manifest.configHash === configuration.configHash) {
    const comparison = await compareTables(parts, request, { versionId, manifest });
    if (comparison === 'same') {
      return { outcome: 'unchanged', manifest, versionId, servedTables: rememberTable(request, versionId) };
    }
    if (comparison === 'foreign') {
      return replaceForeign(
        `${configFileKey(name)} held a file that is not the one that its manifest was signed for`,
      );
    }
  }
  return decideByAge(request, { versionId, manifest }, now);
}

/**
 * The control plane's hash is the same, which says nothing of a table that was down-converted for an older
 * version: the table itself must be known, or be compared
 * (docs/design.md#7-publish-is-one-conditional-put).
 *
 * @throws VaultError when the published file cannot be read: it is never taken for equal then
 */
async function compareTables(
  { vault }: PublishParts,
  { name, configuration, lastStatus, signal }: PublicationRequest,
  { versionId, manifest }: { readonly versionId: string; readonly manifest: Manifest },
): Promise<Comparison> {
  if (knownTables(lastStatus, versionId).includes(configuration.tableSha256)) {
    return 'same';
  }
  const gzip = await vault.content(name, versionId);
  return compareWithPublished(configuration, { gzip, manifest }, signal);
}

/** What was noted of the very version that is published; somebody may have written since. */
function knownTables(lastStatus: VersionStatus | undefined, versionId: string): readonly string[] {
  return lastStatus?.versionId === versionId ? (lastStatus.servedTables ?? []) : [];
}

function rememberTable(
  { configuration, lastStatus }: PublicationRequest,
  versionId: string,
): readonly string[] {
  const { tableSha256 } = configuration;
  const others = knownTables(lastStatus, versionId).filter((known) => known !== tableSha256);
  return [tableSha256, ...others].slice(0, rememberedTables);
}

function replaceForeign(what: string): ToPublish {
  return {
    outcome: 'publish',
    manifestReplaced: true,
    warning:
      `${what}, which data planes refuse; it was replaced. ` +
      'Only the export role may write there: find out who else did (CloudTrail data events)',
  };
}

function refuseToEmpty(
  { controlPlane }: ConfigFileName,
  configuration: ControlPlaneConfiguration,
  { entities, revision }: Manifest,
): void {
  if (countAddedEntities(entities) > 0 && countAddedEntities(countEntities(configuration.entities)) === 0) {
    throw new VaultError(
      'would-lose-configuration',
      `control plane "${controlPlane}" serves an empty configuration, and revision ${revision} has ` +
        `${entities['total']} entities: nothing was published. Was its database rebuilt? Then fill it from the vault ` +
        '(lifeboat fetch --for-import, then kong config db_import) before data planes connect',
    );
  }
}

/** A configuration that differs from the published one is news, unless it is older. */
function decideByAge(
  { configuration, lastStatus }: PublicationRequest,
  { versionId, manifest }: { readonly versionId: string; readonly manifest: Manifest },
  now: Date,
): Decision {
  // A frame that does not say when it was built cannot be told from an older one.
  if (!configuration.hasTimestamp || configuration.builtAt.getTime() >= manifest.builtAt.getTime()) {
    return { outcome: 'publish' };
  }
  const behindSince = lastStatus?.behindSince ?? now;
  if (now.getTime() - behindSince.getTime() < behindToleranceMs) {
    const servedTables = knownTables(lastStatus, versionId);
    return { outcome: 'behind', manifest, behindSince, versionId, servedTables };
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
  { manifestReplaced }: ToPublish,
  exportedAt: Date,
): Promise<{ readonly gzip: Buffer; readonly manifest: Manifest }> {
  const { configHash, builtAt, entities } = configuration;
  // A data plane must not come back to what nobody of ours has signed.
  const previous = manifestReplaced === true ? undefined : current?.manifest;
  // The status has the number where the object has no manifest.
  const revision = Math.max(current?.manifest?.revision ?? 0, lastStatus?.revision ?? 0) + 1;
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
