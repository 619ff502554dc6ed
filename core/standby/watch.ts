import { drawBackoffMs } from '../fetch/backoff.ts';
import type { StandbyErrorCode } from '../fetch/errors.ts';
import type { Manifest } from '../vault/manifest.ts';
import { isNewerThan, type ObservedCache } from './stale-cache.ts';
import type {
  History,
  Setbacks,
  StepFailure,
  TimeAndChance,
  Try,
  WatchEvent,
  WatchPolicy,
  WatchState,
} from './watch-state.ts';

/**
 * Says what comes after `event`. The state's phase is what is done next; before each step the status API is
 * asked again.
 *
 * The states, by phase. `|` separates what depends on time, the cache, the endpoint or the error's code; an
 * event that does not belong to a phase leaves it. `watch.test.ts` holds these lines to the code.
 *
 *     waiting --silent--> waiting
 *     waiting --empty--> waiting|granting|seeding
 *     waiting --connected--> waiting
 *     waiting --configured--> done
 *     waiting --stale--> waiting|granting|seeding|done
 *     waiting --granted--> waiting
 *     waiting --downloaded--> waiting
 *     waiting --seeded--> done
 *     waiting --interrupted--> waiting
 *     waiting --failed--> waiting
 *
 *     granting --silent--> waiting
 *     granting --empty--> granting|waiting
 *     granting --connected--> waiting
 *     granting --configured--> done
 *     granting --stale--> granting|waiting|done
 *     granting --granted--> downloading
 *     granting --downloaded--> granting
 *     granting --seeded--> done
 *     granting --interrupted--> granting
 *     granting --failed--> granting|waiting
 *
 *     downloading --silent--> waiting
 *     downloading --empty--> downloading|waiting
 *     downloading --connected--> waiting
 *     downloading --configured--> done
 *     downloading --stale--> downloading|waiting|done
 *     downloading --granted--> downloading
 *     downloading --downloaded--> seeding|done
 *     downloading --seeded--> done
 *     downloading --interrupted--> downloading
 *     downloading --failed--> granting|waiting
 *
 *     seeding --silent--> waiting
 *     seeding --empty--> seeding|waiting
 *     seeding --connected--> waiting
 *     seeding --configured--> done
 *     seeding --stale--> seeding|waiting|done
 *     seeding --granted--> seeding
 *     seeding --downloaded--> seeding
 *     seeding --seeded--> done
 *     seeding --interrupted--> waiting
 *     seeding --failed--> granting|waiting
 *
 *     done --silent--> done
 *     done --empty--> done
 *     done --connected--> done
 *     done --configured--> done
 *     done --stale--> done
 *     done --granted--> done
 *     done --downloaded--> done
 *     done --seeded--> done
 *     done --interrupted--> done
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
    case 'connected':
      // When the connection goes, Kong has its seconds to connect again.
      return { ...toWaiting(state), answeringSinceMs: undefined, cache: undefined };
    case 'interrupted':
      return state.phase === 'seeding' ? handleInterruption(policy, state, nowMs) : state;
    case 'empty':
      if (state.cache !== undefined) {
        return { ...toWaiting(state), cache: undefined };
      }
      return state.phase === 'waiting' ? startWhenDue(policy, state, { nowMs, random }) : state;
    case 'stale':
      return handleStaleCache(policy, state, event.cache, { nowMs, random });
    case 'granted':
      return state.phase === 'granting' ? handleGrant(state, event) : state;
    case 'downloaded':
      return state.phase === 'downloading' ? handleDownload(state, event.manifest) : state;
    case 'failed':
      return state.phase === 'waiting' ? state : handleFailure(policy, state, event, { nowMs, random });
  }
}

/** When a node that stays empty is tried; undefined while its status API does not answer. */
export function findNextTryMs({ afterMs }: WatchPolicy, history: History): number | undefined {
  const { answeringSinceMs, addedMs = 0, notBeforeMs } = history;
  return answeringSinceMs === undefined
    ? undefined
    : Math.max(answeringSinceMs + afterMs + addedMs, notBeforeMs);
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
  now: TimeAndChance,
): WatchState {
  if (state.cache === undefined) {
    return startWhenDue(policy, { ...toWaiting(state), cache, answeringSinceMs: undefined }, now);
  }
  if (state.cache.hash !== cache.hash || state.cache.writtenMs !== cache.writtenMs) {
    return { phase: 'done', outcome: 'has a configuration' };
  }
  const following = state.phase === 'waiting' ? startWhenDue(policy, state, now) : state;
  // It has its seconds to connect and to deliver; one that is connected then has nothing to deliver.
  return following.phase === 'waiting' || isSilent
    ? following
    : { phase: 'done', outcome: 'has a configuration', because: 'control plane connected' };
}

function handleGrant(
  state: Try,
  { endpoint, grant, failures }: Extract<WatchEvent, { readonly type: 'granted' }>,
): WatchState {
  const setbacks = failures.reduce(addFailure, setbacksOf(state));
  return { ...keepTry(state), ...setbacks, phase: 'downloading', endpoint, grant };
}

