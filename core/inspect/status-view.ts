import { type Attempt, attempt } from '../attempt.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { ConfigFileName } from '../vault/config-file-name.ts';
import type { ControlPlaneStatus, HeldStatus, Revision, VersionStatus } from '../vault/config-vault.ts';
import { VaultError } from '../vault/errors.ts';
import type { VaultReading } from '../vault/own-keys.ts';
import { nameHeld } from '../vault/plausibility.ts';
import { findStanding, type Standing } from '../vault/standing.ts';
import { type KnownStatus, readStatus } from '../vault/status.ts';
import type { DrillLog, DrillRecord } from './drill-record.ts';
import { type DescribedRevision, describeRevision } from './revisions.ts';

/** What a new data plane of a version would get now. */
export interface VersionView {
  readonly kongVersion: string;
  /**
   * - `ready`: a new data plane can boot with the revision below.
   * - `foreign`: something stands there that is not ours; data planes refuse it.
   * - `unjudged`: a key that may have signed it could not be asked for; data planes that pin it take it.
   * - `missing`: nothing was published for this version.
   * - `unknown`: the vault or a key did not answer.
   */
  readonly state: 'ready' | 'foreign' | 'unjudged' | 'missing' | 'unknown';
  /** What is wrong, in a sentence; undefined where it is ready. */
  readonly problem?: string;
  /** What stands there; for `foreign` the newest own revision, which is not served. */
  readonly current?: DescribedRevision;
  /** Since when the control plane has served something older than this. */
  readonly behindSince?: Date | undefined;
  /** When the control plane was last asked for this version. */
  readonly askedAt?: Date | undefined;
  /** Since when the control plane cannot serve this version. */
  readonly notServedSince?: Date | undefined;
}

/** What waits for a person. */
export type HeldView = Pick<HeldStatus, 'since' | 'reason' | 'what' | 'losses' | 'left'> & {
  /** How a command that approves it names it. */
  readonly sees: string;
};

/** Whether new data planes could boot, with what, and what the last check noted. */
export interface StatusView {
  readonly controlPlane: string;
  readonly lookedAt: Date;
  /** When the control plane's configuration was last compared with what is published. */
  readonly checkedAt?: Date | undefined;
  /** Why what the last check noted is not believed. */
  readonly disbelieved?: string | undefined;
  readonly versions: readonly VersionView[];
  readonly held?: HeldView | undefined;
  readonly approvedUntil?: Date | undefined;
  readonly lastCommand?: ControlPlaneStatus['lastCommand'];
  readonly pluginVersionsOmittedSince?: Date | undefined;
  /** When the cluster certificate ends, as the last check read it. */
  readonly certificateEndsAt?: Date | undefined;
  /** Whether a new data plane has booted that was played; absent where none is. */
  readonly drill?: DrillView | undefined;
}

/** The last drill, or why there is none to be told of. */
export type DrillView =
  | (DrillRecord & { readonly state: 'played' })
  /** None in the time in which there should have been one. */
  | { readonly state: 'missing' }
  /** The log of drills could not be read. */
  | { readonly state: 'unknown' };

/**
 * Looks at what stands in the place of each version's file, and at what the last check noted.
 *
 * @throws VaultError where the status cannot be read at all
 */
export async function viewStatus(
  parts: VaultReading & {
    readonly name: string;
    readonly dataPlaneVersions: readonly string[];
    readonly drillLog?: DrillLog | undefined;
  },
  lookedAt: Date,
): Promise<StatusView> {
  const { name: controlPlane, dataPlaneVersions } = parts;
  // Read beside the status: one answer after the other takes twice as long.
  const early = dataPlaneVersions.map((kongVersion) => {
    const reading = parts.vault.current({ controlPlane, kongVersion });
    ignoreErrors(reading);
    return reading;
  });
  const drill = parts.drillLog && viewDrill(parts.drillLog);
  const known = await readStatus(parts, controlPlane);
  const { status } = known;
  const versions = await Promise.all(
    dataPlaneVersions.map(async (kongVersion, index) => {
      const noted = status?.versions.find((each) => each.kongVersion === kongVersion);
      const standing = await attempt(judge(parts, { controlPlane, kongVersion }, noted, early[index]));
      const notServed = status?.notServed?.find((each) => each.kongVersion === kongVersion);
      return {
        kongVersion,
        ...describeStanding(standing),
        ...describeNoted(noted),
        ...(notServed === undefined ? {} : { notServedSince: notServed.since }),
      };
    }),
  );
  return {
    ...{ controlPlane, lookedAt, ...describeStatus(known), versions },
    ...(drill === undefined ? {} : { drill: await drill }),
  };
}

async function viewDrill(log: DrillLog): Promise<DrillView> {
  const found = await attempt(log.last());
  if ('error' in found) {
    return { state: 'unknown' };
  }
  return found.value === undefined ? { state: 'missing' } : { state: 'played', ...found.value };
}

/** @param early what was read of the file before it was known what the last check noted */
async function judge(
  parts: VaultReading,
  name: ConfigFileName,
  noted: VersionStatus | undefined,
  early: Promise<Revision | undefined> | undefined,
): Promise<Standing> {
  const standing = await findStanding(parts, name, noted, early);
  // An export may have published and noted it meanwhile: what was read early then only looks as if it were
  // put back.
  return standing.is === 'own' ? standing : findStanding(parts, name, noted);
}

function describeStatus({ status, disbelieved }: KnownStatus) {
  if (status === undefined) {
    return { disbelieved };
  }
  const { checkedAt, held, approval, lastCommand, pluginVersions, certificateEndsAt } = status;
  return {
    checkedAt,
    ...(held === undefined ? {} : { held: describeHeld(held) }),
    ...(approval === undefined ? {} : { approvedUntil: approval.until }),
    ...(lastCommand === undefined ? {} : { lastCommand }),
    ...(certificateEndsAt === undefined ? {} : { certificateEndsAt }),
    ...(pluginVersions === undefined ? {} : { pluginVersionsOmittedSince: pluginVersions.omittedSince }),
  };
}

function describeHeld(held: HeldStatus): HeldView {
  const { since, reason, what, losses, left } = held;
  return { since, reason, what, losses, left, sees: nameHeld(held) };
}

function describeStanding(standing: Attempt<Standing>): Omit<VersionView, 'kongVersion'> {
  if ('error' in standing) {
    const { error } = standing;
    return {
      state: 'unknown',
      problem: error instanceof VaultError ? `${error.message}.` : 'The vault could not be read.',
    };
  }
  switch (standing.value.is) {
    case 'own':
      return { state: 'ready', current: describeRevision(standing.value.own) };
    case 'nothing':
      return { state: 'missing', problem: 'Nothing was published for this version yet.' };
    case 'unjudged': {
      const { newestOwn } = standing.value;
      return {
        state: 'unjudged',
        problem: 'It may be signed with a key of ours that could not be asked for (setting signingKeys).',
        ...(newestOwn === undefined ? {} : { current: describeRevision(newestOwn) }),
      };
    }
    case 'foreign': {
      const { foreign, newestOwn } = standing.value;
      return {
        state: 'foreign',
        problem: `In its place is ${foreign.what}. The next export replaces it.`,
        ...(newestOwn === undefined ? {} : { current: describeRevision(newestOwn) }),
      };
    }
  }
}

function describeNoted(noted: VersionStatus | undefined) {
  return {
    ...(noted?.behindSince === undefined ? {} : { behindSince: noted.behindSince }),
    ...(noted?.askedAt === undefined ? {} : { askedAt: noted.askedAt }),
  };
}
