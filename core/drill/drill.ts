/** Plays a new data plane: grant, download, verification, parse, references, size. */
import { attempt } from '../attempt.ts';
import type { Clock } from '../clock.ts';
import { type Downloaded, type DownloadRequest, downloadVerified } from '../fetch/download.ts';
import { StandbyError, type VerifiedPart } from '../fetch/errors.ts';
import type { ReceivedGrant } from '../fetch/grant-request.ts';
import type { GrantSource } from '../fetch/grant-source.ts';
import { type HeldFile, holdFile } from '../fetch/held-file.ts';
import type { DrillFault, DrillRecord } from '../inspect/drill-record.ts';
import { checkTable } from '../inspect/verification.ts';
import type { RandomSource } from '../random-source.ts';
import { untilAborted } from '../vault/published-content.ts';
import type { VerificationKey } from '../vault/signer.ts';
import { checkSize } from './size.ts';

export interface DrillParts extends Pick<DownloadRequest, 'fetch'> {
  readonly controlPlane: string;
  /** Where a data plane of a version asks. */
  readonly grantsOf: (kongVersion: string) => GrantSource;
  /** Keys that a data plane has pinned. */
  readonly trusted: () => Promise<readonly VerificationKey[]>;
  /** Kong's `lmdb_map_size`, bytes. */
  readonly lmdbMapBytes: number;
  /** Where a file is held while it is looked at; nobody else can open it there. */
  readonly holdDirectory: string;
  /** For one version. */
  readonly timeoutMs: number;
  /** For all of them: what was not checked by then has failed. */
  readonly totalMs: number;
  /** Ends all of them before their time, as a person's Ctrl-C does. */
  readonly signal?: AbortSignal | undefined;
  /** Whether a grant is of a copy, which may be behind. @default none is */
  readonly mayLag?: ((grant: ReceivedGrant) => boolean) | undefined;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** What a Kong says to the file, last. @default there is none here */
  readonly bootKong?: ((file: HeldFile, downloaded: Downloaded) => Promise<DrillCheck>) | undefined;
}

/** One step of a drill. */
export interface DrillCheck {
  readonly check: 'grant' | 'file' | 'json' | 'references' | 'size' | 'kong';
  readonly outcome: 'passed' | 'failed' | 'left out';
  /** What has failed. */
  readonly fault?: DrillFault;
  /** What was found, in a sentence. */
  readonly detail: string;
}

/** What became of the new data plane of one version. */
export interface DrilledVersion {
  readonly kongVersion: string;
  readonly outcome: 'passed' | 'failed';
  readonly seconds: number;
  readonly revision?: number;
  readonly sha256?: string;
  readonly sizeBytes?: number;
  /** When the file was last known to be the newest. */
  readonly verifiedAt?: Date;
  readonly warning?: string;
  /** In order, up to the first that failed. */
  readonly checks: readonly DrillCheck[];
}

export interface DrillReport {
  readonly at: Date;
  /** Whether each version passed that has a file, and one has. */
  readonly outcome: 'passed' | 'failed';
  readonly seconds: number;
  /** How long ago the oldest of the files was verified as current; undefined where nobody can tell. */
  readonly restorableAgeSeconds: number | undefined;
  readonly versions: readonly DrilledVersion[];
}

/** Drills each version, one after another: memory and disk hold one file. */
export async function drill(parts: DrillParts, kongVersions: readonly string[]): Promise<DrillReport> {
  const { clock, totalMs } = parts;
  const [at, beginMs] = [clock.now(), clock.monotonicMs()];
  const signal = clock.deadline(totalMs, parts.signal);
  const versions: DrilledVersion[] = [];
  for (const kongVersion of kongVersions) {
    versions.push(
      signal.aborted ? passOver(kongVersion) : await drillVersion({ ...parts, signal }, kongVersion),
    );
  }
  // A version without a file has an alarm of its own, and must not hide what becomes of the others.
  const drilled = versions.filter((each) => findFault(each) !== 'missing');
  const ages = drilled.map(({ verifiedAt }) =>
    verifiedAt === undefined ? Number.NaN : Math.max(0, at.getTime() - verifiedAt.getTime()) / 1000,
  );
  const oldest = Math.max(...ages);
  return {
    at,
    outcome: drilled.length > 0 && drilled.every(({ outcome }) => outcome === 'passed') ? 'passed' : 'failed',
    seconds: (clock.monotonicMs() - beginMs) / 1000,
    // Of one that nobody can tell the age of, all is not known to be younger than the others.
    restorableAgeSeconds: Number.isFinite(oldest) ? oldest : undefined,
    versions,
  };
}

