import { compareVersions } from '../kong/version-choice.ts';
import type { ControlPlaneStatus, NotServed, VersionStatus } from '../vault/config-vault.ts';

/** A data-plane version whose turn it is to be checked, and what the last check noted of it. */
export interface VersionTurn {
  readonly kongVersion: string;
  /** Undefined where it has no file yet. */
  readonly lastStatus: VersionStatus | undefined;
  /** There where the control plane could not serve it. */
  readonly notServed: NotServed | undefined;
}

/** What the control plane served, in the check at hand, to the newest version that it serves. */
export interface NewestServed {
  readonly configHash: string;
  readonly builtAt: Date;
  /** Whether it came in bytes that were not seen before: the control plane was changed or started anew. */
  readonly isInNewBytes: boolean;
}

/** Why a check is done. */
export interface CheckReason {
  readonly now: Date;
  /** Whether somebody has told of a change. */
  readonly isToldOfChange: boolean;
  /** Whether a person has asked for it. */
  readonly isAskedByPerson: boolean;
}

/** A minute less than an hour, so that with an hourly schedule each check asks. */
export const askingIntervalMs = 59 * 60 * 1000;

/**
 * For so long a version that was served before is asked for in each check although it was refused: a control
 * plane that is started anew, or something in between, closes connections, too.
 */
export const doubtMs = 10 * 60 * 1000;

/**
 * The versions in the order in which they are checked: the newest served one first, for its answer says
 * whether to ask for the others. One that failed the last time, or cannot be served, holds up nobody.
 */
export function versionTurns(
  dataPlaneVersions: readonly string[],
  last: ControlPlaneStatus | undefined,
): readonly VersionTurn[] {
  return dataPlaneVersions
    .map((kongVersion) => ({
      kongVersion,
      lastStatus: last?.versions.find((version) => version.kongVersion === kongVersion),
      notServed: last?.notServed?.find((version) => version.kongVersion === kongVersion),
    }))
    .sort((a, b) => rank(a) - rank(b) || compareVersions(b.kongVersion, a.kongVersion));
}

function rank({ lastStatus, notServed }: VersionTurn): number {
  if (notServed !== undefined) {
    return 2;
  }
  return lastStatus?.askedAt === undefined ? 1 : 0;
}

/**
 * Whether the control plane is asked for a version, or only the vault is looked at
 * (docs/design.md#6-read-as-a-data-plane).
 *
 * @param newest undefined while nothing was served in this check
 */
export function mustAsk(
  { lastStatus, notServed }: VersionTurn,
  { now, isToldOfChange, isAskedByPerson }: CheckReason,
  newest: NewestServed | undefined,
): boolean {
  const { askedAt } = notServed ?? lastStatus ?? {};
  // A moment far ahead was noted by a clock that was set back since.
  if (
    isAskedByPerson ||
    askedAt === undefined ||
    Math.abs(now.getTime() - askedAt.getTime()) >= askingIntervalMs
  ) {
    return true;
  }
  if (notServed !== undefined) {
    return lastStatus !== undefined && askedAt.getTime() - notServed.since.getTime() < doubtMs;
  }
  return (
    isToldOfChange ||
    newest === undefined ||
    newest.isInNewBytes ||
    newest.configHash !== lastStatus?.newestConfigHash
  );
}
