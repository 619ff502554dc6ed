import type { Currency } from '../fetch/currency.ts';
import type { StandbyErrorCode } from '../fetch/errors.ts';
import type { ReceivedGrant } from '../fetch/grant-request.ts';
import type { Manifest } from '../vault/manifest.ts';
import { isNewerThan, type ObservedCache, type StaleCache } from './stale-cache.ts';

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

/** The revision before one that Kong refused, as that one's manifest names it. */
export interface PreviousRevision {
  readonly versionId: string;
  readonly sha256: string;
}

interface History {
  /** Since when the status API has answered without a break, and the node shown the same cache, if any. */
  readonly answeringSinceMs?: number | undefined;
  /** What the node runs on meanwhile; undefined while it has nothing. */
  readonly cache?: StaleCache | undefined;
  readonly firstTryMs?: number | undefined;
  readonly failedTries: number;
  /** No try before this time. */
  readonly notBeforeMs: number;
  /** Content that the node refused since it was started. */
  readonly refusedSha256?: string | undefined;
  /** What was published before it, until it was tried. */
  readonly previous?: PreviousRevision | undefined;
}

/** A try: where it is, and whether trying again soon could help with what went wrong so far. */
interface Try extends History {
  readonly endpoint: number;
  readonly mayRecoverSoon: boolean;
  /** An endpoint before has answered with a file that is not the newest: no copy of it is taken. */
  readonly isOutdated: boolean;
  /** Asked for instead of the newest revision. */
  readonly wanted?: PreviousRevision | undefined;
}

export type WatchState =
  | (History & { readonly phase: 'waiting' })
  | (Try & { readonly phase: 'granting' })
  | (Try & { readonly phase: 'downloading'; readonly grant: ReceivedGrant })
  | (Try & { readonly phase: 'seeding'; readonly manifest: Manifest })
  | {
      readonly phase: 'done';
      readonly outcome: 'seeded' | 'has a configuration';
      /** Why a node is left its old cache. */
      readonly because?: 'control plane connected' | 'nothing newer';
    };

export type WatchEvent =
  /** The status API did not answer. */
  | { readonly type: 'silent' }
  | { readonly type: 'empty' }
  | { readonly type: 'configured' }
  /** It has a configuration, from a cache that is too old. */
  | { readonly type: 'stale'; readonly cache: ObservedCache }
  | { readonly type: 'granted'; readonly grant: ReceivedGrant }
  | { readonly type: 'downloaded'; readonly manifest: Manifest; readonly currency: Currency }
  | { readonly type: 'seeded' }
  | { readonly type: 'failed'; readonly code: StandbyErrorCode };

export interface TimeAndChance {
  readonly nowMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

export const initialState: WatchState = { phase: 'waiting', failedTries: 0, notBeforeMs: 0 };

/**
 * Says what comes after `event`. The state's phase is what is done next; before each step the status API is
 * asked again.
 *
 * The states, by phase. `|` separates what depends on time, the cache, the endpoint or the error's code; an
 * event that does not belong to a phase leaves it. `watch.test.ts` holds these lines to the code.
 *
 *     waiting --silent--> waiting
 *     waiting --empty--> waiting|granting
 *     waiting --configured--> done
 *     waiting --stale--> waiting|granting|done
 *     waiting --granted--> waiting
 *     waiting --downloaded--> waiting
 *     waiting --seeded--> done
 *     waiting --failed--> waiting
 *
 *     granting --silent--> waiting
 *     granting --empty--> granting|waiting
 *     granting --configured--> done
 *     granting --stale--> granting|waiting|done
 *     granting --granted--> downloading
 *     granting --downloaded--> granting
 *     granting --seeded--> done
 *     granting --failed--> granting|waiting
 *
 *     downloading --silent--> waiting
 *     downloading --empty--> downloading|waiting
 *     downloading --configured--> done
 *     downloading --stale--> downloading|waiting|done
 *     downloading --granted--> downloading
 *     downloading --downloaded--> seeding|done
 *     downloading --seeded--> done
 *     downloading --failed--> granting|waiting
 *
 *     seeding --silent--> waiting
 *     seeding --empty--> seeding|waiting
 *     seeding --configured--> done
 *     seeding --stale--> seeding|waiting|done
 *     seeding --granted--> seeding
 *     seeding --downloaded--> seeding
 *     seeding --seeded--> done
 *     seeding --failed--> granting|waiting
 *
 *     done --silent--> done
 *     done --empty--> done
 *     done --configured--> done
 *     done --stale--> done
 *     done --granted--> done
 *     done --downloaded--> done
 *     done --seeded--> done
 *     done --failed--> done
 */
export function advanceWatch(
  policy: WatchPolicy,
  state: WatchState,
  event: WatchEvent,
  { nowMs, random }: TimeAndChance,
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
      return handleSilence(state);
    case 'empty':
      if (state.cache !== undefined) {
        return { ...toWaiting(state), cache: undefined };
      }
      return state.phase === 'waiting' ? startWhenDue(policy, state, nowMs) : state;
    case 'stale':
      return handleStaleCache(policy, state, event.cache, nowMs);
    case 'granted':
      return state.phase === 'granting' ? { ...state, phase: 'downloading', grant: event.grant } : state;
    case 'downloaded':
      return state.phase === 'downloading' ? handleDownload(state, event.manifest) : state;
    case 'failed':
      return state.phase === 'waiting' ? state : handleFailure(policy, state, event.code, { nowMs, random });
  }
}

