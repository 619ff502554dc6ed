import type { Clock } from '../clock.ts';
import type { FileSource } from '../fetch/download.ts';
import { StandbyError } from '../fetch/errors.ts';
import { type EndpointFailure, requestFirstGrant, silenceMs } from '../fetch/first-grant.ts';
import type { GrantSource } from '../fetch/grant-source.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { RandomSource } from '../random-source.ts';
import { isEmpty } from './emptiness.ts';
import {
  askingForPreviousEntry,
  changeLogger,
  connectedEntry,
  describeAsking,
  describeFailure,
  describeInterruption,
  describeOutcome,
  describeSecondRequest,
  describeSilence,
  describeVerified,
  describeWaiting,
  describeWaitingForStatus,
  endedEntry,
  type StandbyLogEntry,
  warnOfCurrency,
  warnOfLicence,
} from './log.ts';
import { noConfiguration } from './status.ts';
import { advanceWatch, findNextTryMs } from './watch.ts';
import {
  initialState,
  type StepFailure,
  type WatchEvent,
  type WatchPolicy,
  type WatchState,
} from './watch-state.ts';
import type { WatchedNode } from './watched-node.ts';

/** The node, where its file comes from, and what the simulation puts in place of the machine. */
export interface StandbyPorts {
  readonly node: WatchedNode;
  /**
   * Asked in order, the next one also where those before are silent. The first one is the vault's own region;
   * others give copies, which may be behind.
   */
  readonly grants: readonly GrantSource[];
  readonly files: FileSource;
  /** Monotonic time alone counts: a machine that has just started often gets the right time late. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly random: Pick<RandomSource, 'next'>;
  readonly log: (entry: StandbyLogEntry) => void;
  /** What standby does now, for a status page. */
  readonly report?: ((report: StandbyReport) => void) | undefined;
}

export interface StandbyReport {
  readonly state: WatchState['phase'];
  /** Of the file that the node has, or is about to get. */
  readonly revision: number | undefined;
}

export interface StandbyOptions {
  readonly policy: Omit<WatchPolicy, 'endpoints'>;
  /** How often the status API is asked. */
  readonly pollMs: number;
  /** One try only, which throws its last error; so does a status API that is silent for `silentLimitMs`. */
  readonly once?: { readonly silentLimitMs: number } | undefined;
  /** Ends standby at any step, which undoes what it began. */
  readonly signal: AbortSignal;
}

export type StandbyOutcome = 'seeded' | 'has a configuration' | 'ended';

/**
 * Watches a node until it has a configuration: its control plane's, or, when that is silent, the published
 * one. Without `once` it goes on for as long as that takes.
 *
 * @throws StandbyError with `once`, and when a killed run's line cannot be taken out of a node that has a
 * configuration
 */
