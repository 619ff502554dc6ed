import type { Clock } from '../clock.ts';
import type { Bell, Ring } from '../intake/bell.ts';

const ringTimeoutMs = 10_000;
const firstPauseMs = 5_000;
const longestPauseMs = 30_000;

/**
 * Rings for each configuration that was not rung for, and again until it is heard. What was rung for last is
 * remembered as long as the process lives. A new process knows nothing, and rings for the first configuration
 * that it gets: what the listener before it may have missed is in that.
 */
export class Ringer {
  readonly #bell: Bell;
  readonly #clock: Clock;
  #lastHash: string | undefined;
  /** Whether what came last could not be read, and was taken. */
  #isUnreadableTaken = false;
  #due: Ring | undefined;
  #nextTryMs = 0;
  #pauseMs = firstPauseMs;

  constructor(bell: Bell, clock: Clock) {
    this.#bell = bell;
    this.#clock = clock;
  }

  /** A configuration has come. */
  take(configHash: string | undefined): void {
    const isKnown = configHash !== undefined && configHash === this.#lastHash;
    this.#isUnreadableTaken = false;
    this.#ringFor(isKnown ? undefined : { at: this.#clock.now(), configHash });
  }

  /** Something has come that cannot be read: at each connection, until there is something else. */
  takeUnreadable(): void {
    if (!this.#isUnreadableTaken) {
      this.#isUnreadableTaken = true;
      this.#ringFor({ at: this.#clock.now(), configHash: undefined });
    }
  }

  #ringFor(due: Ring | undefined): void {
    this.#due = due;
    this.#nextTryMs = this.#clock.monotonicMs();
    this.#pauseMs = firstPauseMs;
  }

  /** Until somebody has to ring; infinite where nobody has to. */
  dueInMs(): number {
    return this.#due === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(0, this.#nextTryMs - this.#clock.monotonicMs());
  }

  /**
   * Rings for what is due.
   *
   * @throws whatever the bell throws; then it is due again after a pause
   */
  async ring(): Promise<Ring | undefined> {
    const due = this.#due;
    if (due === undefined) {
      return undefined;
    }
    try {
      await this.#bell.ring(due, this.#clock.deadline(ringTimeoutMs));
    } catch (error) {
      this.#nextTryMs = this.#clock.monotonicMs() + this.#pauseMs;
      this.#pauseMs = Math.min(longestPauseMs, 2 * this.#pauseMs);
      throw error;
    }
    this.#due = undefined;
    this.#lastHash = due.configHash;
    return due;
  }
}
