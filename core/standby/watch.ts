import type { Manifest } from '../vault/manifest.ts';
import type { StandbyErrorCode } from './errors.ts';
import type { ReceivedGrant } from './grant-request.ts';

export interface WatchPolicy {
  /** How long an empty node is left to its control plane, counted from the first answer of its status API. */
  readonly afterMs: number;
  /** How many grant endpoints there are; a try asks them in order. */
  readonly endpoints: number;
  /** Pauses grow up to twice this with the first failed try, four times with the second, ... */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** From the first try on; later tries come at the slow pace. */
  readonly fastForMs: number;
  readonly slowPauseMs: number;
}

interface History {
  /** Since when the status API has answered without a break. */
  readonly answeringSinceMs?: number | undefined;
  readonly firstTryMs?: number | undefined;
  readonly failedTries: number;
  /** No try before this time. */
  readonly notBeforeMs: number;
  /** Content that the node refused since it was started. */
  readonly refusedSha256?: string | undefined;
}

/** A try: where it is, and whether trying again soon could help with what went wrong so far. */
interface Try extends History {
  readonly endpoint: number;
  readonly isHopeful: boolean;
}

export type WatchState =
  | (History & { readonly phase: 'waiting' })
  | (Try & { readonly phase: 'granting' })
  | (Try & { readonly phase: 'downloading'; readonly grant: ReceivedGrant })
  | (Try & { readonly phase: 'seeding'; readonly manifest: Manifest })
  | { readonly phase: 'done'; readonly outcome: 'seeded' | 'has a configuration' };

export type WatchEvent =
  /** The status API did not answer. */
  | { readonly type: 'silent' }
  | { readonly type: 'empty' }
  | { readonly type: 'configured' }
  | { readonly type: 'granted'; readonly grant: ReceivedGrant }
  | { readonly type: 'downloaded'; readonly manifest: Manifest }
  | { readonly type: 'seeded' }
  | { readonly type: 'failed'; readonly code: StandbyErrorCode };

export interface Moment {
  readonly nowMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

export const begin: WatchState = { phase: 'waiting', failedTries: 0, notBeforeMs: 0 };

/** What comes after `event`. The state's phase is what is to be done next; before each of them the status is asked again. */
export function next(
  policy: WatchPolicy,
  state: WatchState,
  event: WatchEvent,
  { nowMs, random }: Moment,
): WatchState {
  if (state.phase === 'done') {
    return state;
  }
  switch (event.type) {
    case 'configured':
      return { phase: 'done', outcome: 'has a configuration' };
    case 'seeded':
      return { phase: 'done', outcome: 'seeded' };
    case 'silent':
      // A Kong that starts anew gets its time again, and may accept what it refused before.
      return { ...waiting(state), answeringSinceMs: undefined, refusedSha256: undefined };
    case 'empty':
      return state.phase === 'waiting' ? whenDue(policy, state, nowMs) : state;
    case 'granted':
      return state.phase === 'granting' ? { ...state, phase: 'downloading', grant: event.grant } : state;
    case 'downloaded':
      return state.phase === 'downloading'
        ? { ...tryOf(state), phase: 'seeding', manifest: event.manifest }
        : state;
    case 'failed':
      return state.phase === 'waiting' ? state : afterFailure(policy, state, event.code, { nowMs, random });
  }
}

/** When a node that stays empty is tried; undefined while its status API does not answer. */
export function dueMs({ afterMs }: WatchPolicy, history: History): number | undefined {
  const { answeringSinceMs, notBeforeMs } = history;
  return answeringSinceMs === undefined ? undefined : Math.max(answeringSinceMs + afterMs, notBeforeMs);
}

function whenDue(policy: WatchPolicy, state: History, nowMs: number): WatchState {
  const waited = { ...waiting(state), answeringSinceMs: state.answeringSinceMs ?? nowMs };
  if (nowMs < (dueMs(policy, waited) ?? Number.POSITIVE_INFINITY)) {
    return waited;
  }
  return {
    ...waited,
    firstTryMs: waited.firstTryMs ?? nowMs,
    phase: 'granting',
    endpoint: 0,
    isHopeful: false,
  };
}

function afterFailure(
  policy: WatchPolicy,
  state: Exclude<WatchState, { readonly phase: 'waiting' | 'done' }>,
  code: StandbyErrorCode,
  { nowMs, random }: Moment,
): WatchState {
  const isHopeful = state.isHopeful || mayPassSoon[code];
  const isEndpointsFault = state.phase !== 'seeding' && code !== 'output' && code !== 'kong';
  if (isEndpointsFault && state.endpoint + 1 < policy.endpoints) {
    return { ...tryOf(state), phase: 'granting', endpoint: state.endpoint + 1, isHopeful };
  }
  const failedTries = state.failedTries + 1;
  const isFast = isHopeful && nowMs - (state.firstTryMs ?? nowMs) < policy.fastForMs;
  const pause = isFast ? fastPauseMs(policy, failedTries, random) : slowPauseMs(policy, random);
  const isRefusal = state.phase === 'seeding' && code === 'refused';
  return {
    ...waiting(state),
    failedTries,
    notBeforeMs: nowMs + pause,
    refusedSha256: isRefusal ? state.manifest.sha256 : state.refusedSha256,
  };
}

/**
 * What is wrong in the vault, with the pinned key or with the disk is not better in a second. Credentials and clocks often are, on a machine
 * that has just started.
 */
const mayPassSoon: Readonly<Record<StandbyErrorCode, boolean>> = {
  denied: true,
  unreachable: true,
  kong: true,
  'no-file': false,
  verification: false,
  output: false,
  refused: false,
};

/** Exponential backoff with full jitter, so that nodes that failed together do not come back together. */
function fastPauseMs(policy: WatchPolicy, failedTries: number, random: number): number {
  return random * Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** failedTries);
}

function slowPauseMs(policy: WatchPolicy, random: number): number {
  return policy.slowPauseMs * (0.75 + random / 2);
}

function waiting(state: History): History & { readonly phase: 'waiting' } {
  const { answeringSinceMs, firstTryMs, failedTries, notBeforeMs, refusedSha256 } = state;
  return { phase: 'waiting', answeringSinceMs, firstTryMs, failedTries, notBeforeMs, refusedSha256 };
}

function tryOf(state: Try): Try {
  return { ...waiting(state), endpoint: state.endpoint, isHopeful: state.isHopeful };
}
