import type { VersionReport } from '../core/export/version-report.ts';
import type { ControlPlaneStatus, VersionStatus } from '../core/vault/config-vault.ts';
import { readUnverifiedStatus } from '../core/vault/status.ts';
import type { InvariantName } from './promises.ts';
import type { StoredVersion } from './world/bucket.ts';
import type { ReportedBatch, World } from './world/world.ts';

/** What is told of a check, in the status and in metrics, must be what came of it. */
export class ToldChecks {
  readonly #world: World;
  readonly #violate: (invariant: InvariantName, detail: string) => void;

  constructor(world: World, violate: (invariant: InvariantName, detail: string) => void) {
    this.#world = world;
    this.#violate = violate;
  }

  /** To be called with each batch that an export function has reported. */
  check(batch: ReportedBatch): void {
    this.#checkMetrics(batch);
    this.#checkVersioning(batch);
    this.#checkStatus(batch);
  }

  #checkMetrics({ controlPlane, startedMs, hasMetFault, report, gaveUp, measured }: ReportedBatch): void {
    const { awaySinceMs } = this.#world.unit(controlPlane).controlPlane;
    const wasAway = awaySinceMs !== undefined && awaySinceMs <= startedMs;
    const { ControlPlaneUnreachable: unreachable = 0, ExportFailed: failed = 0 } = measured;
    if (report !== undefined && wasAway && !hasMetFault && unreachable === 0) {
      this.#violate(
        'a check that fails is told as failed',
        `${controlPlane} was away during the whole check, and no metric says so`,
      );
    }
    if (gaveUp && unreachable === 0 && failed === 0) {
      this.#violate(
        'a check that fails is told as failed',
        `an export of ${controlPlane} gave up, and no metric says so`,
      );
    }
  }

  /** Where nothing has changed the status is all that is written. */
  #checkVersioning({ controlPlane, report, measured }: ReportedBatch): void {
    const [status] = this.#world.bucket.versions(`status/${controlPlane}.json`).slice(-1);
    const isOfThisCheck =
      report !== undefined &&
      report.statusError === undefined &&
      status !== undefined &&
      readText(status).checkedAt.getTime() === report.finishedAt.getTime();
    if (isOfThisCheck && status.versionId === 'null' && (measured.NotVersioned ?? 0) === 0) {
      this.#violate(
        'a bucket that keeps no versions raises an alarm',
        `the status of ${controlPlane} has replaced the one before for good, and no metric says so`,
      );
    }
  }

  #checkStatus({ controlPlane, report, measured }: ReportedBatch): void {
    if (report === undefined) {
      return;
    }
    const last = this.#lastStatuses(controlPlane);
    // Two exporters may have written at the same moment.
    const written = last.filter(({ checkedAt }) => checkedAt.getTime() === report.finishedAt.getTime());
    const hasFailed = report.versions.some(({ outcome }) => outcome === 'failed');
    // Where a version could not be looked at, what was held is noted still.
    if (written.some(({ held }) => held !== undefined) && !hasFailed && (measured.Held ?? 0) === 0) {
      this.#violate(
        'what is held raises an alarm',
        `the status of ${controlPlane} has ${JSON.stringify(written[0]?.held)}, and no metric says so`,
      );
    }
    const isTold = written.some((status) => {
      // The second of two exporters keeps what the first one has noted.
      const before = last.slice(0, last.indexOf(status)).flatMap(({ versions }) => versions.map(toText));
      const kept = status.versions.filter((version) => before.includes(toText(version)));
      return isTrue(status, report.versions, kept);
    });
    if (written.length > 0 && !isTold) {
      const outcomes = report.versions.map(({ kongVersion, outcome }) => `${kongVersion} ${outcome}`);
      this.#violate(
        'the status says what the check has found',
        `the check of ${controlPlane} ended with ${outcomes.join(', ')}; its status has ${JSON.stringify(written[0])}`,
      );
    }
  }

  #lastStatuses(controlPlane: string): readonly ControlPlaneStatus[] {
    return this.#world.bucket.versions(`status/${controlPlane}.json`).slice(-5).map(readText);
  }
}

function readText({ body }: StoredVersion): ControlPlaneStatus {
  return readUnverifiedStatus(Buffer.from(body).toString('utf8'));
}

function toText(version: ControlPlaneStatus['versions'][number]): string {
  return JSON.stringify(version);
}

/**
 * Whether a status says of each version what was reported of it, and was written for more than failures.
 *
 * @param kept what it has of statuses before
 */
function isTrue(
  status: ControlPlaneStatus,
  reports: readonly VersionReport[],
  kept: readonly VersionStatus[],
): boolean {
  return (
    reports.some(({ outcome }) => outcome !== 'failed') &&
    reports.every((report) => {
      const noted = status.versions.find(({ kongVersion }) => kongVersion === report.kongVersion);
      return (
        isNoted(report, noted, status) ||
        (noted !== undefined && kept.includes(noted) && isOvertaken(report, noted, status))
      );
    })
  );
}

function isNoted(
  report: VersionReport,
  noted: VersionStatus | undefined,
  { held }: ControlPlaneStatus,
): boolean {
  switch (report.outcome) {
    case 'failed':
      return noted === undefined || (isOfStored(noted, report) && noted.askedAt === undefined);
    case 'not-served':
      return noted === undefined || isOfStored(noted, report);
    case 'held':
      return held !== undefined && (noted === undefined || noted.changed === (report.early !== undefined));
    default:
      return (
        noted !== undefined &&
        noted.revision === report.manifest.revision &&
        noted.sha256 === report.manifest.sha256 &&
        noted.changed === (report.outcome === 'published')
      );
  }
}

/** Whether another exporter has noted more of a version than this check has found. */
function isOvertaken(report: VersionReport, noted: VersionStatus, status: ControlPlaneStatus): boolean {
  return 'manifest' in report
    ? noted.revision > report.manifest.revision
    : isNoted(report, undefined, status);
}

/** Whether a status has the revision that was stored although the file was not compared, and no change. */
function isOfStored({ revision, changed }: VersionStatus, { restored, early }: VersionReport): boolean {
  const stored = restored ?? early;
  return !changed && (stored === undefined || stored.manifest.revision === revision);
}
