import { createHash } from 'node:crypto';

interface Event {
  readonly atMs: number;
  /** Events of the same moment happen in the order in which they were planned. */
  readonly order: number;
  readonly name: string;
  readonly run: () => void;
  cancelled: boolean;
}

/** All that happens in a history, one event after another, on a clock that jumps from one to the next. */
export class Timeline {
  readonly #heap: Event[] = [];
  readonly #digest = createHash('sha256');
  #nowMs: number;
  #planned = 0;
  #steps = 0;
  /** Called with the name of each event before it happens. */
  observe: (atMs: number, name: string) => void = () => undefined;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** True time; the clocks of machines may be off. Epoch. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** Names everything that has happened so far, with its times. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  /** @returns takes it off the plan */
  plan(delayMs: number, name: string, run: () => void): () => void {
    const event = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#planned,
      name,
      run,
      cancelled: false,
    };
    this.#planned += 1;
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** When the next event happens; undefined when there is none. */
  nextMs(): number | undefined {
    while (this.#heap[0]?.cancelled === true) {
      this.#pop();
    }
    return this.#heap[0]?.atMs;
  }

  /**
   * Lets the next event happen, and everything that follows from it at once.
   *
   * @returns false when there is none
   */
  async step(): Promise<boolean> {
    if (this.nextMs() === undefined) {
      return false;
    }
    const event = this.#pop();
    if (event === undefined) {
      return false;
    }
    this.#nowMs = event.atMs;
    this.#steps += 1;
    this.#digest.update(`${event.atMs} ${event.name}\n`);
    this.observe(event.atMs, event.name);
    event.run();
    await settle();
    return true;
  }

  /**
   * Lets all events up to a moment happen, and moves to it.
   *
   * @param isOver asked after each event
   * @returns whether it was over before
   */
  async runUntil(endMs: number, isOver: () => boolean): Promise<boolean> {
    for (let next = this.nextMs(); next !== undefined && next <= endMs; next = this.nextMs()) {
      await this.step();
      if (isOver()) {
        return true;
      }
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
    return false;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(heap, at, parent); parent = (at - 1) >> 1) {
      swap(heap, at, parent);
      at = parent;
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return first;
    }
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = left + 1 < heap.length && isBefore(heap, left + 1, left) ? left + 1 : left;
      if (child >= heap.length || !isBefore(heap, child, at)) {
        return first;
      }
      swap(heap, at, child);
      at = child;
    }
  }
}

function isBefore(heap: readonly Event[], one: number, other: number): boolean {
  const [a, b] = [heap[one], heap[other]];
  return a !== undefined && b !== undefined && (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order));
}

function swap(heap: Event[], one: number, other: number): void {
  const [a, b] = [heap[one], heap[other]];
  if (a !== undefined && b !== undefined) {
    heap[one] = b;
    heap[other] = a;
  }
}

/** Everything that runs in a history waits for events or for microtasks only, so that one turn is enough. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
