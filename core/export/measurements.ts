import { VaultError } from '../vault/errors.ts';
import type { NewPublication } from '../vault/publish.ts';
import type { BatchOutcome } from './export-batch.ts';
import { isOutage } from './export-run.ts';
import type { VersionReport } from './version-report.ts';
import { doubtMs } from './version-turns.ts';

/** Metrics of an export (docs/design.md#metrics). */
export type ExportMetric =
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

/** What a batch met besides what it reports. */
export interface BatchCircumstances {
  /** Of the cluster certificate; undefined where none was read. */
  readonly certificateDaysLeft: number | undefined;
}

/** From so many days on the end of the cluster certificate is told. */
export const certificateToldDays = 30;

/**
 * What alarms and dashboard need to know of a batch. AWS bills each metric for each hour in which it has a
 * value, even zero: so what is not there is not told, and alarms take it for zero. `Verified` alone is there
 * while all is well.
 */
export function measureBatch(
  { report, retry, gaveUp }: BatchOutcome,
  { certificateDaysLeft }: BatchCircumstances,
): Readonly<Partial<Record<ExportMetric, number>>> {
  if (report === undefined) {
    return {};
  }
  const { versions, waitingSince, missingKeys } = report;
  const revisions = versions.flatMap((version) => (version.outcome === 'published' ? [version] : []));
  const published = revisions.map(({ manifest }) => manifest);
  // An early one counts whatever the check ended with: a stranger's object must not be replaced in silence.
  const written = [
    ...versions.flatMap(({ early, restored }) => [early ?? [], restored ?? []].flat()),
    ...revisions,
  ];
  const count = (outcome: string) => versions.filter((version) => version.outcome === outcome).length;
  const outage = isOutage(report);
  const verified = published.length + count('unchanged') + count('held') + count('pinned');
  // Tries that come again within a minute are one export: alarms wait for a second one.
  const isTriedAgain = retry !== undefined && !gaveUp;
  return {
    // One metric for several alarms. In an outage it is zero, and not there where an export has failed.
    ...(outage || verified > 0 ? { Verified: outage ? 0 : verified } : {}),
    ...whatIsThere({
      Published: published.length,
      Behind: count('behind'),
      Pinned: count('pinned'),
      Held: count('held'),
      VersionsNotServed: versions.filter((version) => isNotServedForLong(version, report.finishedAt)).length,
      // An outage of the control plane is not a broken export.
      ControlPlaneUnreachable: outage ? 1 : 0,
      ExportFailed: gaveUp && !outage ? 1 : 0,
      ManifestReplaced: written.filter(({ manifestReplaced }) => manifestReplaced).length,
      NotVersioned: Math.max(versions.filter(wasNotVersioned).length, report.keepsVersions === false ? 1 : 0),
      SigningKeysMissing: isTriedAgain ? 0 : (missingKeys?.length ?? 0),
      VersionsWithoutFile: isTriedAgain ? 0 : (report.versionsWithoutFile ?? 0),
    }),
    ...(certificateDaysLeft === undefined || certificateDaysLeft >= certificateToldDays
      ? {}
      : { CertificateDaysLeft: certificateDaysLeft }),
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

function whatIsThere<Name extends string>(
  counts: Readonly<Record<Name, number>>,
): Readonly<Partial<Record<Name, number>>> {
  const there = Object.entries<number>(counts).filter(([, count]) => count > 0);
  return Object.fromEntries(there) as Partial<Record<Name, number>>;
}

/** While a control plane is started anew, or upgraded node by node, it may refuse a version for a while. */
function isNotServedForLong(version: VersionReport, now: Date): boolean {
  return version.outcome === 'not-served' && now.getTime() - version.since.getTime() >= doubtMs;
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
