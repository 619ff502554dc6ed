import type { Clock } from '../clock.ts';
import { StandbyError, type StandbyErrorCode } from '../fetch/errors.ts';
import type { ReceivedGrant } from '../fetch/grant-request.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { RandomSource } from '../random-source.ts';
import type { Manifest } from '../vault/manifest.ts';
import type { SeedOutcome } from './seed.ts';
import type { SightedCache, StaleCache } from './stale-cache.ts';
import { noConfiguration } from './status.ts';
import { begin, dueMs, next, type WatchEvent, type WatchPolicy, type WatchState } from './watch.ts';

/** The node that is watched, and where its file comes from. All of its own methods throw StandbyErrors. */
export interface StandbyPorts {
  /** The node's configuration hash, from its status API. */
  configurationHash(signal: AbortSignal): Promise<string>;
  /** The cache that a node with this hash runs on, if it is too old; absent where caches never are. */
  readonly staleCache?: ((hash: string) => Promise<SightedCache | undefined>) | undefined;
  /** Fails when the node could not be given a file, so that none is fetched in vain. */
  requireSeedable(): Promise<unknown>;
  /**
   * @param endpoint its place in the list, from 0
   * @param versionId of the file; undefined for the newest
   */
  requestGrant(endpoint: number, versionId: string | undefined, signal: AbortSignal): Promise<ReceivedGrant>;
  download(grant: ReceivedGrant, content: ContentWish, signal: AbortSignal): Promise<Manifest>;
  /** @param replaces the cache that the file may replace; undefined for a node without configuration */
  seed(manifest: Manifest, replaces: StaleCache | undefined, signal: AbortSignal): Promise<SeedOutcome>;
  /** Why the node may lack a licence that the file needs; undefined when it does not. */
  missingLicence(manifest: Manifest): Promise<string | undefined>;
  /** Takes out what a killed run left in a node that has a configuration. */
  removeLeftover(): Promise<void>;
  /** Its monotonic time is what counts: a machine that has just started often gets the right time late. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly random: Pick<RandomSource, 'next'>;
  log(entry: StandbyLogEntry): void;
  /** What it does now, for whoever asks in between. */
  report?(report: StandbyReport): void;
}

export interface ContentWish {
  /** Not wanted again. */
  readonly refusedSha256: string | undefined;
  /** Nothing else is wanted. */
  readonly wantedSha256: string | undefined;
}

export interface StandbyReport {
  readonly state: WatchState['phase'];
  /** Whose file is, or is about to be, the node's. */
  readonly revision: number | undefined;
}

/** A decision, with its reason. Holds no secret and no presigned URL. */
export interface StandbyLogEntry {
  readonly level: 'info' | 'warn';
  readonly event:
    | 'waiting'
    | 'asking'
    | 'verified'
    | 'licence-missing'
    | 'failed'
    | 'seeded'
    | 'configured'
    | 'ended';
  readonly message: string;
  readonly code?: StandbyErrorCode;
  readonly revision?: number;
  readonly nextTryInSeconds?: number;
}

export interface StandbyOptions {
  readonly policy: WatchPolicy;
  /** How often the status API is asked. */
  readonly pollMs: number;
  /** One try only, which throws its last error; so does a status API that is silent for `silentLimitMs`. */
  readonly once?: { readonly silentLimitMs: number } | undefined;
  /** Ends it at any step; what was begun is undone. */
  readonly signal: AbortSignal;
}

export type StandbyOutcome = 'seeded' | 'has a configuration' | 'ended';

/**
 * Watches a node until it has a configuration: its control plane's, or, when that is silent, the published one. Without `once` it goes on for
 * as long as that takes.
 *
 * @throws StandbyError with `once`, and when a killed run's line cannot be taken out of a node that has a configuration
 */
