import type { Clock } from '../../core/clock.ts';
import { ignoreErrors } from '../../core/ignore-errors.ts';
import type { Container } from './containers.ts';

/** A function's time was up. */
export class FunctionTimedOut extends Error {
  override readonly name = 'FunctionTimedOut';
}

/** A function as Lambda runs it: a process is kept for the next call, and ended when its time is up. */
export class RunningFunction<Work> {
  readonly #start: () => Promise<Container<Work>>;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #container: Container<Work> | undefined;

  constructor(start: () => Promise<Container<Work>>, timeoutMs: number, clock: Clock) {
    this.#start = start;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** @throws FunctionTimedOut, or what the function failed with */
  async invoke<Result>(use: (work: Work) => Promise<Result>): Promise<Result> {
    this.#container ??= await this.#start();
    const { work } = this.#container;
    const over = new AbortController();
    const timeout = async (): Promise<never> => {
      await this.#clock.sleep(this.#timeoutMs, over.signal);
      await this.kill();
      throw new FunctionTimedOut();
    };
    const working = use(work);
    // What comes of it after its end is nobody's.
    void ignoreErrors(working);
    const timingOut = timeout();
    void ignoreErrors(timingOut);
    try {
      return await Promise.race([working, timingOut]);
    } finally {
      over.abort();
    }
  }

  /** The next call gets another process. */
  async kill(): Promise<void> {
    const container = this.#container;
    this.#container = undefined;
    await container?.kill();
  }
}
