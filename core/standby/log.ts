import type { Currency } from '../fetch/currency.ts';
import type { StandbyError, StandbyErrorCode } from '../fetch/errors.ts';
import type { Manifest } from '../vault/manifest.ts';
import type { StaleCache } from './stale-cache.ts';
import type { WatchState } from './watch-state.ts';

/** A decision, with its reason. Holds no secret and no presigned URL. */
export interface StandbyLogEntry {
  readonly level: 'info' | 'warn';
  readonly event:
    | 'waiting'
    | 'asking'
    | 'verified'
    | 'unverified'
    | 'licence-missing'
    | 'failed'
    | 'seeded'
    | 'configured'
    | 'ended';
  readonly message: string;
  readonly code?: StandbyErrorCode;
  readonly revision?: number;
  /** Of which a file is, where that is not the first one. */
  readonly endpoint?: string;
  readonly nextTryInSeconds?: number;
  /** When the file was last known to be the newest. ISO 8601 UTC. */
  readonly verifiedAt?: string;
}

export const endedEntry: StandbyLogEntry = { level: 'info', event: 'ended', message: 'ended by a signal' };

export const askingForPreviousEntry: StandbyLogEntry = {
  level: 'info',
  event: 'asking',
  message: 'requesting the revision before the one that Kong did not load',
};

/** @param seconds for which the endpoints that were asked have not answered */
export function describeSecondRequest(seconds: number): StandbyLogEntry {
  const message = `no endpoint has answered for ${seconds} s: requesting the configuration from the next one as well`;
  return { level: 'info', event: 'asking', message };
}

export function describeSilence({ message }: StandbyError): StandbyLogEntry {
  return { level: 'info', event: 'waiting', message };
}

/** With one try only: what the status API fails with is the failure, and told once. */
export function describeWaitingForStatus(limitMs: number): StandbyLogEntry {
  const message = `Kong’s status API does not answer yet: waiting for it up to ${Math.round(limitMs / 1000)} s`;
  return { level: 'info', event: 'waiting', message };
}

export const connectedEntry: StandbyLogEntry = {
  level: 'info',
  event: 'waiting',
  message:
    'the node shows no configuration, which with cluster_incremental_sync may be the first version of its control plane: ' +
    'it is left alone while Kong is connected to that, or the connection cannot be seen (cluster_control_plane in .kong_env, /proc)',
};

export function describeInterruption(revision: number): StandbyLogEntry {
  const message = `Kong was started again, or wrote its settings anew, before it had loaded revision ${revision}: beginning again with it`;
  return { level: 'info', event: 'waiting', message, revision };
}

/** @param waitMs until the first try */
export function describeWaiting(waitMs: number, cache: StaleCache | undefined): StandbyLogEntry {
  const what =
    cache === undefined
      ? 'the node has no configuration'
      : `the node’s cache is of ${new Date(cache.writtenMs).toISOString()}, which is too old`;
  const message = `${what}: waiting ${Math.round(waitMs / 100) / 10} s for its control plane`;
  return { level: 'info', event: 'waiting', message };
}

export function describeAsking(cache: StaleCache | undefined): StandbyLogEntry {
  const message =
    cache === undefined
      ? 'the node still has no configuration: requesting the published one'
      : 'the node still has its old cache and no connection to its control plane: requesting the published configuration';
  return { level: 'info', event: 'asking', message };
}

/** @param endpoint which has granted it, where that is not the first one */
export function describeVerified(
  manifest: Manifest,
  { verifiedAt }: Currency,
  endpoint: string | undefined,
): StandbyLogEntry {
  const { revision, controlPlane, kongVersion, exportedAt, size } = manifest;
  const message =
    `revision ${revision} of control plane "${controlPlane}" for Kong ${kongVersion}, ` +
    `exported ${exportedAt.toISOString()}, ${size} bytes, is verified${endpoint === undefined ? '' : `; it is from ${endpoint}`}`;
  const verified = verifiedAt === undefined ? {} : { verifiedAt: verifiedAt.toISOString() };
  const origin = endpoint === undefined ? {} : { endpoint };
  return { level: 'info', event: 'verified', message, revision, ...origin, ...verified };
}

/** Of a file that may not be the newest. */
export function warnOfCurrency(message: string): StandbyLogEntry {
  return { level: 'warn', event: 'unverified', message };
}

export function warnOfLicence(message: string): StandbyLogEntry {
  return { level: 'warn', event: 'licence-missing', message };
}

/** @param pauseMs until the next try; undefined when it goes on at once */
export function describeFailure(
  { code, message }: StandbyError,
  pauseMs: number | undefined,
): StandbyLogEntry {
  const pause = pauseMs === undefined ? {} : { nextTryInSeconds: Math.round(pauseMs / 100) / 10 };
  return { level: 'warn', event: 'failed', message, code, ...pause };
}

export function describeOutcome({
  outcome,
  because,
}: Extract<WatchState, { readonly phase: 'done' }>): StandbyLogEntry {
  return outcome === 'seeded'
    ? { level: 'info', event: 'seeded', message: 'Kong has loaded the published configuration' }
    : { level: 'info', event: 'configured', message: reasonsToLeave[because ?? 'up to date'] };
}

const reasonsToLeave = {
  'up to date': 'the node has a configuration: nothing to do',
  'control plane connected':
    'the node’s cache is old, but Kong is connected to its control plane, or the connection cannot be seen ' +
    '(cluster_control_plane in .kong_env, /proc): nothing to do',
  'nothing newer': 'the node’s cache is old, but the vault has nothing newer: nothing to do',
} as const;

/** Logs of each subject only what has changed: a vault that is away for a day is one line, not a thousand. */
export function changeLogger(
  log: (entry: StandbyLogEntry) => void,
): (subject: string, entry: StandbyLogEntry) => void {
  const lastMessages = new Map<string, string>();
  return (subject, entry) => {
    if (lastMessages.get(subject) !== entry.message) {
      lastMessages.set(subject, entry.message);
      log(entry);
    }
  };
}