/** What has kept the others says more: nobody was asked for this one. */
function passOver(kongVersion: string): DrilledVersion {
  const detail = 'It was not looked at: the time for all versions was over.';
  return {
    ...{ kongVersion, outcome: 'failed', seconds: 0 },
    checks: [{ check: 'grant', outcome: 'failed', fault: 'time', detail }],
  };
}

/** What has failed a version's drill. */
export function findFault({ checks }: Pick<DrilledVersion, 'checks'>): DrillFault | undefined {
  return checks.find(({ outcome }) => outcome === 'failed')?.fault;
}

/** What is kept of a drill. */
export function summarizeDrill({ versions, restorableAgeSeconds, ...report }: DrillReport): DrillRecord {
  return {
    ...report,
    ...(restorableAgeSeconds === undefined ? {} : { restorableAgeSeconds }),
    versions: versions.map(({ kongVersion, outcome, revision, checks }) => {
      const failed = checks.find((each) => each.outcome === 'failed');
      return {
        ...{ kongVersion, outcome },
        ...(revision === undefined ? {} : { revision }),
        ...(failed?.fault === undefined ? {} : { fault: failed.fault, detail: failed.detail }),
      };
    }),
  };
}

async function drillVersion(parts: DrillParts, kongVersion: string): Promise<DrilledVersion> {
  const { clock, timeoutMs } = parts;
  const beginMs = clock.monotonicMs();
  const signal = clock.deadline(timeoutMs, parts.signal);
  let held: HeldFile | undefined;
  let described: Partial<DrilledVersion> = {};
  const checks: DrillCheck[] = [];
  try {
    const grant = await attempt(parts.grantsOf(kongVersion).requestGrant(undefined, signal));
    if (!('value' in grant)) {
      checks.push(failGrant(grant.error));
    } else {
      checks.push({
        check: 'grant',
        outcome: 'passed',
        detail: `Granted, for Kong ${grant.value.kongVersion}.`,
      });
      const received = await attempt(receive(parts, kongVersion, grant.value, signal));
      if (!('value' in received)) {
        checks.push(failFile(received.error));
      } else {
        const { file, downloaded } = received.value;
        held = file;
        described = describeDownloaded(downloaded);
        checks.push(...(await lookInto(parts, downloaded, file, signal)));
      }
    }
  } finally {
    await held?.close();
  }
  return {
    kongVersion,
    outcome: checks.some(({ outcome }) => outcome === 'failed') ? 'failed' : 'passed',
    seconds: (clock.monotonicMs() - beginMs) / 1000,
    ...described,
    checks,
  };
}