/** When a node that stays empty is tried; undefined while its status API does not answer. */
export function findNextTryMs({ afterMs }: WatchPolicy, history: History): number | undefined {
  const { answeringSinceMs, notBeforeMs } = history;
  return answeringSinceMs === undefined ? undefined : Math.max(answeringSinceMs + afterMs, notBeforeMs);
}

/**
 * A Kong that is silent gets its time again. One that is so twice in a row starts anew, and may accept what
 * it refused before.
 */
function handleSilence(state: History): WatchState {
  const remembered = { ...toWaiting(state), answeringSinceMs: undefined, cache: undefined };
  // Once is what a reload looks like, the one after a refusal too.
  const isAnew = state.answeringSinceMs === undefined;
  return isAnew ? { ...remembered, refusedSha256: undefined, previous: undefined } : remembered;
}

/**
 * A node with an old cache is tried like an empty one, as long as the cache is what it was and the control
 * plane is silent.
 */
function handleStaleCache(
  policy: WatchPolicy,
  state: Exclude<WatchState, { readonly phase: 'done' }>,
  { isSilent, ...cache }: ObservedCache,
  nowMs: number,
): WatchState {
  if (state.cache === undefined) {
    return startWhenDue(policy, { ...toWaiting(state), cache, answeringSinceMs: nowMs }, nowMs);
  }
  if (state.cache.hash !== cache.hash || state.cache.writtenMs !== cache.writtenMs) {
    return { phase: 'done', outcome: 'has a configuration' };
  }
  const following = state.phase === 'waiting' ? startWhenDue(policy, state, nowMs) : state;
  // It has its seconds to connect and to deliver; one that is connected then has nothing to deliver.
  return following.phase === 'waiting' || isSilent
    ? following
    : { phase: 'done', outcome: 'has a configuration', because: 'control plane connected' };
}

function handleDownload(state: Try, manifest: Manifest): WatchState {
  return state.cache === undefined || isNewerThan(state.cache, manifest)
    ? { ...keepTry(state), phase: 'seeding', manifest }
    : { phase: 'done', outcome: 'has a configuration', because: 'nothing newer' };
}

function startWhenDue(policy: WatchPolicy, state: History, nowMs: number): WatchState {
  const waited = { ...toWaiting(state), answeringSinceMs: state.answeringSinceMs ?? nowMs };
  if (nowMs < (findNextTryMs(policy, waited) ?? Number.POSITIVE_INFINITY)) {
    return waited;
  }
  return {
    ...waited,
    firstTryMs: waited.firstTryMs ?? nowMs,
    phase: 'granting',
    endpoint: 0,
    mayRecoverSoon: false,
    isOutdated: false,
  };
}

