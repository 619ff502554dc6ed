import type {
  ControlPlaneStatus,
  HeldStatus,
  LastCommand,
  NotServed,
  VersionStatus,
} from '../vault/config-vault.ts';
import type { Manifest } from '../vault/manifest.ts';
import type { NewPublication } from '../vault/publish.ts';
import type { CheckOutcome } from './version-checks.ts';
import type { VersionReport } from './version-report.ts';

export interface CheckCircumstances {
  readonly checkedAt: Date;
  /** What an operator had asked for with this check. */
  readonly commanded: LastCommand | undefined;
  /** Undefined where no certificate was read. */
  readonly certificateEndsAt: Date | undefined;
}

/** The status after a check of all versions; undefined where that of before stays. */
export function statusAfter(
  controlPlane: string,
  outcome: CheckOutcome,
  last: ControlPlaneStatus | undefined,
  { checkedAt, commanded, ...read }: CheckCircumstances,
): ControlPlaneStatus | undefined {
  const { versions, pluginVersions } = outcome;
  const isVerified = versions.some(({ outcome }) => outcome !== 'failed');
  const notedAt = isVerified ? checkedAt : mustBeNoted(versions, last) ? last?.checkedAt : undefined;
  if (notedAt === undefined) {
    return last === undefined || commanded === undefined ? undefined : { ...last, lastCommand: commanded };
  }
  const lastCommand = commanded ?? last?.lastCommand;
  const notServed = versions.flatMap((version) => noteNotServed(version, last) ?? []);
  const held = noteHeld(outcome, last, checkedAt);
  const approval = last?.approval;
  const certificateEndsAt = read.certificateEndsAt ?? last?.certificateEndsAt;
  return {
    controlPlane,
    checkedAt: notedAt,
    versions: versions.flatMap((version) => noteVersion(version, last) ?? []),
    ...(notServed.length === 0 ? {} : { notServed }),
    ...(pluginVersions === undefined ? {} : { pluginVersions }),
    ...(held === undefined ? {} : { held }),
    ...(approval === undefined || approval.until <= checkedAt ? {} : { approval }),
    ...(lastCommand === undefined ? {} : { lastCommand }),
    ...(certificateEndsAt === undefined ? {} : { certificateEndsAt }),
  };
}

/**
 * Whether the status changes, with the time of the check before, though no version could be looked at. What
 * was stored is noted: else an older revision in its place would be taken for the newest. And a control plane
 * that was behind in the check before was not seen to be so in this one.
 */
function mustBeNoted(versions: readonly VersionReport[], last: ControlPlaneStatus | undefined): boolean {
  return (
    versions.some(({ early, restored }) => (restored ?? early) !== undefined) ||
    last?.versions.some(({ behindSince }) => behindSince !== undefined) === true
  );
}

function noteHeld(
  { held, versions }: CheckOutcome,
  last: ControlPlaneStatus | undefined,
  checkedAt: Date,
): HeldStatus | undefined {
  if (held === undefined) {
    // What could not be looked at is still held, as far as one knows.
    return versions.some(({ outcome }) => outcome === 'failed') ? last?.held : undefined;
  }
  const { reason, what, identity, losses, left } = held;
  return {
    since: last?.held?.since ?? checkedAt,
    ...{ reason, what, losses, identity: { ...identity }, left: { ...left } },
  };
}

/** Undefined where there is no file. */
function noteVersion(
  version: VersionReport,
  last: ControlPlaneStatus | undefined,
): VersionStatus | undefined {
  const before = last?.versions.find(({ kongVersion }) => kongVersion === version.kongVersion);
  if (version.outcome === 'failed') {
    return before && { ...noteUncompared(version, before), askedAt: undefined, changed: false };
  }
  if (version.outcome === 'not-served') {
    return before && { ...noteUncompared(version, before), changed: false };
  }
  if (version.outcome === 'held') {
    return noteKept(version, before && noteWhileHeld(version, before));
  }
  const { kongVersion, outcome, manifest } = version;
  return {
    kongVersion,
    revision: manifest.revision,
    sha256: manifest.sha256,
    configHash: manifest.configHash,
    changed: outcome === 'published',
    ...notePin(manifest),
    versionId: version.versionId,
    servedTables: [...version.servedTables],
    ...noteMeasure(version, before),
    ...noteAsked(version, before),
    ...(outcome === 'behind'
      ? { behindSince: version.behindSince, behindConfigHash: version.behindConfigHash }
      : {}),
  };
}