export async function standby(ports: StandbyPorts, options: StandbyOptions): Promise<StandbyOutcome> {
  const { policy, pollMs, once, signal } = options;
  const say = onChange(ports);
  const after = (state: WatchState, event: WatchEvent) =>
    next(policy, state, event, { nowMs: ports.clock.monotonicMs(), random: ports.random.next() });
  const startedMs = ports.clock.monotonicMs();
  let state = begin;
  let revision: number | undefined;

  while (state.phase !== 'done' && !signal.aborted) {
    const status = await attempt(() => nodeStatus(ports, signal), signal);
    if (status === 'ended') {
      break;
    }
    if (status.error !== undefined) {
      if (once !== undefined && ports.clock.monotonicMs() - startedMs >= once.silentLimitMs) {
        throw status.error;
      }
      say('status', { level: 'info', event: 'waiting', message: status.error.message });
    }
    const before = state;
    state = after(state, status.error === undefined ? status.event : { type: 'silent' });
    ports.report?.({ state: state.phase, revision });

    if (state.phase === 'waiting') {
      const due = dueMs(policy, state);
      // Otherwise it is a pause of ours that it waits for.
      if (due !== undefined && due > state.notBeforeMs) {
        say('status', waitingNode(policy, state.cache));
      }
      const untilDueMs = due === undefined ? pollMs : Math.max(0, due - ports.clock.monotonicMs());
      // The signal ends it early, and the loop sees it.
      await ignoreErrors(ports.clock.sleep(Math.min(pollMs, untilDueMs), signal));
    } else if (state.phase !== 'done') {
      if (before.phase === 'waiting') {
        say('try', asking(state.cache));
      }
      const step = state;
      if (step.phase === 'seeding') {
        const missing = await ports.missingLicence(step.manifest);
        if (missing !== undefined) {
          say('licence', { level: 'warn', event: 'licence-missing', message: missing });
        }
      }
      const result = await attempt(() => perform(ports, step, signal), signal);
      if (result === 'ended') {
        break;
      }
      state = after(state, result.event);
      revision = result.event.type === 'downloaded' ? result.event.manifest.revision : revision;
      if (once !== undefined && result.error !== undefined && state.phase === 'waiting') {
        throw result.error;
      }
      const pauseMs = state.phase === 'waiting' ? state.notBeforeMs - ports.clock.monotonicMs() : undefined;
      const entry = stepEntry(result, pauseMs);
      if (entry !== undefined) {
        say(subjectOf(step), entry);
      }
      if (isTry(state) && state.wanted !== undefined && step.wanted === undefined) {
        say('previous', askingForPrevious);
      }
    }
  }
  ports.report?.({ state: state.phase, revision });
  return finish(ports, state);
}

type Step = Exclude<WatchState, { readonly phase: 'waiting' | 'done' }>;

function isTry(state: WatchState): state is Step {
  return state.phase !== 'waiting' && state.phase !== 'done';
}

/** What a result is about: of each, only news is said. */
function subjectOf({ phase, endpoint, wanted }: Step): string {
  const revision = wanted === undefined ? '' : ', previous revision';
  return phase === 'seeding' ? `seeding${revision}` : `endpoint ${endpoint}${revision}`;
}

async function nodeStatus(ports: StandbyPorts, signal: AbortSignal): Promise<WatchEvent> {
  const hash = await ports.configurationHash(signal);
  if (hash === noConfiguration) {
    return { type: 'empty' };
  }
  const cache = await ports.staleCache?.(hash);
  return cache === undefined ? { type: 'configured' } : { type: 'stale', cache };
}

async function perform(ports: StandbyPorts, step: Step, signal: AbortSignal): Promise<WatchEvent> {
  switch (step.phase) {
    case 'granting':
      await ports.requireSeedable();
      return {
        type: 'granted',
        grant: await ports.requestGrant(step.endpoint, step.wanted?.versionId, signal),
      };
    case 'downloading': {
      const { grant, refusedSha256, wanted } = step;
      const content = { refusedSha256, wantedSha256: wanted?.sha256 };
      const manifest = await ports.download(grant, content, signal);
      return { type: 'downloaded', manifest };
    }
    case 'seeding': {
      const outcome = await ports.seed(step.manifest, step.cache, signal);
      return { type: outcome === 'seeded' ? 'seeded' : 'configured' };
    }
  }
}

