import { attempt } from '../attempt.ts';
import type { ExportCommand } from '../intake/export-command.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import type { ControlPlaneStatus, LastCommand } from '../vault/config-vault.ts';
import { type KnownStatus, readStatus, recordStatus } from '../vault/status.ts';
import { newestChange, oldestChange } from './commanded-changes.ts';
import { statusAfter } from './status-after.ts';
import { type CheckOutcome, checkVersions, type ExportParts } from './version-checks.ts';
import type { VersionReport } from './version-report.ts';

export interface ExportReport {
  readonly versions: readonly VersionReport[];
  /** When the first of the changes happened that this export was called for; undefined for the schedule. */
  readonly waitingSince: Date | undefined;
  readonly finishedAt: Date;
  /**
   * How many data-plane versions have no file in the vault, by the last status; undefined where that cannot
   * be read.
   */
  readonly versionsWithoutFile: number | undefined;
  /** Why the status could not be written, where it could not. */
  readonly statusError: unknown;
  /**
   * Whether the vault keeps versions, as it has answered to the status: where nothing has changed, nothing
   * else is written that would tell.
   * @default no status was written
   */
  readonly keepsVersions?: boolean | undefined;
  /**
   * Why the last status was not believed: something stood in its place that was not ours.
   * @default it was, or there was none
   */
  readonly statusDisbelieved?: string | undefined;
  /**
   * Why further signing keys could not be asked for: what may be signed with them is not judged.
   * @default there are none, or it could not be told
   */
  readonly missingKeys?: readonly unknown[] | undefined;
  /**
   * Whether this export is the first in which the control plane served only a client that named no plugin
   * versions.
   */
  readonly pluginVersionsOmitted: boolean;
  /** Whether everything that was asked for is in the vault. */
  readonly complete: boolean;
}

/** For the status, which is also written when the export's time is up. */
const recordingMs = 2_000;

/**
 * One export for all commands of a batch: reads the configuration of each data-plane version that may have
 * changed, publishes what is new and records the check in the status.
 *
 * @param signal ends whatever it waits for
 */
export async function runExport(
  unbound: ExportParts,
  commands: readonly ExportCommand[],
  signal?: AbortSignal,
): Promise<ExportReport> {
  const parts = signal === undefined ? unbound : partsWithin(unbound, signal);
  const now = parts.clock.now();
  const change = newestChange(commands, now);
  const last = await attempt(readStatus(parts, parts.name));
  const reason = {
    now,
    isToldOfChange: change !== undefined,
    isAskedByPerson: commands.some(({ cause }) => cause === 'manual'),
  };
  const outcome =
    'error' in last
      ? failAll(parts.dataPlaneVersions, last.error)
      : await checkVersions(parts, {
          reason,
          change,
          last: last.value.status && endBrokenRow(last.value.status, now, parts.scheduleMinutes),
          signal,
        });
  const { furtherKeys = [] } = parts;
  const { versions, pluginVersions } = outcome;
  const finishedAt = parts.clock.now();
  const known = 'error' in last ? undefined : last.value.status;
  const commanded = noteRequest(commands, versions.every(isDone));
  const certificateEndsAt = parts.certificateEndsAt?.();
  const status =
    'error' in last
      ? undefined
      : statusAfter(parts.name, outcome, known, { checkedAt: finishedAt, commanded, certificateEndsAt });
  const recorded =
    status === undefined || 'error' in last
      ? undefined
      : await attempt(record(parts, status, last.value, signal));
  const statusError = recorded !== undefined && 'error' in recorded ? recorded.error : undefined;
  const keepsVersions = recorded !== undefined && 'value' in recorded ? recorded.value : undefined;
  return {
    versions,
    waitingSince: oldestChange(commands),
    finishedAt,
    versionsWithoutFile: 'error' in last ? undefined : countWithoutFile(versions, known),
    pluginVersionsOmitted: pluginVersions !== undefined && known?.pluginVersions === undefined,
    statusError,
    keepsVersions,
    statusDisbelieved: 'error' in last ? undefined : last.value.disbelieved,
    missingKeys: 'error' in last || furtherKeys.length === 0 ? undefined : last.value.missingKeys,
    complete: statusError === undefined && versions.every(isDone),
  };
}

/**
 * That a control plane serves something older counts from check to check. Where one is missing between the
 * last and this one, nobody knows what it served meanwhile, and the time begins anew. So it does where the
 * last one is noted far ahead: by a clock that was set back since.
 */
function endBrokenRow(last: ControlPlaneStatus, now: Date, scheduleMinutes: number): ControlPlaneStatus {
  const withinMs = 1.5 * scheduleMinutes * 60_000;
  return Math.abs(now.getTime() - last.checkedAt.getTime()) <= withinMs
    ? last
    : {
        ...last,
        versions: last.versions.map(({ behindSince: _, behindConfigHash: __, ...version }) => version),
      };
}

/** What the newest of the operators who have asked for this export is told of it. */
function noteRequest(commands: readonly ExportCommand[], isComplete: boolean): LastCommand | undefined {
  const requests = commands.flatMap(({ at, requested }) =>
    requested === undefined ? [] : [{ at, ...requested }],
  );
  const newest = requests.reduce<(typeof requests)[number] | undefined>(
    (one, other) => (one === undefined || other.at >= one.at ? other : one),
    undefined,
  );
  return newest && { command: 'export', ...newest, outcome: isComplete ? 'done' : 'incomplete' };
}

/** Without the last status nobody would know the revisions. */
function failAll(dataPlaneVersions: readonly string[], error: unknown): CheckOutcome {
  return {
    versions: dataPlaneVersions.map((kongVersion) => ({ kongVersion, outcome: 'failed', error })),
    pluginVersions: undefined,
    held: undefined,
  };
}

/** Whether nothing is gained by another try. What the control plane cannot serve, it cannot in a minute. */
function isDone(version: VersionReport): boolean {
  const { outcome } = version;
  return outcome === 'not-served' || outcome === 'pinned' || (outcome !== 'failed' && version.settled);
}

/** The same parts, whose calls end with the signal. */
export function partsWithin(parts: ExportParts, signal: AbortSignal): ExportParts {
  return {
    ...parts,
    vault: parts.vault.within(signal),
    signer: parts.signer.within(signal),
    furtherKeys: parts.furtherKeys?.map((key) => key.within(signal)),
  };
}

function record(
  parts: ExportParts,
  status: ControlPlaneStatus,
  known: KnownStatus,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const isLate = signal?.aborted === true;
  const within = isLate ? partsWithin(parts, parts.clock.deadline(recordingMs)) : parts;
  return recordStatus(within, status, known);
}

/** A version that failed now may have a file from an earlier export, which the status lists. */
function countWithoutFile(versions: readonly VersionReport[], last: ControlPlaneStatus | undefined): number {
  const known = new Set(last?.versions.map(({ kongVersion }) => kongVersion));
  const hasNoNewFile = (version: VersionReport) =>
    version.outcome === 'held' ? version.kept === undefined : version.outcome === 'failed';
  return versions.filter((version) => hasNoNewFile(version) && !known.has(version.kongVersion)).length;
}

/**
 * Whether an export failed only because the control plane is unreachable. That is the case the vault exists
 * for.
 */
export function isOutage(report: ExportReport): boolean {
  const failures = report.versions.filter((version) => version.outcome === 'failed');
  return (
    failures.length > 0 &&
    failures.every(({ error }) => error instanceof ControlPlaneError && error.code === 'unreachable')
  );
}
