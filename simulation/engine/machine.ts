import { setMaxListeners } from 'node:events';
import type { Clock } from '../../core/clock.ts';
import type { Timeline } from './timeline.ts';

/**
 * A process and the clock it reads. Once it has died nothing of it goes on: its calls are answered to nobody,
 * and its waits never end.
 */
export class Machine {
  readonly name: string;
  readonly clock: Clock;
  /** By how much its clock is ahead of the true time. */
  clockOffsetMs = 0;
  readonly #timeline: Timeline;
  readonly #bornMs: number;
  #isAlive = true;
  /** How many faults have struck its calls. */
  faultsMet = 0;
  /** Told once, when it dies. */
  onDeath: () => void = () => undefined;

  constructor(timeline: Timeline, name: string) {
    this.#timeline = timeline;
    this.#bornMs = timeline.nowMs;
    this.name = name;
    this.clock = {
      now: () => new Date(timeline.nowMs + this.clockOffsetMs),
      monotonicMs: () => timeline.nowMs - this.#bornMs,
      sleep: (milliseconds, signal) => this.#sleep(milliseconds, signal),
      deadline: (milliseconds, signal) => this.#deadline(milliseconds, signal),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  die(): void {
    if (this.#isAlive) {
      this.#isAlive = false;
      this.onDeath();
    }
  }

  /** Plans something that this process does: it does not, if the process has died by then. */
  plan(delayMs: number, name: string, run: () => void): () => void {
    return this.#timeline.plan(delayMs, `${this.name} ${name}`, () => {
      if (this.#isAlive) {
        run();
      }
    });
  }

  #sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        cancel();
        reject(abortError(signal));
      };
      const cancel = this.plan(milliseconds, 'wakes', () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      if (signal?.aborted === true) {
        abort();
      } else {
        signal?.addEventListener('abort', abort, { once: true });
      }
    });
  }

  #deadline(milliseconds: number, signal: AbortSignal | undefined): AbortSignal {
    const controller = new AbortController();
    if (signal !== undefined) {
      setMaxListeners(0, signal);
    }
    const abort = () => {
      cancel();
      controller.abort(signal?.reason);
    };
    const cancel = this.plan(milliseconds, 'deadline', () => {
      signal?.removeEventListener('abort', abort);
      controller.abort(new DOMException('The deadline has passed', 'TimeoutError'));
    });
    if (signal?.aborted === true) {
      abort();
    } else {
      signal?.addEventListener('abort', abort, { once: true });
    }
    return controller.signal;
  }
}

function abortError(signal: AbortSignal | undefined): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal?.reason }), {
    name: 'AbortError',
  });
}
