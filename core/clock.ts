import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Time, as everything in `core/` is given it: the deployed code runs on the machine's clock, the simulation
 * on one of its own.
 */
export interface Clock {
  now(): Date;
  /** Milliseconds that only ever grow, whoever sets the machine's clock: for durations. */
  monotonicMs(): number;
  /**
   * Ends after the time.
   *
   * @throws the signal's AbortError when the signal ends the wait
   */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** A signal that aborts after the time (reason: a `TimeoutError`), or together with `signal`. */
  deadline(milliseconds: number, signal?: AbortSignal): AbortSignal;
}

/** The machine's own clock, for entries: everything else takes a `Clock`. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  // Node takes whole milliseconds only, and what is left of a time is seldom whole.
  deadline: (milliseconds, signal) => abortWithEither(AbortSignal.timeout(Math.floor(milliseconds)), signal),
};

/**
 * Not `AbortSignal.any`: Node 20 keeps what that makes for as long as `signal` lives, 2 kB for each question
 * to a Kong that is watched for days.
 */
function abortWithEither(timeout: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  if (signal === undefined) {
    return timeout;
  }
  const either = new AbortController();
  const end = () => either.abort(signal.reason);
  const expire = () => {
    signal.removeEventListener('abort', end);
    either.abort(timeout.reason);
  };
  if (signal.aborted) {
    end();
  } else {
    // One listener for each question that waits: no leak, though Node would warn of one.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', end, { once: true });
    timeout.addEventListener('abort', expire, { once: true });
  }
  return either.signal;
}
