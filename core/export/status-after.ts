import type { ControlPlaneStatus, NotServed, VersionStatus } from '../vault/config-vault.ts';
import type { Manifest } from '../vault/manifest.ts';
import type { NewPublication } from '../vault/publish.ts';
import type { CheckOutcome } from './version-checks.ts';
import type { VersionReport } from './version-report.ts';

/** The status after a check of all versions; undefined when none of them could be looked at. */
export function statusAfter(
  controlPlane: string,
  { versions, pluginVersions }: CheckOutcome,
  last: ControlPlaneStatus | undefined,
  checkedAt: Date,
): ControlPlaneStatus | undefined {
  if (versions.every(({ outcome }) => outcome === 'failed')) {
    return undefined;
  }
  const notServed = versions.flatMap((version) => noteNotServed(version, last) ?? []);
  return {
    controlPlane,
    checkedAt,
    versions: versions.flatMap((version) => noteVersion(version, last) ?? []),
    ...(notServed.length === 0 ? {} : { notServed }),
    ...(pluginVersions === undefined ? {} : { pluginVersions }),
  };
}

/** Undefined where there is no file. */
function noteVersion(
  version: VersionReport,
  last: ControlPlaneStatus | undefined,
): VersionStatus | undefined {
  const before = last?.versions.find(({ kongVersion }) => kongVersion === version.kongVersion);
  if (version.outcome === 'failed') {
    return before && { ...noteRestored(version, before), askedAt: undefined, changed: false };
  }
  if (version.outcome === 'not-served') {
    return before && { ...noteRestored(version, before), changed: false };
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
    ...noteAsked(version, before),
    ...(outcome === 'behind'
      ? { behindSince: version.behindSince, behindConfigHash: version.behindConfigHash }
      : {}),
  };
}

/** What is known of a file that was not compared. That the control plane was behind counts in a row only. */
function noteRestored({ restored }: VersionReport, before: VersionStatus): VersionStatus {
  const { behindSince: _, behindConfigHash: __, ...unmarked } = before;
  if (restored === undefined) {
    return unmarked;
  }
  return { ...unmarked, ...noteRevision(restored) };
}

/** What a revision that was put into the vault makes of what was known of its file. */
export function noteRevision({
  manifest,
  versionId,
  servedTables,
}: Pick<NewPublication, 'manifest' | 'versionId' | 'servedTables'>) {
  const { revision, sha256, configHash } = manifest;
  return {
    ...{ revision, sha256, configHash, versionId, servedTables: [...servedTables] },
    pinned: manifest.pinned === true ? true : undefined,
  };
}

function notePin({ pinned }: Manifest): Pick<VersionStatus, 'pinned'> {
  return pinned === true ? { pinned } : {};
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
  return outcome === 'behind' || asked.isOlderThanNewest || !settled
    ? {}
    : { askedAt: asked.at, newestConfigHash: asked.newestConfigHash };
}

type CheckedVersion = Exclude<VersionReport, { readonly outcome: 'failed' | 'not-served' }>;

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