/** It begins again with the same file; a Kong that starts has its seconds to find its control plane. */
function handleInterruption(
  policy: WatchPolicy,
  state: Extract<WatchState, { readonly phase: 'seeding' }>,
  nowMs: number,
): WatchState {
  const { manifest, wanted, interrupted } = state;
  const goodUntilMs = interrupted?.goodUntilMs ?? nowMs + policy.fastForMs;
  return {
    ...toWaiting(state),
    answeringSinceMs: undefined,
    interrupted: { manifest, wanted, goodUntilMs },
  };
}

function handleDownload(state: Try, manifest: Manifest): WatchState {
  return state.cache === undefined || isNewerThan(state.cache, manifest)
    ? { ...keepTry(state), phase: 'seeding', manifest }
    : { phase: 'done', outcome: 'has a configuration', because: 'nothing newer' };
}

function startWhenDue(policy: WatchPolicy, state: History, { nowMs, random }: TimeAndChance): WatchState {
  const begun = { answeringSinceMs: nowMs, addedMs: random * policy.spreadMs };
  const waited = { ...toWaiting(state), ...(state.answeringSinceMs === undefined ? begun : {}) };
  if (nowMs < (findNextTryMs(policy, waited) ?? Number.POSITIVE_INFINITY)) {
    return waited;
  }
  const due = { ...waited, firstTryMs: waited.firstTryMs ?? nowMs, ...noSetbacks };
  const { interrupted } = waited;
  if (interrupted === undefined || nowMs >= interrupted.goodUntilMs) {
    return { ...due, interrupted: undefined, phase: 'granting' };
  }
  const { manifest, wanted } = interrupted;
  return handleDownload({ ...due, wanted }, manifest);
}

function handleFailure(
  policy: WatchPolicy,
  state: Exclude<WatchState, { readonly phase: 'waiting' | 'done' }>,
  event: Extract<WatchEvent, { readonly type: 'failed' }>,
  { nowMs, random }: TimeAndChance,
): WatchState {
  const { code, before = [] } = event;
  const setbacks = [...before, event].reduce(addFailure, setbacksOf(state));
  const { mayRecoverSoon, retryAfterMs } = setbacks;
  const isEndpointsFault = state.phase !== 'seeding' && code !== 'output' && code !== 'kong';
  if (isEndpointsFault && setbacks.failed.length < policy.endpoints) {
    return { ...keepTry(state), ...setbacks, phase: 'granting' };
  }
  const refusals = updateRefusals(state, code, mayRecoverSoon);
  const history = { ...toWaiting(state), ...refusals, interrupted: undefined };
  const isAboutContent = isEndpointsFault || code === 'refused';
  const wanted = refusals.previous;
  // One that wants to be left alone is not asked for another revision either.
  if (isAboutContent && wanted !== undefined && state.wanted === undefined && retryAfterMs === 0) {
    return { ...history, ...noSetbacks, phase: 'granting', wanted };
  }
  const failedTries = state.failedTries + 1;
  const isFast = mayRecoverSoon && nowMs - (state.firstTryMs ?? nowMs) < policy.fastForMs;
  const pauseMs = isFast ? drawBackoffMs(policy, failedTries, random) : drawSlowPauseMs(policy, random);
  // Added, not compared: those who were told the same time would come back together. And nobody who answers
  // may keep a node waiting for a day.
  const askedMs = Math.min(retryAfterMs, policy.slowPauseMs);
  return { ...history, failedTries, notBeforeMs: nowMs + askedMs + pauseMs };
}

const noSetbacks: Setbacks = { failed: [], mayRecoverSoon: false, isOutdated: false, retryAfterMs: 0 };

function addFailure(
  { failed, mayRecoverSoon, isOutdated, retryAfterMs }: Setbacks,
  { code, endpoint, retryAfterMs: askedMs = 0 }: StepFailure,
): Setbacks {
  return {
    failed: endpoint === undefined ? failed : [...failed, endpoint],
    mayRecoverSoon: mayRecoverSoon || recoversSoon[code],
    isOutdated: isOutdated || code === 'outdated',
    retryAfterMs: Math.max(retryAfterMs, askedMs),
  };
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

function drawSlowPauseMs(policy: WatchPolicy, random: number): number {
  return policy.slowPauseMs * (0.75 + random / 2);
}

function toWaiting(state: History): History & { readonly phase: 'waiting' } {
  const { answeringSinceMs, addedMs, cache, firstTryMs, failedTries, notBeforeMs } = state;
  const { interrupted, refusedSha256, previous } = state;
  return {
    phase: 'waiting',
    answeringSinceMs,
    addedMs,
    cache,
    firstTryMs,
    failedTries,
    notBeforeMs,
    interrupted,
    refusedSha256,
    previous,
  };
}

function keepTry(state: Try): Try {
  return { ...toWaiting(state), ...setbacksOf(state), wanted: state.wanted };
}

function setbacksOf({ failed, mayRecoverSoon, isOutdated, retryAfterMs }: Setbacks): Setbacks {
  return { failed, mayRecoverSoon, isOutdated, retryAfterMs };
}
