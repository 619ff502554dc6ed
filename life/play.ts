/** Plays steps one after another, and keeps their times. */
import type { Life } from './life.ts';

export interface Step {
  /** As `--json` and reports name it. */
  readonly name: string;
  /** What it shows, in a few words. */
  readonly what: string;
  readonly play: (life: Life) => Promise<void>;
}

export interface Played {
  readonly ok: boolean;
  /** Seconds by the name of the step, of those that were played. */
  readonly steps: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** The step that failed, and its error. */
  readonly failure?: { readonly step: string; readonly error: unknown };
}

export interface Progress {
  /** A step begins. */
  readonly begin: (step: Step) => void;
  readonly end: (step: Step, seconds: number, error?: unknown) => void;
}

/** Plays until a step fails. */
export async function play(life: Life, steps: readonly Step[], { begin, end }: Progress): Promise<Played> {
  const startedMs = performance.now();
  const times: Record<string, number> = {};
  for (const step of steps) {
    begin(step);
    const stepMs = performance.now();
    try {
      await step.play(life);
      times[step.name] = secondsSince(stepMs);
      end(step, secondsSince(stepMs));
    } catch (error) {
      end(step, secondsSince(stepMs), error);
      return {
        ok: false,
        steps: times,
        seconds: secondsSince(startedMs),
        failure: { step: step.name, error },
      };
    }
  }
  return { ok: true, steps: times, seconds: secondsSince(startedMs) };
}

function secondsSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) / 100) / 10;
}
