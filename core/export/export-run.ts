import type { Clock } from '../clock.ts';
import type { ExportCommand } from '../intake/export-command.ts';
import type { ControlPlane, ControlPlaneVisit } from '../kong/control-plane.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import type { RandomSource } from '../random-source.ts';
import type { ConfigVault, ControlPlaneStatus, VersionStatus } from '../vault/config-vault.ts';
import { type Publication, publish } from '../vault/publish.ts';
import type { Signer } from '../vault/signer.ts';
import type { Changes } from './changes.ts';
import { type NewestChange, newestChange, oldestChange } from './commanded-changes.ts';
import { revisionChanges } from './revision-changes.ts';

export interface ExportParts {
  readonly controlPlane: ControlPlane;
  /** Its name: it stands in keys and manifests. */
  readonly name: string;
  readonly vault: ConfigVault;
  readonly signer: Signer;
  /** Full versions of the data planes to publish for. */
  readonly dataPlaneVersions: readonly string[];
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** What became of one data-plane version's file. */
export type VersionReport = { readonly kongVersion: string } & (
  | (Publication & {
      readonly settled: boolean;
      /** What a published revision changed, where that could be told. */
      readonly changes?: Attempt<Changes | undefined>;
    })
  | { readonly outcome: 'failed'; readonly error: unknown }
);

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
  /** Whether everything that was asked for is in the vault. */
  readonly complete: boolean;
}

/**
 * One export for all commands of a batch: reads each data-plane version's configuration, publishes what is
 * new and records the check in the status. A version that fails does not hold up the others.
 */
export async function runExport(
  parts: ExportParts,
  commands: readonly ExportCommand[],
  signal?: AbortSignal,
): Promise<ExportReport> {
  const change = newestChange(commands, parts.clock.now());
  const [last] = await Promise.all([
    attempt(parts.vault.lastStatus(parts.name)),
    // Fetched meanwhile and remembered by the signer. If it fails, publishing asks again and reports the
    // error.
    attempt(parts.signer.verificationKey()),
  ]);
  const visit = parts.controlPlane.visit();
  const versions = await Promise.all(
    parts.dataPlaneVersions.map(async (kongVersion): Promise<VersionReport> => {
      if ('error' in last) {
        return { kongVersion, outcome: 'failed', error: last.error };
      }
      const lastStatus = last.value?.versions.find((version) => version.kongVersion === kongVersion);
      const report = await attempt(exportVersion(parts, visit, { kongVersion, change, lastStatus, signal }));
      return 'error' in report ? { kongVersion, outcome: 'failed', error: report.error } : report.value;
    }),
  );
  await visit.end();
  const finishedAt = parts.clock.now();
  const status = 'error' in last ? undefined : statusAfter(parts.name, versions, last.value, finishedAt);
  const recorded = status === undefined ? undefined : await attempt(parts.vault.recordStatus(status));
  const statusError = recorded !== undefined && 'error' in recorded ? recorded.error : undefined;
  return {
    // Done last, so that it delays neither the publication nor the status.
    versions: await Promise.all(versions.map((version) => addChanges(parts, version))),
    waitingSince: oldestChange(commands),
    finishedAt,
    versionsWithoutFile: 'error' in last ? undefined : countWithoutFile(versions, last.value),
    statusError,
    complete:
      statusError === undefined &&
      versions.every((version) => version.outcome !== 'failed' && version.settled),
  };
}

async function addChanges(parts: ExportParts, version: VersionReport): Promise<VersionReport> {
  if (version.outcome !== 'published') {
    return version;
  }
  const name = { controlPlane: parts.name, kongVersion: version.kongVersion };
  return { ...version, changes: await attempt(revisionChanges(parts.vault, name, version)) };
}

export type Attempt<Value> = { readonly value: Value } | { readonly error: unknown };

/** A version that fails must not fail the others. */
async function attempt<Value>(work: Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}

async function exportVersion(
  parts: ExportParts,
  visit: ControlPlaneVisit,
  { kongVersion, change, lastStatus, signal }: VersionRequest,
): Promise<VersionReport> {
  const configuration = await visit.configuration({
    dataPlaneVersion: kongVersion,
    changedAt: change?.at,
    configHash: change?.configHash,
    signal,
  });
  const outcome = await publish(parts, {
    name: { controlPlane: parts.name, kongVersion },
    configuration,
    lastStatus,
    signal,
  });
  return { kongVersion, settled: configuration.settled, ...outcome };
}

interface VersionRequest {
  readonly kongVersion: string;
  readonly change: NewestChange | undefined;
  readonly lastStatus: VersionStatus | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A version that failed now may have a file from an earlier export, which the status lists. */
function countWithoutFile(versions: readonly VersionReport[], last: ControlPlaneStatus | undefined): number {
  const known = new Set(last?.versions.map(({ kongVersion }) => kongVersion));
  return versions.filter(({ kongVersion, outcome }) => outcome === 'failed' && !known.has(kongVersion))
    .length;
}

/** The status after this export; undefined when no version could be checked. */
function statusAfter(
  controlPlane: string,
  versions: readonly VersionReport[],
  last: ControlPlaneStatus | undefined,
  checkedAt: Date,
): ControlPlaneStatus | undefined {
  const checked = versions.flatMap((version): VersionStatus[] => {
    if (version.outcome === 'failed') {
      return (last?.versions ?? [])
        .filter(({ kongVersion }) => kongVersion === version.kongVersion)
        .map((before) => ({ ...before, changed: false }));
    }
    const { kongVersion, outcome, manifest } = version;
    return [
      {
        kongVersion,
        revision: manifest.revision,
        sha256: manifest.sha256,
        configHash: manifest.configHash,
        changed: outcome === 'published',
        versionId: version.versionId,
        servedTables: [...version.servedTables],
        ...(outcome === 'behind' ? { behindSince: version.behindSince } : {}),
      },
    ];
  });
  return versions.every(({ outcome }) => outcome === 'failed')
    ? undefined
    : { controlPlane, checkedAt, versions: checked };
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