export async function runStandby(ports: StandbyPorts, options: StandbyOptions): Promise<StandbyOutcome> {
  const { pollMs, once, signal } = options;
  const { node, clock, random, report } = ports;
  const policy: WatchPolicy = { ...options.policy, endpoints: ports.grants.length };
  const logChange = changeLogger(ports.log);
  const advance = (from: WatchState, event: WatchEvent) =>
    advanceWatch(policy, from, event, { nowMs: clock.monotonicMs(), random: random.next() });
  const startedMs = clock.monotonicMs();
  let state = initialState;
  let revision: number | undefined;

  while (state.phase !== 'done' && !signal.aborted) {
    const status = await attempt(async () => ({ event: await readStatus(node, signal) }), signal);
    if (status === 'ended') {
      break;
    }
    const isLate = once !== undefined && clock.monotonicMs() - startedMs >= once.silentLimitMs;
    if (status.error !== undefined) {
      if (isLate) {
        throw status.error;
      }
      logChange(
        'status',
        once === undefined ? describeSilence(status.error) : describeWaitingForStatus(once.silentLimitMs),
      );
    }
    const before = state;
    state = advance(state, eventOf(status, isLate));
    report?.({ state: state.phase, revision });

    if (state.phase === 'waiting') {
      if (status.event.type === 'connected') {
        logChange('status', connectedEntry);
      }
      const nextTryMs = findNextTryMs(policy, state);
      // Otherwise it is the pause after a failed try that it waits for.
      if (nextTryMs !== undefined && nextTryMs > state.notBeforeMs) {
        // Said once, so it is the wait as a whole that is told.
        const { answeringSinceMs = nextTryMs, cache } = state;
        logChange('status', describeWaiting(nextTryMs - answeringSinceMs, cache));
      }
      const untilTryMs = nextTryMs === undefined ? pollMs : Math.max(0, nextTryMs - clock.monotonicMs());
      // The signal ends the sleep early, and the loop sees it.
      await ignoreErrors(clock.sleep(Math.min(pollMs, untilTryMs), signal));
    } else if (state.phase !== 'done') {
      if (before.phase === 'waiting' && state.phase === 'granting') {
        logChange('try', describeAsking(state.cache));
      }
      const step = state;
      await warnBeforeSeeding(node, step, logChange);
      const onSilence = () => logChange('silence', describeSecondRequest(silenceMs / 1000));
      const result = await attempt(() => performStep(ports, step, onSilence, signal), signal);
      if (result === 'ended') {
        break;
      }
      state = advance(state, result.event);
      revision = result.event.type === 'downloaded' ? result.event.manifest.revision : revision;
      if (once !== undefined && result.error !== undefined && state.phase === 'waiting') {
        logEndpoints(step, result, logChange);
        throw result.error;
      }
      const pauseMs = state.phase === 'waiting' ? state.notBeforeMs - clock.monotonicMs() : undefined;
      logResult(ports, step, result, { pauseMs, logChange });
      if (isStep(state) && state.wanted !== undefined && step.wanted === undefined) {
        logChange('previous', askingForPreviousEntry);
      }
    }
  }
  report?.({ state: state.phase, revision });
  return finish(ports, state);
}

type Step = Exclude<WatchState, { readonly phase: 'waiting' | 'done' }>;
type ChangeLogger = ReturnType<typeof changeLogger>;

function isStep(state: WatchState): state is Step {
  return state.phase !== 'waiting' && state.phase !== 'done';
}

function eventOf({ event, error }: Result, isLate: boolean): WatchEvent {
  if (error !== undefined) {
    return { type: 'silent' };
  }
  // A boot script must not wait for ever for what cannot be told.
  return event.type === 'connected' && isLate ? { type: 'configured' } : event;
}

async function readStatus(node: WatchedNode, signal: AbortSignal): Promise<WatchEvent> {
  const hash = await node.readConfigurationHash(signal);
  if (hash === noConfiguration) {
    return { type: (await isEmpty(node, hash)) ? 'empty' : 'connected' };
  }
  const cache = await node.findStaleCache(hash);
  return cache === undefined ? { type: 'configured' } : { type: 'stale', cache };
}

async function warnBeforeSeeding(node: WatchedNode, step: Step, logChange: ChangeLogger): Promise<void> {
  const warning = step.phase === 'seeding' ? await node.describeMissingLicence(step.manifest) : undefined;
  if (warning !== undefined) {
    logChange('licence', warnOfLicence(warning));
  }
}

async function performStep(
  ports: StandbyPorts,
  step: Step,
  onSilence: () => void,
  signal: AbortSignal,
): Promise<Result> {
  const { node, files } = ports;
  switch (step.phase) {
    case 'granting':
      await node.requireSeedable();
      return performGranting(ports, step, onSilence, signal);
    case 'downloading': {
      const { grant, refusedSha256, wanted, endpoint, isOutdated } = step;
      const mayLag = endpoint > 0 && !isOutdated;
      const content = { refusedSha256, wantedSha256: wanted?.sha256, mayLag };
      try {
        return { event: { type: 'downloaded', ...(await files.download(grant, content, signal)) } };
      } catch (error) {
        if (error instanceof StandbyError && !isOf(signal, error)) {
          return failWith([{ endpoint, error }]);
        }
        throw error;
      }
    }
    case 'seeding': {
      const outcome = await node.seed(step.manifest, step.cache, signal);
      return { event: { type: outcome === 'has a configuration' ? 'configured' : outcome } };
    }
  }
}