interface Result {
  readonly event: WatchEvent;
  readonly error?: StandbyError;
}

/** @returns 'ended' when it failed because of the signal, and for no other reason */
async function attempt(step: () => Promise<WatchEvent>, signal: AbortSignal): Promise<Result | 'ended'> {
  try {
    return { event: await step() };
  } catch (error) {
    if (!(error instanceof StandbyError)) {
      throw error;
    }
    if (signal.aborted && error.cause === signal.reason) {
      return 'ended';
    }
    return { event: { type: 'failed', code: error.code }, error };
  }
}

async function finish(ports: StandbyPorts, state: WatchState): Promise<StandbyOutcome> {
  if (state.phase !== 'done') {
    ports.log({ level: 'info', event: 'ended', message: 'ended by a signal' });
    return 'ended';
  }
  if (state.outcome === 'seeded') {
    ports.log({ level: 'info', event: 'seeded', message: 'Kong has loaded the published configuration' });
  } else {
    await ports.removeLeftover();
    ports.log({ level: 'info', event: 'configured', message: configured[state.because ?? 'up to date'] });
  }
  return state.outcome;
}

const configured = {
  'up to date': 'the node has a configuration: nothing to do',
  'control plane connected':
    'the node’s cache is old, but Kong is connected to its control plane, or that cannot be told (cluster_control_plane in .kong_env, ' +
    '/proc): nothing to do',
  'nothing newer': 'the node’s cache is old, but the vault has nothing newer: nothing to do',
} as const;

function asking(cache: StaleCache | undefined): StandbyLogEntry {
  const message =
    cache === undefined
      ? 'the node has still no configuration: asking for the published one'
      : 'the node has still its old cache, and its control plane is silent: asking for the published configuration';
  return { level: 'info', event: 'asking', message };
}

const askingForPrevious: StandbyLogEntry = {
  level: 'info',
  event: 'asking',
  message: 'asking for the revision before the one that Kong did not load',
};

function waitingNode({ afterMs }: WatchPolicy, cache: StaleCache | undefined): StandbyLogEntry {
  const what =
    cache === undefined
      ? 'the node has no configuration'
      : `the node’s cache is of ${new Date(cache.writtenMs).toISOString()}, which is too old`;
  return {
    level: 'info',
    event: 'waiting',
    message: `${what}: its control plane has ${afterMs / 1000} s to deliver one`,
  };
}

/** @param pauseMs until the next try; undefined when it goes on at once */
function stepEntry({ event, error }: Result, pauseMs: number | undefined): StandbyLogEntry | undefined {
  if (error !== undefined) {
    const { code, message } = error;
    const pause = pauseMs === undefined ? {} : { nextTryInSeconds: Math.round(pauseMs / 100) / 10 };
    return { level: 'warn', event: 'failed', message, code, ...pause };
  }
  return event.type === 'downloaded' ? verified(event.manifest) : undefined;
}

function verified({ revision, controlPlane, kongVersion, exportedAt, size }: Manifest): StandbyLogEntry {
  return {
    level: 'info',
    event: 'verified',
    message:
      `revision ${revision} of control plane "${controlPlane}" for Kong ${kongVersion}, exported ${exportedAt.toISOString()}, ` +
      `${size} bytes, is verified`,
    revision,
  };
}

/** Says of each subject only what has changed: a vault that is away for a day is a line, not a thousand. */
function onChange(ports: StandbyPorts): (subject: string, entry: StandbyLogEntry) => void {
  const said = new Map<string, string>();
  return (subject, entry) => {
    if (said.get(subject) !== entry.message) {
      said.set(subject, entry.message);
      ports.log(entry);
    }
  };
}
