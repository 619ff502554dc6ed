import type { Clock } from '../clock.ts';

/** How long the listener has listened: connected, and served. */
export class ListeningTime {
  readonly #clock: Clock;
  #sinceMs: number | undefined;
  #untakenMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    this.#sinceMs ??= this.#clock.monotonicMs();
  }

  stop(): void {
    this.#count();
    this.#sinceMs = undefined;
  }

  /** Seconds since they were taken last. */
  takeSeconds(): number {
    this.#count();
    const seconds = this.#untakenMs / 1000;
    this.#untakenMs = 0;
    return seconds;
  }

  #count(): void {
    if (this.#sinceMs !== undefined) {
      const nowMs = this.#clock.monotonicMs();
      this.#untakenMs += nowMs - this.#sinceMs;
      this.#sinceMs = nowMs;
    }
  }
}