function handleFailure(
  policy: WatchPolicy,
  state: Exclude<WatchState, { readonly phase: 'waiting' | 'done' }>,
  code: StandbyErrorCode,
  { nowMs, random }: TimeAndChance,
): WatchState {
  const mayRecoverSoon = state.mayRecoverSoon || recoversSoon[code];
  const isEndpointsFault = state.phase !== 'seeding' && code !== 'output' && code !== 'kong';
  if (isEndpointsFault && state.endpoint + 1 < policy.endpoints) {
    const isOutdated = state.isOutdated || code === 'outdated';
    return { ...keepTry(state), phase: 'granting', endpoint: state.endpoint + 1, mayRecoverSoon, isOutdated };
  }
  const refusals = updateRefusals(state, code, mayRecoverSoon);
  const isAboutContent = isEndpointsFault || code === 'refused';
  if (isAboutContent && refusals.previous !== undefined && state.wanted === undefined) {
    const wanted = refusals.previous;
    return {
      ...toWaiting(state),
      ...refusals,
      phase: 'granting',
      endpoint: 0,
      mayRecoverSoon: false,
      isOutdated: false,
      wanted,
    };
  }
  const failedTries = state.failedTries + 1;
  const isFast = mayRecoverSoon && nowMs - (state.firstTryMs ?? nowMs) < policy.fastForMs;
  const pause = isFast ? drawFastPauseMs(policy, failedTries, random) : drawSlowPauseMs(policy, random);
  return { ...toWaiting(state), ...refusals, failedTries, notBeforeMs: nowMs + pause };
}

/**
 * What is known of refused content after a failure; the revision before is tried once, and again only where
 * nobody could answer for it.
 */
function updateRefusals(
  state: Exclude<WatchState, { readonly phase: 'waiting' | 'done' }>,
  code: StandbyErrorCode,
  mayRecoverSoon: boolean,
): Pick<History, 'refusedSha256' | 'previous'> {
  const { refusedSha256, previous, wanted } = state;
  if (wanted !== undefined) {
    const isSpent =
      code === 'refused' || (!mayRecoverSoon && (code === 'no-file' || code === 'verification'));
    return { refusedSha256, previous: isSpent ? undefined : previous };
  }
  if (state.phase !== 'seeding' || code !== 'refused') {
    return { refusedSha256, previous };
  }
  const { sha256, previousSha256, previousVersionId: versionId } = state.manifest;
  const isNew = previousSha256 !== null && previousSha256 !== refusedSha256;
  return {
    refusedSha256: sha256,
    previous: isNew && versionId !== undefined ? { versionId, sha256: previousSha256 } : undefined,
  };
}

/**
 * What is wrong in the vault, with the pinned key or with the disk is not better in a second. Credentials and
 * clocks often are, on a machine that has just started; and the next export replaces an old file.
 */
const recoversSoon: Readonly<Record<StandbyErrorCode, boolean>> = {
  denied: true,
  unreachable: true,
  kong: true,
  'no-file': false,
  verification: false,
  outdated: true,
  output: false,
  refused: false,
};

/** Exponential backoff with full jitter, so that nodes that failed together do not come back together. */
function drawFastPauseMs(policy: WatchPolicy, failedTries: number, random: number): number {
  return random * Math.min(policy.longestPauseMs, policy.firstPauseMs * 2 ** failedTries);
}

function drawSlowPauseMs(policy: WatchPolicy, random: number): number {
  return policy.slowPauseMs * (0.75 + random / 2);
}

function toWaiting(state: History): History & { readonly phase: 'waiting' } {
  const { answeringSinceMs, cache, firstTryMs, failedTries, notBeforeMs, refusedSha256, previous } = state;
  const history = { answeringSinceMs, cache, firstTryMs, failedTries, notBeforeMs, refusedSha256, previous };
  return { phase: 'waiting', ...history };
}

function keepTry(state: Try): Try {
  const { endpoint, mayRecoverSoon, isOutdated, wanted } = state;
  return { ...toWaiting(state), endpoint, mayRecoverSoon, isOutdated, wanted };
}
