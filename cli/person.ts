/** Who sends a command: somebody at a terminal, who is asked, or a script, which has said everything. */
import { createInterface } from 'node:readline/promises';

export interface Person {
  /** Whether there is somebody to ask. */
  readonly isThere: boolean;
  /** One line of theirs, without its blanks; empty where the input has ended. */
  ask(question: string): Promise<string>;
}

/** On stderr: what is printed on stdout is the result. */
export const personAtTerminal: Person = {
  isThere: process.stdin.isTTY === true && process.stderr.isTTY === true,
  async ask(question) {
    // Not as a terminal: Ctrl-C is a signal then, which ends the process as it does elsewhere.
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    try {
      return (await Promise.race([lines.question(question), ended])).trim();
    } finally {
      lines.close();
    }
  },
};
