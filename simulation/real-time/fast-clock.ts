import { setMaxListeners } from 'node:events';
import { type Clock, systemClock } from '../../core/clock.ts';

/** How much faster the clock of real cells is: their deadlines of minutes take seconds. */
export const speed = 10;

const tickMs = 5;
/** However long a tick took, it counts for no more: a busy machine makes the clock slow, not the code. */
const longestTickMs = 2 * tickMs;

interface Waiter {
  readonly atMs: number;
  readonly wake: () => void;
}

/**
 * A clock that runs ten times as fast as the machine's, as long as this process gets on. What is stopped or
 * held up by others stops the clock, too, so that no deadline passes for want of a processor.
 */
export class FastClock implements Clock {
  readonly #startMs = systemClock.now().getTime();
  readonly #waiters = new Set<Waiter>();
  /** Of each tick: the machine's time, epoch, and how far this clock had come. */
  readonly #ticks: { readonly machineMs: number; readonly passedMs: number }[] = [];
  readonly #ticking: NodeJS.Timeout;
  #passedMs = 0;
  #lastMs = systemClock.monotonicMs();

  constructor() {
    this.#ticking = setInterval(() => this.#tick(), tickMs);
  }

  now(): Date {
    return new Date(this.#startMs + this.#passedMs);
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  /** What this clock showed at a moment of the machine's clock; both epoch. */
  at(machineMs: number): number {
    const tick = this.#ticks.findLast((each) => each.machineMs <= machineMs);
    return this.#startMs + (tick?.passedMs ?? 0);
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        cancel();
        reject(new DOMException('The operation was aborted', 'AbortError'));
      };
      const cancel = this.#wait(milliseconds, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      listenFor(signal, abort);
    });
  }

  deadline(milliseconds: number, signal?: AbortSignal): AbortSignal {
    const either = new AbortController();
    const abort = () => {
      cancel();
      either.abort(signal?.reason);
    };
    const cancel = this.#wait(milliseconds, () => {
      signal?.removeEventListener('abort', abort);
      either.abort(new DOMException('The deadline has passed', 'TimeoutError'));
    });
    listenFor(signal, abort);
    return either.signal;
  }

  /** Whoever waits then waits for ever. */
  stop(): void {
    clearInterval(this.#ticking);
  }

  #wait(milliseconds: number, wake: () => void): () => void {
    const waiter = { atMs: this.#passedMs + milliseconds, wake };
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  #tick(): void {
    const nowMs = systemClock.monotonicMs();
    this.#passedMs += Math.min(nowMs - this.#lastMs, longestTickMs) * speed;
    this.#lastMs = nowMs;
    this.#ticks.push({ machineMs: systemClock.now().getTime(), passedMs: this.#passedMs });
    const due = [...this.#waiters].filter(({ atMs }) => atMs <= this.#passedMs);
    for (const waiter of due.sort((one, other) => one.atMs - other.atMs)) {
      this.#waiters.delete(waiter);
      waiter.wake();
    }
  }
}

function listenFor(signal: AbortSignal | undefined, abort: () => void): void {
  if (signal === undefined) {
    return;
  }
  if (signal.aborted) {
    abort();
  } else {
    // One for each that waits: no leak, though Node would warn of one.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
  }
}
