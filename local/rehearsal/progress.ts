import type { Clock } from '../../core/clock.ts';

const pollMs = 50;
const longestPauseMs = 30_000;

export interface Awaited<Found> {
  /** @returns what is waited for; undefined while it is not there */
  readonly look: () => Promise<Found | undefined>;
  /** How far the system has come. What fails, and is tried again, is no step. */
  readonly countSteps: () => number;
  /** Ends the wait early. */
  readonly hasFailed: () => boolean;
}

/**
 * Waits for something for as long as the system gets on, as it does on a busy machine, too.
 *
 * @returns undefined where it has failed, or 30 s have passed since the last step
 */
export async function waitWhileMoving<Found>(
  { look, countSteps, hasFailed }: Awaited<Found>,
  clock: Clock,
): Promise<Found | undefined> {
  let [steps, steppedMs] = [countSteps(), clock.monotonicMs()];
  while (clock.monotonicMs() < steppedMs + longestPauseMs && !hasFailed()) {
    const found = await look();
    if (found !== undefined) {
      return found;
    }
    if (countSteps() !== steps) {
      [steps, steppedMs] = [countSteps(), clock.monotonicMs()];
    }
    await clock.sleep(pollMs);
  }
  return undefined;
}
