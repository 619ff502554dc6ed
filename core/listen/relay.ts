import * as v from 'valibot';
import { instant } from '../instant.ts';

/** What the schedule hands to a run of the listener. */
const scheduledRun = v.object({
  /** When the run was to begin. It begins up to a minute later. */
  at: instant,
  /** After these the next one is to begin. */
  everyMinutes: v.pipe(v.number(), v.minValue(1), v.maxValue(14)),
});

export type ScheduledRun = v.InferInput<typeof scheduledRun>;

// A goodbye takes two seconds at most, and the log some more.
const goodbyeMs = 5_000;
const reservedMs = 10_000;

/**
 * When a run has to end: just before the next one may begin, and in any case before its own time is up. So
 * two runs never listen at once, though neither knows of the other.
 *
 * @param event of the schedule; a person's call may have anything in it, and may listen as long as it can
 * @param remainingMs after which the process may be ended
 */
export function endOfRun(event: unknown, now: Date, remainingMs: number): Date {
  const latestMs = now.getTime() + remainingMs - reservedMs;
  const run = v.safeParse(scheduledRun, event);
  return new Date(
    run.success
      ? Math.min(latestMs, run.output.at.getTime() + run.output.everyMinutes * 60_000 - goodbyeMs)
      : latestMs,
  );
}
