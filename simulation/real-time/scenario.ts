import type { ExportMetric } from '../../core/export/measurements.ts';
import type { VersionReport } from '../../core/export/version-report.ts';
import type { FetchPace } from '../../core/fetch/fetch-config.ts';
import { verifyManifest } from '../../core/vault/manifest.ts';
import type { VerificationKey } from '../../core/vault/signer.ts';
import { readUnverifiedStatus } from '../../core/vault/status.ts';
import type { ArmedFault } from '../faults.ts';
import { type Cell, isOfDataPlane } from './cells.ts';

export const controlPlane = 'prod';
/** Those of the simulation's control plane (simulation/world/world.ts). */
export const dataPlaneVersions = ['3.9.1', '3.4.2'] as const;
/** What Kong waits for the answer to a hook. */
export const hookPatienceMs = 30_000;
/** Longer than anything takes that ends at all. */
export const patienceMs = 15 * 60 * 1000;

/** As `lifeboat fetch` has it. */
export const fetchPace: FetchPace = { spreadMs: 0, patienceMs: 120_000, onThrottled: () => undefined };

/** One deployment that a cell is played with: that of the simulation, or the one over HTTP. */
export interface CellSystem {
  /** The next calls of these names fail so. */
  arm(faults: readonly ArmedFault[]): void;
  /** Whether all of them have hit a call. */
  isSpent(): boolean;
  /** Takes the warm functions away. */
  startCold(): Promise<void>;
  /** Asks for an export as the schedule does. */
  ringSchedule(): Promise<void>;
  /**
   * Changes the configuration, once, and calls the hook.
   *
   * @returns what the hook was answered
   */
  change(): Promise<string>;
  /** Waits until no message is left, and nothing works on one. */
  waitUntilIdle(): Promise<void>;
  readVault(): Promise<VaultView>;
  /**
   * Asks for a grant and downloads the file, as a new data plane does.
   *
   * @returns what was stored, or the code of what failed
   */
  fetch(): Promise<FetchView>;
  readonly batches: readonly BatchView[];
  stop(): Promise<void>;
}

/** What an export reported: outcomes, and the metrics that do not depend on time and size. */
export interface BatchView {
  readonly versions: readonly string[];
  readonly measured: Readonly<Partial<Record<ExportMetric, number>>>;
}

/** What is published. */
export interface VaultView {
  readonly files: readonly string[];
  readonly status: readonly string[];
}

export interface FetchView {
  readonly outcome: string;
  /** What stands at the file's place afterwards. */
  readonly file: string;
}

/** Everything that is compared. */
export interface CellView {
  readonly isFaultSpent: boolean;
  readonly hook: string;
  readonly batches: readonly BatchView[];
  readonly afterFault: VaultView;
  readonly afterSchedule: VaultView;
  readonly fetches: readonly FetchView[];
}

/**
 * The scenario: something is published, the configuration changes while the fault strikes, the schedule asks
 * again, and a data plane fetches its file twice.
 */
export async function playCell(system: CellSystem, cell: Cell): Promise<CellView> {
  const faults = [cell.fault, ...(cell.precondition === undefined ? [] : [cell.precondition])];
  await system.ringSchedule();
  await system.waitUntilIdle();
  if (!isOfDataPlane(cell)) {
    await system.startCold();
    system.arm(faults);
  }
  const hook = await system.change();
  await system.waitUntilIdle();
  const afterFault = await system.readVault();
  await system.ringSchedule();
  await system.waitUntilIdle();
  const afterSchedule = await system.readVault();
  if (isOfDataPlane(cell)) {
    system.arm(faults);
  }
  const fetches = [await system.fetch(), await system.fetch()];
  return {
    isFaultSpent: system.isSpent(),
    hook,
    batches: system.batches,
    afterFault,
    afterSchedule,
    fetches,
  };
}

const leftOut: readonly ExportMetric[] = [
  'ChangeToPublished',
  'ExportedEntities',
  'ConfigBytes',
  'CertificateDaysLeft',
];

/** What a batch's report has that both sides must have the same. */
export function viewBatch(
  versions: readonly VersionReport[],
  measured: Readonly<Partial<Record<ExportMetric, number>>>,
): BatchView {
  return {
    versions: versions.map((version) => `${version.kongVersion} ${describeReport(version)}`),
    measured: Object.fromEntries(
      Object.entries(measured).filter(([name]) => !leftOut.some((each) => each === name)),
    ),
  };
}

function describeReport(version: VersionReport): string {
  switch (version.outcome) {
    case 'failed':
      return `failed (${readCode(version.error)})`;
    case 'not-served':
      return 'not served';
    case 'published': {
      const { settled, manifest, manifestReplaced } = version;
      return `published revision ${manifest.revision}${settled ? '' : ', unsettled'}${manifestReplaced ? ', replaced a stranger’s' : ''}`;
    }
    default:
      return `${version.outcome}${version.settled ? '' : ', unsettled'}${version.asked === undefined ? ', not asked' : ''}`;
  }
}

/** The code of an error of ours; another one is called by its name. */
export function readCode(error: unknown): string {
  const { code, name } = error as { readonly code?: string; readonly name?: string };
  return code ?? name ?? String(error);
}

/** An object of the vault, as each side has it. */
export interface StoredFile {
  readonly kongVersion: string;
  /** Undefined where there is no object. */
  readonly manifest: string | undefined;
  /** Of its versions. */
  readonly count: number;
}

/** @param nameHash what a hash of the control plane stands for */
export async function viewVault(
  files: readonly StoredFile[],
  statusText: string | undefined,
  trusted: readonly VerificationKey[],
  nameHash: (configHash: string) => string,
): Promise<VaultView> {
  const { versions, pluginVersions } =
    statusText === undefined ? { versions: [], pluginVersions: undefined } : readUnverifiedStatus(statusText);
  return {
    files: await Promise.all(
      files.map(async ({ kongVersion, manifest, count }) => {
        if (manifest === undefined) {
          return `${kongVersion} nothing`;
        }
        const { revision, configHash } = await verifyManifest(manifest, trusted);
        return `${kongVersion} revision ${revision} of ${count}, ${nameHash(configHash)}`;
      }),
    ),
    status: [
      ...versions.map(
        (version) =>
          `${version.kongVersion} revision ${version.revision}, ${nameHash(version.configHash)}${version.changed ? ', changed' : ''}`,
      ),
      ...(pluginVersions === undefined ? [] : ['plugins are announced without versions']),
    ],
  };
}
