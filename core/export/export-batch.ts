import { type ExportCommand, parseExportCommand } from '../intake/export-command.ts';
import type { QueuedMessage } from './export-queue.ts';
import type { ExportReport } from './export-run.ts';

/** What to do with the batch's messages. Those not named are done. */
export interface BatchOutcome {
  readonly report: ExportReport | undefined;
  /** Not export commands: put back at once, until the queue moves them to its dead-letter queue. */
  readonly unreadable: readonly string[];
  /**
   * To be given out again after the delay, all together: messages in flight block the queue's group.
   */
  readonly retry: { readonly ids: readonly string[]; readonly afterSeconds: number } | undefined;
  /** It was the last try of a message, and failed; the schedule will ask again. */
  readonly gaveUp: boolean;
}

/** After so many tries a message is let go. */
export const maxTries = 5;
const firstBackoffSeconds = 5;

/**
 * All readable messages of a batch are one export (docs/design.md#4-coalescing-without-state,
 * docs/design.md#5-failure-does-not-block).
 */
export async function exportBatch(
  messages: readonly QueuedMessage[],
  run: (commands: readonly ExportCommand[]) => Promise<ExportReport>,
): Promise<BatchOutcome> {
  const parsed = messages.map((message) => ({ message, command: parseExportCommand(message.body) }));
  const unreadable = parsed.flatMap(({ message, command }) => (command === undefined ? [message.id] : []));
  const readable = parsed.flatMap(({ message, command }) =>
    command === undefined ? [] : [{ message, command }],
  );
  if (readable.length === 0) {
    return { report: undefined, unreadable, retry: undefined, gaveUp: false };
  }
  const report = await run(readable.map(({ command }) => command));
  if (report.complete) {
    return { report, unreadable, retry: undefined, gaveUp: false };
  }
  // Each message has tries of its own: what has come meanwhile is not let go with what was tried five times.
  const unfinished = readable.filter(({ message }) => message.receiveCount < maxTries);
  return {
    report,
    unreadable,
    retry: retryOf(unfinished.map(({ message }) => message)),
    gaveUp: unfinished.length < readable.length,
  };
}

function retryOf(messages: readonly QueuedMessage[]): BatchOutcome['retry'] {
  const tries = Math.max(0, ...messages.map(({ receiveCount }) => receiveCount));
  return messages.length === 0
    ? undefined
    : { ids: messages.map(({ id }) => id), afterSeconds: firstBackoffSeconds * 2 ** (tries - 1) };
}