/** What is known of a file that was not compared. That the control plane was behind counts in a row only. */
function noteUncompared(version: VersionReport, before: VersionStatus): VersionStatus {
  const { behindSince: _, behindConfigHash: __, ...unmarked } = before;
  const { early, restored } = version;
  return followOwn(early === undefined ? unmarked : { ...unmarked, ...noteRevision(early) }, restored);
}

/**
 * What is known where the rest is held. That is measured against what was there before a revision that was
 * published early: in two steps nothing must get through that would not in one.
 */
function noteWhileHeld({ early, restored }: VersionReport, before: VersionStatus): VersionStatus {
  const { entities, identity } = before;
  const known = early === undefined ? before : { ...before, ...noteRevision(early), entities, identity };
  return { ...followOwn(known, restored), askedAt: undefined, changed: early !== undefined };
}

/**
 * The file that stands there, where nothing or another one was noted of it: the status was lost, or could not
 * be written. Else an older revision in its place would be taken for the newest.
 */
function noteKept(
  { kongVersion, kept }: Extract<VersionReport, { readonly outcome: 'held' }>,
  noted: VersionStatus | undefined,
): VersionStatus | undefined {
  return kept === undefined || kept.versionId === noted?.versionId
    ? noted
    : { kongVersion, ...noteRevision({ ...kept, servedTables: [] }), changed: false };
}

/** A revision that was put back holds what the one holds that it follows. */
function followOwn(noted: VersionStatus, restored: NewPublication | undefined): VersionStatus {
  if (restored === undefined) {
    return noted;
  }
  const { entities, identity } = noted;
  const measure = restored.replacedVersionId === noted.versionId ? { entities, identity } : {};
  return { ...noted, ...noteRevision(restored), ...measure };
}

/**
 * What a revision that was put into the vault makes of what was known of its file. What it holds is not known
 * without reading it.
 */
export function noteRevision({
  manifest,
  versionId,
  servedTables,
}: Pick<NewPublication, 'manifest' | 'versionId' | 'servedTables'>) {
  const { revision, sha256, configHash } = manifest;
  return {
    ...{ revision, sha256, configHash, versionId, servedTables: [...servedTables] },
    pinned: manifest.pinned === true ? true : undefined,
    entities: undefined,
    identity: undefined,
  };
}

function notePin({ pinned }: Manifest): Pick<VersionStatus, 'pinned'> {
  return pinned === true ? { pinned } : {};
}

function noteMeasure(
  { versionId, measure }: CheckedVersion,
  before: VersionStatus | undefined,
): Pick<VersionStatus, 'entities' | 'identity'> {
  if (measure !== undefined) {
    return { entities: measure.entities, identity: measure.identity };
  }
  return before?.versionId === versionId ? { entities: before.entities, identity: before.identity } : {};
}

/** Nothing is noted of an answer that was not the newest: the next check asks again. */
function noteAsked(
  version: CheckedVersion,
  before: VersionStatus | undefined,
): Pick<VersionStatus, 'askedAt' | 'newestConfigHash'> {
  const { asked, outcome, settled } = version;
  if (asked === undefined) {
    return { askedAt: before?.askedAt, newestConfigHash: before?.newestConfigHash };
  }
  return outcome === 'behind' || asked.isOfOtherMoment || !settled
    ? {}
    : { askedAt: asked.at, newestConfigHash: asked.newestConfigHash };
}

type CheckedVersion = Exclude<VersionReport, { readonly outcome: 'failed' | 'not-served' | 'held' }>;

function noteNotServed(
  { kongVersion, ...report }: VersionReport,
  last: ControlPlaneStatus | undefined,
): NotServed | undefined {
  switch (report.outcome) {
    case 'not-served':
      return { kongVersion, since: report.since, askedAt: report.askedAt };
    case 'failed':
      return last?.notServed?.find((before) => before.kongVersion === kongVersion);
    default:
      return undefined;
  }
}
