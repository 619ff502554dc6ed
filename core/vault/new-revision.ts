import type { Clock } from '../clock.ts';
import type { ControlPlaneConfiguration } from '../kong/control-plane.ts';
import type { ConfigFileName } from './config-file-name.ts';
import type { ConfigVault } from './config-vault.ts';
import { VaultError } from './errors.ts';
import { countEntities, type Manifest, maxPreviousVersionId } from './manifest.ts';
import type { Measure } from './plausibility.ts';
import { isFileOfManifest } from './published-content.ts';
import { restoreFile } from './restored-file.ts';
import { hashStored, type OwnRevision } from './standing.ts';

/** A revision that is to be signed and stored. */
export interface RevisionContent {
  readonly gzip: Buffer;
  readonly manifest: Manifest;
  /** SHA-256 of the table as the control plane serves it. */
  readonly tableSha256: string;
  /** Undefined where it is that of the revision before. */
  readonly measure?: Measure | undefined;
}

/** Where a new revision stands in its file's history. */
export interface Place {
  readonly name: ConfigFileName;
  /** The own revision that it follows; undefined for the first, and where none is left. */
  readonly follows: OwnRevision | undefined;
  /** The highest number that the last check noted; it has the number where no own revision is left. */
  readonly notedRevision: number | undefined;
}

/**
 * Makes the next revision of what a control plane serves.
 *
 * @param isSameAsBefore whether only its form is new: then it is no older than the revision that it follows
 */
export async function makeServedRevision(
  configuration: ControlPlaneConfiguration,
  place: Place,
  { clock, isSameAsBefore }: { readonly clock: Clock; readonly isSameAsBefore: boolean },
): Promise<RevisionContent> {
  const { configHash, entities, tableSha256 } = configuration;
  const before = place.follows?.manifest.builtAt;
  const builtAt =
    isSameAsBefore && before !== undefined && before > configuration.builtAt ? before : configuration.builtAt;
  const { exportedAt, revision, comment } = beginRevision(place, clock);
  const { gzip, sha256, md5, sizeBytes: size } = await configuration.file(comment);
  const storedSha256 = hashStored(gzip);
  const content = { sha256, size, storedSha256, md5, configHash, builtAt, entities: countEntities(entities) };
  return {
    gzip,
    tableSha256,
    measure: measureServed(configuration),
    manifest: { ...place.name, revision, ...namePrevious(place.follows), ...content, exportedAt },
  };
}

/** What of a served configuration is measured. */
export function measureServed({ entities, identity }: ControlPlaneConfiguration): Measure {
  return { entities: countEntities(entities), identity };
}

/** What is said of a revision whose content was published before. */
export type RestorationMarks = Pick<Manifest, 'builtAt' | 'pinned' | 'rollbackOf'>;

/**
 * Makes the next revision with the content of one that was published before.
 *
 * @param source whose content it gets
 * @param marks what is said of it; as of the source where it only takes its place again
 * @throws VaultError when the source cannot be read, or is not what its manifest was signed for
 */
export async function makeRestoredRevision(
  vault: ConfigVault,
  source: OwnRevision,
  place: Place,
  {
    clock,
    signal,
    marks = source.manifest,
  }: {
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
    readonly marks?: RestorationMarks;
  },
): Promise<RevisionContent> {
  const published = await vault.content(place.name, source.versionId);
  if (!(await isFileOfManifest(published, source.manifest, signal))) {
    throw new VaultError(
      'manifest',
      `the vault answered with another file than the one that revision ${source.manifest.revision} was signed for: it was not restored`,
    );
  }
  const { exportedAt, revision, comment } = beginRevision(place, clock);
  const { gzip, sha256, md5, sizeBytes: size, tableSha256 } = await restoreFile(published, comment, signal);
  const storedSha256 = hashStored(gzip);
  const { configHash, entities } = source.manifest;
  const { builtAt, pinned, rollbackOf } = marks;
  return {
    gzip,
    tableSha256,
    manifest: {
      ...place.name,
      revision,
      ...namePrevious(place.follows),
      ...{ sha256, size, storedSha256, md5, configHash, builtAt, entities, exportedAt },
      ...(rollbackOf === undefined ? {} : { rollbackOf }),
      ...(pinned === true ? { pinned } : {}),
    },
  };
}

function beginRevision({ name, follows, notedRevision }: Place, clock: Clock) {
  const exportedAt = clock.now();
  const revision = Math.max(follows?.manifest.revision ?? 0, notedRevision ?? 0) + 1;
  // It also makes the bytes of any two revisions differ: an etag must not occur twice.
  const comment = `Lifeboat: control plane "${name.controlPlane}", revision ${revision}, exported ${exportedAt.toISOString()} for Kong ${name.kongVersion}`;
  return { exportedAt, revision, comment };
}

function namePrevious(
  follows: OwnRevision | undefined,
): Pick<Manifest, 'previousSha256' | 'previousVersionId'> {
  if (follows === undefined) {
    return { previousSha256: null };
  }
  const { versionId, manifest } = follows;
  return {
    previousSha256: manifest.sha256,
    ...(versionId.length > maxPreviousVersionId ? {} : { previousVersionId: versionId }),
  };
}
