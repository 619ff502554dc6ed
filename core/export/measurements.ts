import { VaultError } from '../vault/errors.ts';
import type { NewPublication } from '../vault/publish.ts';
import type { BatchOutcome } from './export-batch.ts';
import { isOutage } from './export-run.ts';
import type { VersionReport } from './version-report.ts';

/** Metrics of an export (docs/design.md#metrics). Durations are seconds. */
export type ExportMetric =
  | 'ExportDuration'
  | 'ChangeToPublished'
  | 'ExportedEntities'
  | 'ConfigBytes'
  | 'Published'
  | 'Verified'
  | 'Behind'
  | 'Pinned'
  | 'Held'
  | 'ExportFailed'
  | 'ControlPlaneUnreachable'
  | 'VersionsWithoutFile'
  | 'VersionsNotServed'
  | 'ManifestReplaced'
  | 'NotVersioned'
  | 'SigningKeysMissing'
  | 'CertificateDaysLeft';

/** What a batch took and met. */
export interface BatchCircumstances {
  readonly durationSeconds: number;
  /** Of the cluster certificate; undefined where none was read. */
  readonly certificateDaysLeft: number | undefined;
}

/** What alarms and dashboard need to know of a batch. */
export function measureBatch(
  { report, gaveUp }: BatchOutcome,
  { durationSeconds, certificateDaysLeft }: BatchCircumstances,
): Readonly<Partial<Record<ExportMetric, number>>> {
  if (report === undefined) {
    return {};
  }
  const { versions, waitingSince, versionsWithoutFile } = report;
  const revisions = versions.flatMap((version) => (version.outcome === 'published' ? [version] : []));
  const published = revisions.map(({ manifest }) => manifest);
  // An early one counts whatever the check ended with: a stranger's object must not be replaced in silence.
  const written = [
    ...versions.flatMap(({ early, restored }) => [early ?? [], restored ?? []].flat()),
    ...revisions,
  ];
  const count = (outcome: string) => versions.filter((version) => version.outcome === outcome).length;
  const outage = isOutage(report);
  return {
    ExportDuration: durationSeconds,
    // What a check ended with that found the control plane serving: one metric for alarms, of which AWS bills
    // each metric.
    Verified: published.length + count('unchanged') + count('held') + count('pinned'),
    Pinned: count('pinned'),
    Held: count('held'),
    VersionsNotServed: count('not-served'),
    // An outage of the control plane is not a broken export.
    ControlPlaneUnreachable: outage ? 1 : 0,
    ExportFailed: gaveUp && !outage ? 1 : 0,
    ManifestReplaced: written.filter(({ manifestReplaced }) => manifestReplaced).length,
    NotVersioned: Math.max(versions.filter(wasNotVersioned).length, report.keepsVersions === false ? 1 : 0),
    // No alarm asks for these, and AWS bills each metric for each hour in which it has a value, even zero.
    ...(published.length === 0 ? {} : { Published: published.length }),
    ...(count('behind') === 0 ? {} : { Behind: count('behind') }),
    ...(report.missingKeys === undefined ? {} : { SigningKeysMissing: report.missingKeys.length }),
    ...(certificateDaysLeft === undefined ? {} : { CertificateDaysLeft: certificateDaysLeft }),
    ...(versionsWithoutFile === undefined ? {} : { VersionsWithoutFile: versionsWithoutFile }),
    ...(published.length === 0
      ? {}
      : {
          ExportedEntities: Math.max(...published.map(({ entities }) => entities['total'] ?? 0)),
          ConfigBytes: Math.max(...published.map(({ size }) => size)),
        }),
    ...(revisions.length === 0 || waitingSince === undefined
      ? {}
      : { ChangeToPublished: (publishedMs(revisions) - waitingSince.getTime()) / 1000 }),
  };
}

function wasNotVersioned(version: VersionReport): boolean {
  return (
    version.outcome === 'failed' &&
    version.error instanceof VaultError &&
    version.error.code === 'not-versioned'
  );
}

/** When the last of them was in the vault. */
function publishedMs(revisions: readonly Pick<NewPublication, 'publishedAt'>[]): number {
  return Math.max(...revisions.map(({ publishedAt }) => publishedAt.getTime()));
}
