/** Ctrl-C, and the other signals that end a process, say no word and leave nothing half done. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Lets signals end the process where nothing is to be undone first, also as the first process of a container,
 * which the kernel keeps from the signals that it has no handler for.
 */
export function endOnSignals(): void {
  for (const name of signals) {
    process.once(name, () => {
      // Who else listens ends the process in order.
      if (process.listenerCount(name) === 0) {
        die(name);
      }
    });
  }
}

/**
 * Work that takes back what it began when a signal comes, and then ends the process. A second one does not
 * wait for that.
 *
 * @param work throws when its signal aborts, having left nothing behind
 */
export async function undoOnSignals<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const ending = new AbortController();
  let received: NodeJS.Signals | undefined;
  const end = (name: NodeJS.Signals) => {
    received = name;
    ending.abort();
  };
  for (const name of signals) {
    process.once(name, end);
  }
  try {
    return await work(ending.signal);
  } finally {
    for (const name of signals) {
      process.off(name, end);
    }
    if (received !== undefined) {
      await die(received);
    }
  }
}

const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** By the signal itself, as whoever waits expects it: shells end a loop then, and call it 130 for Ctrl-C. */
async function die(name: NodeJS.Signals): Promise<never> {
  for (const each of signals) {
    process.removeAllListeners(each);
  }
  process.kill(process.pid, name);
  // The first process of a container is still here.
  process.exit(128 + (numbers[name as keyof typeof numbers] ?? 0));
}
