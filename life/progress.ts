/** Tells a person how a life goes. */
import { paintFor } from '../local/rehearsal/timeline.ts';
import type { Progress } from './play.ts';

export interface ToldProgress extends Progress {
  readonly tell: (line: string) => void;
  /** Loudly. */
  readonly warn: (line: string) => void;
}

export function tellProgress(write: (line: string) => void): ToldProgress {
  const paint = paintFor(process.stderr);
  return {
    tell: (line) => write(paint('dim', `         ${line}`)),
    warn: (line) => write(paint('yellow', `!!       ${line}`)),
    begin: () => undefined,
    end: ({ name, what }, seconds, error) => {
      const time = paint('dim', `${seconds.toFixed(1).padStart(6)} s`);
      const mark = error === undefined ? paint('green', '✓') : paint('red', '✗');
      write(`${time}  ${mark} ${name.padEnd(14)}  ${what}`);
      if (error !== undefined) {
        write(error instanceof Error ? error.message : String(error));
      }
    },
  };
}