/** @returns what was downloaded, to be closed */
async function receive(
  parts: DrillParts,
  kongVersion: string,
  grant: ReceivedGrant,
  signal: AbortSignal,
): Promise<{ readonly file: HeldFile; readonly downloaded: Downloaded }> {
  const file = await holdFile(parts.holdDirectory, parts.random);
  try {
    return { file, downloaded: await download(parts, kongVersion, grant, file, signal) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function download(
  { controlPlane, trusted, mayLag, lmdbMapBytes, timeoutMs, clock, random, fetch }: DrillParts,
  kongVersion: string,
  grant: ReceivedGrant,
  file: HeldFile,
  signal: AbortSignal,
): Promise<Downloaded> {
  const { url, statusUrl, kongVersion: grantedVersion } = grant;
  return downloadVerified({
    mayLag: mayLag?.(grant),
    ...{ url, statusUrl, controlPlane, kongVersion, grantedVersion, timeoutMs, clock, random, fetch, signal },
    trusted: await trusted(),
    // It is written nowhere by a name.
    output: '',
    openOutput: async () => ({ write: file.write, complete: async () => undefined, abandon: file.close }),
    maxBytes: lmdbMapBytes,
  });
}

function describeDownloaded({ manifest, currency }: Downloaded): Partial<DrilledVersion> {
  const { verifiedAt, warning } = currency;
  return {
    ...{ revision: manifest.revision, sha256: manifest.sha256, sizeBytes: manifest.size },
    ...(verifiedAt === undefined ? {} : { verifiedAt }),
    ...(warning === undefined ? {} : { warning }),
  };
}

/** Looks into a file that is what was signed. */
async function lookInto(
  { lmdbMapBytes, bootKong }: DrillParts,
  downloaded: Downloaded,
  file: HeldFile,
  signal: AbortSignal,
): Promise<readonly DrillCheck[]> {
  const { manifest } = downloaded;
  const checks: DrillCheck[] = [
    {
      check: 'file',
      outcome: 'passed',
      detail: `Revision ${manifest.revision}, ${manifest.size} bytes, as it was signed.`,
    },
  ];
  const table = await attempt(
    checkTable(() => untilAborted(file.read(), signal), manifest.entities['total']),
  );
  if (!('value' in table)) {
    return [
      ...checks,
      {
        check: 'json',
        outcome: 'failed',
        ...describeUnparsed(table.error, signal),
      },
    ];
  }
  for (const { check, outcome, detail } of table.value.checks) {
    const isReferences = check === 'references';
    checks.push({
      check: isReferences ? 'references' : 'json',
      ...(outcome === 'failed'
        ? { outcome, fault: isReferences ? 'reference' : 'file' }
        : { outcome: 'passed' }),
      detail,
    });
  }
  const entities = manifest.entities['total'] ?? 0;
  checks.push(checkSize({ sizeBytes: manifest.size, entities }, lmdbMapBytes));
  const isGood = checks.every(({ outcome }) => outcome !== 'failed');
  return bootKong !== undefined && isGood ? [...checks, await bootKong(file, downloaded)] : checks;
}

function describeUnparsed(error: unknown, signal: AbortSignal): Pick<DrillCheck, 'fault' | 'detail'> {
  if (error instanceof StandbyError && error.code === 'output') {
    return { fault: 'disk', detail: error.message };
  }
  return signal.aborted
    ? { fault: 'time', detail: 'It could not be parsed in time.' }
    : { fault: 'file', detail: 'It cannot be parsed.' };
}

function failGrant(error: unknown): DrillCheck {
  const { code, message } = requireStandbyError(error);
  return {
    check: 'grant',
    outcome: 'failed',
    fault: code === 'no-file' ? 'missing' : 'api',
    detail: message,
  };
}

const faultOfPart: Readonly<Record<VerifiedPart, DrillFault>> = {
  signature: 'key',
  owner: 'control-plane',
  version: 'version',
  content: 'file',
};

function failFile(error: unknown): DrillCheck {
  const { code, message, part } = requireStandbyError(error);
  const faults: Partial<Record<StandbyError['code'], DrillFault>> = {
    'no-file': 'missing',
    outdated: 'outdated',
    output: 'disk',
    // Without a part it is too large: for the map.
    verification: part === undefined ? 'size' : faultOfPart[part],
  };
  return { check: 'file', outcome: 'failed', fault: faults[code] ?? 'vault', detail: message };
}

/** @throws whatever is no failure of a data plane: a fault of ours */
function requireStandbyError(error: unknown): StandbyError {
  if (error instanceof StandbyError) {
    return error;
  }
  throw error;
}
