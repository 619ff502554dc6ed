import type { Clock } from '../../core/clock.ts';

/** A clock that stands still until the test moves it. */
export interface ManualClock extends Clock {
  /** Lets the time pass: waits that end in it end in their order, each with the time that it waited for. */
  advance(milliseconds: number): Promise<void>;
  /** How many waits and deadlines are still to come. */
  pendingCount(): number;
}

interface Timer {
  readonly atMs: number;
  readonly end: () => void;
}

/** @param start what the clock shows first */
export function manualClock(start: Date): ManualClock {
  const startMs = start.getTime();
  let nowMs = startMs;
  const timers = new Set<Timer>();

  /** @returns takes the timer away */
  function startTimer(milliseconds: number, end: () => void): () => void {
    const timer = { atMs: nowMs + milliseconds, end };
    timers.add(timer);
    return () => timers.delete(timer);
  }

  const nextTimer = () => [...timers].sort((one, other) => one.atMs - other.atMs)[0];

  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs - startMs,
    pendingCount: () => timers.size,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const abort = () => {
          removeTimer();
          reject(abortError(signal));
        };
        const removeTimer = startTimer(milliseconds, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        if (signal?.aborted === true) {
          abort();
        } else {
          signal?.addEventListener('abort', abort, { once: true });
        }
      }),
    deadline(milliseconds, signal) {
      const controller = new AbortController();
      const removeTimer = startTimer(milliseconds, () =>
        controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
      );
      const abort = () => {
        removeTimer();
        controller.abort(signal?.reason);
      };
      if (signal?.aborted === true) {
        abort();
      } else {
        signal?.addEventListener('abort', abort, { once: true });
      }
      return controller.signal;
    },
    async advance(milliseconds) {
      const endMs = nowMs + milliseconds;
      for (let timer = nextTimer(); timer !== undefined && timer.atMs <= endMs; timer = nextTimer()) {
        nowMs = timer.atMs;
        timers.delete(timer);
        timer.end();
        // What waited goes on before the next wait ends.
        await settleWork();
      }
      nowMs = endMs;
      await settleWork();
    },
  };
}

/** A clock on which no wait takes any time: each moves it to the wait's end at once. */
export function skippingClock(start: Date): ManualClock {
  const clock = manualClock(start);
  return {
    ...clock,
    async sleep(milliseconds, signal) {
      if (signal?.aborted === true) {
        throw abortError(signal);
      }
      await clock.advance(milliseconds);
    },
  };
}

function settleWork(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function abortError(signal: AbortSignal | undefined): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal?.reason }), {
    name: 'AbortError',
  });
}
