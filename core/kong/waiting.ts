import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';

/** Waits for the event, at most for the time, and leaves no timer behind. */
export async function waitAtMost(clock: Clock, milliseconds: number, event: Promise<void>): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([event, ignoreErrors(clock.sleep(milliseconds, over.signal))]);
  } finally {
    over.abort();
  }
}

/** What others wait for: each wait ends with the next ring, or before. */
export interface Bell {
  ring(): void;
  /** Ends with the next ring, when the signal aborts, or after the time. */
  wait(end: { readonly signal?: AbortSignal | undefined; readonly milliseconds?: number }): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  const waiting = new Set<() => void>();
  return {
    ring() {
      for (const end of waiting) {
        end();
      }
    },
    async wait({ signal, milliseconds }) {
      if (signal?.aborted === true) {
        return;
      }
      let end = (): void => undefined;
      const rung = new Promise<void>((resolve) => {
        end = resolve;
      });
      waiting.add(end);
      signal?.addEventListener('abort', end);
      try {
        await (milliseconds === undefined ? rung : waitAtMost(clock, milliseconds, rung));
      } finally {
        waiting.delete(end);
        signal?.removeEventListener('abort', end);
      }
    },
  };
}
