import type { Clock } from '../clock.ts';

/** Keeps exports of a warm function apart, so that a storm of changes never hammers the control plane. */
export interface Pace {
  /** Runs the work, no sooner than the pace allows; the wait ends early with the signal. */
  run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result>;
}

// The function that waits must still export before its deadline.
const longestWaitMs = 30_000;

/**
 * The next export starts no sooner after the start of the last than `minimumIntervalSeconds`, and than twice
 * the time that the last one took: a control plane that is slow is asked less.
 */
export function exportPace(minimumIntervalSeconds: number, clock: Clock): Pace {
  let notBeforeMs = 0;
  return {
    async run(work, signal) {
      const waitMs = Math.min(notBeforeMs - clock.now().getTime(), longestWaitMs);
      if (waitMs > 0) {
        await clock.sleep(waitMs, signal);
      }
      const startedMs = clock.now().getTime();
      try {
        return await work();
      } finally {
        const tookMs = clock.now().getTime() - startedMs;
        notBeforeMs = startedMs + Math.max(minimumIntervalSeconds * 1000, 2 * tookMs);
      }
    },
  };
}
