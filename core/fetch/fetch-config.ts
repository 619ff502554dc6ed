import type { Clock } from '../clock.ts';
import type { RandomSource } from '../random-source.ts';
import { defaultBackoff, drawBackoffMs } from './backoff.ts';
import type { Downloaded, FileSource } from './download.ts';
import { StandbyError } from './errors.ts';
import { requestFirstGrant } from './first-grant.ts';
import type { GrantSource } from './grant-source.ts';

export interface FetchParts {
  /**
   * Asked in order, the next one also where those before are silent. The first one is the vault's own region;
   * others give copies, which may be behind.
   */
  readonly grants: readonly GrantSource[];
  readonly files: FileSource;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly random: Pick<RandomSource, 'next'>;
}

export interface FetchPace {
  /** Up to so much is waited first, by chance. */
  readonly spreadMs: number;
  /** For how long it asks again where too many ask at once; from the first request on. */
  readonly patienceMs: number;
  /** Told before each pause. */
  readonly onThrottled: (error: StandbyError, pauseMs: number) => void;
  /** Ends it, and leaves nothing of what was not complete. */
  readonly signal?: AbortSignal | undefined;
}

export interface Fetched extends Downloaded {
  /** Which endpoint has granted it, counted from 0. */
  readonly endpoint: number;
  /** Of those that were asked before. */
  readonly failures: readonly StandbyError[];
}

/**
 * What a new data plane does: it asks for a grant, downloads the file, verifies it and stores it. Where that
 * fails, it does the same with the next source. Where one of them was throttled, all are asked again after a
 * pause; nothing else is repeated.
 *
 * @throws StandbyError with the code of the last failure, and the messages of all; or what the signal ended
 */
export async function fetchConfig(
  parts: FetchParts,
  { spreadMs, patienceMs, onThrottled, signal }: FetchPace,
): Promise<Fetched> {
  const { clock, random } = parts;
  if (spreadMs > 0) {
    await clock.sleep(random.next() * spreadMs, signal);
  }
  const endMs = clock.monotonicMs() + patienceMs;
  for (let failedTries = 1; ; failedTries += 1) {
    const result = await tryEach(parts, signal);
    if (!Array.isArray(result)) {
      return result;
    }
    const failure = summarize(result);
    if (failure.throttling === undefined) {
      throw failure;
    }
    const pauseMs =
      failure.throttling.retryAfterMs + drawBackoffMs(defaultBackoff, failedTries, random.next());
    if (clock.monotonicMs() + pauseMs >= endMs) {
      throw new StandbyError(
        'unreachable',
        `${failure.message}. It was asked ${failedTries === 1 ? 'once' : `${failedTries} times`}, and to ask again in ` +
          `${Math.round(pauseMs / 1000)} s would be too late: give a longer --timeout`,
        { cause: failure },
      );
    }
    onThrottled(failure, pauseMs);
    await clock.sleep(pauseMs, signal);
  }
}

/** @returns what each endpoint has failed with, in that order, where none has given a file */
async function tryEach(
  { grants, files, clock }: FetchParts,
  signal: AbortSignal | undefined,
): Promise<Fetched | StandbyError[]> {
  const failures: StandbyError[] = [];
  let left = [...grants.keys()];
  while (left.length > 0) {
    const { granted, failures: refusals } = await requestFirstGrant(grants, {
      endpoints: left,
      clock,
      signal,
    });
    failures.push(...refusals.map(({ error }) => error));
    if (granted === undefined) {
      break;
    }
    try {
      // Where one has answered with an old file, a copy of that is no better.
      const mayLag = granted.endpoint > 0 && !failures.some(({ code }) => code === 'outdated');
      const downloaded = await files.download(granted.grant, { mayLag }, signal);
      return { ...downloaded, endpoint: granted.endpoint, failures };
    } catch (error) {
      if (!(error instanceof StandbyError) || signal?.aborted === true) {
        throw error;
      }
      failures.push(error);
      // No other source helps when the file cannot be written.
      if (error.code === 'output') {
        break;
      }
    }
    const failed = [granted.endpoint, ...refusals.map(({ endpoint }) => endpoint)];
    left = left.filter((endpoint) => !failed.includes(endpoint));
  }
  return failures;
}

function summarize(failures: readonly StandbyError[]): StandbyError {
  const last = failures.at(-1);
  if (last === undefined) {
    return new StandbyError('unreachable', 'no endpoint is given: name one with --endpoint');
  }
  const asked = failures.flatMap(({ throttling }) => throttling?.retryAfterMs ?? []);
  // Nobody asks again for a file that cannot be written.
  const isThrottled = asked.length > 0 && last.code !== 'output';
  return new StandbyError(last.code, failures.map(({ message }) => message).join('; then '), {
    cause: last,
    throttling: isThrottled ? { retryAfterMs: Math.max(...asked) } : undefined,
  });
}