async function performGranting(
  { grants, clock }: StandbyPorts,
  { failed, wanted }: Step,
  onSilence: () => void,
  signal: AbortSignal,
): Promise<Result> {
  const { granted, failures } = await requestFirstGrant(grants, {
    endpoints: [...grants.keys()].filter((endpoint) => !failed.includes(endpoint)),
    versionId: wanted?.versionId,
    clock,
    onSilence,
    signal,
  });
  return granted === undefined
    ? failWith(failures)
    : { event: { type: 'granted', ...granted, failures: failures.map(describeStepFailure) }, failures };
}

function describeStepFailure({ endpoint, error }: EndpointFailure): StepFailure {
  return { endpoint, code: error.code, retryAfterMs: error.throttling?.retryAfterMs };
}

/** @param failures of endpoints, the last one at the end */
function failWith(failures: readonly EndpointFailure[]): Result {
  const last = failures.at(-1);
  if (last === undefined) {
    throw new RangeError('no endpoint was asked, and none has failed');
  }
  const before = failures.slice(0, -1);
  return {
    event: { type: 'failed', ...describeStepFailure(last), before: before.map(describeStepFailure) },
    failures: before,
    error: last.error,
  };
}

interface Result {
  readonly event: WatchEvent;
  /** Of endpoints that failed before. @default none did */
  readonly failures?: readonly EndpointFailure[];
  /** What the step has failed with. */
  readonly error?: StandbyError;
}

function isOf(signal: AbortSignal, error: StandbyError): boolean {
  return signal.aborted && error.cause === signal.reason;
}

/** @returns 'ended' when it failed because of the signal, and for no other reason */
async function attempt(step: () => Promise<Result>, signal: AbortSignal): Promise<Result | 'ended'> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof StandbyError)) {
      throw error;
    }
    if (isOf(signal, error)) {
      return 'ended';
    }
    return { event: { type: 'failed', code: error.code }, error };
  }
}

const nameRevision = ({ wanted }: Step) => (wanted === undefined ? '' : ', previous revision');

function logEndpoints(step: Step, { failures = [] }: Result, logChange: ChangeLogger): void {
  for (const { endpoint, error } of failures) {
    logChange(`endpoint ${endpoint}${nameRevision(step)}`, describeFailure(error, undefined));
  }
}

function logResult(
  { grants }: StandbyPorts,
  step: Step,
  result: Result,
  { pauseMs, logChange }: { readonly pauseMs: number | undefined; readonly logChange: ChangeLogger },
): void {
  const { event, error } = result;
  logEndpoints(step, result, logChange);
  const { endpoint = undefined } = event.type === 'failed' ? event : 'endpoint' in step ? step : {};
  const subject = `${endpoint === undefined ? step.phase : `endpoint ${endpoint}`}${nameRevision(step)}`;
  if (error !== undefined) {
    logChange(subject, describeFailure(error, pauseMs));
  } else if (event.type === 'interrupted' && step.phase === 'seeding') {
    logChange('interruption', describeInterruption(step.manifest.revision));
  } else if (event.type === 'downloaded') {
    const { manifest, currency } = event;
    if (currency.warning !== undefined) {
      logChange(`currency of ${subject}`, warnOfCurrency(currency.warning));
    }
    const origin = endpoint === undefined || endpoint === 0 ? undefined : grants[endpoint]?.name;
    logChange(subject, describeVerified(manifest, currency, origin));
  }
}

async function finish({ node, log }: StandbyPorts, state: WatchState): Promise<StandbyOutcome> {
  if (state.phase !== 'done') {
    log(endedEntry);
    return 'ended';
  }
  if (state.outcome === 'has a configuration') {
    await node.removeLeftover();
  }
  log(describeOutcome(state));
  return state.outcome;
}
