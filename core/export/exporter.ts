import { type BatchOutcome, exportBatch } from './export-batch.ts';
import type { ExportQueue, QueuedMessage } from './export-queue.ts';
import { runExport } from './export-run.ts';
import { type ExportMetric, measureBatch } from './measurements.ts';
import { exportPace } from './pace.ts';
import { compareRevisions, type RevisionChanges } from './revision-changes.ts';
import type { ExportParts } from './version-checks.ts';

export interface ExporterParts extends ExportParts {
  readonly queue: ExportQueue;
  /** An export starts no sooner than this after the one before. */
  readonly minimumIntervalSeconds: number;
  /** Writes the log and the metrics of a batch, before its messages are put back. */
  readonly report: (batch: BatchOutcome, measured: Readonly<Partial<Record<ExportMetric, number>>>) => void;
  /** Writes into the log what a revision changed, or would change, after everything else is done. */
  readonly reportChanges: (changes: RevisionChanges) => void;
}

/**
 * Exports for a batch of messages.
 *
 * @param remainingMs after which the process may be ended
 * @returns the ids of the messages that are not done and stay in the queue
 */
export type Exporter = (
  messages: readonly QueuedMessage[],
  remainingMs: number,
) => Promise<readonly string[]>;

const dayMs = 24 * 3600 * 1000;

/**
 * What remains of the time when an export is stopped: for a last look at what was not answered, the status,
 * the log, and for putting the messages back.
 */
export const reservedMs = 10_000;

/** What remains even of that, when nobody waits for the queue any more. */
const lastMs = 1_000;
const shortestPuttingBackMs = 1_000;

/**
 * Publishes what a control plane serves, once for all messages of a batch, and no faster than its pace
 * allows.
 */
export function exporter(parts: ExporterParts): Exporter {
  const { clock } = parts;
  const paced = exportPace(parts.minimumIntervalSeconds, clock);
  return async (messages, remainingMs) => {
    const beganMs = clock.monotonicMs();
    const leftMs = () => remainingMs - (clock.monotonicMs() - beganMs);
    const deadline = clock.deadline(Math.max(0, remainingMs - reservedMs));
    const batch = await exportBatch(messages, (commands) =>
      paced.run(() => runExport(parts, commands, deadline), deadline),
    );
    const endedMs = clock.now().getTime();
    const certificateEndsAt = parts.certificateEndsAt?.();
    const measured = measureBatch(batch, {
      certificateDaysLeft:
        certificateEndsAt === undefined ? undefined : (certificateEndsAt.getTime() - endedMs) / dayMs,
    });
    parts.report(batch, measured);
    const puttingBack = clock.deadline(Math.max(shortestPuttingBackMs, leftMs() - lastMs));
    const unfinished = await putBackUnfinished(parts.queue, messages, batch, puttingBack);
    // Last, for it may take all time and memory that there is, and a publication must have its line by then.
    for await (const changes of compareRevisions(parts, batch.report?.versions ?? [], deadline)) {
      parts.reportChanges(changes);
    }
    return unfinished;
  };
}

async function putBackUnfinished(
  queue: ExportQueue,
  messages: readonly QueuedMessage[],
  { unreadable, retry }: BatchOutcome,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const delays = new Map<string, number>([
    ...unreadable.map((id) => [id, 0] as const),
    ...(retry?.ids ?? []).map((id) => [id, retry?.afterSeconds ?? 0] as const),
  ]);
  const delayed = messages.flatMap((message) => {
    const afterSeconds = delays.get(message.id);
    return afterSeconds === undefined ? [] : [{ message, afterSeconds }];
  });
  if (delayed.length > 0) {
    await queue.putBack(delayed, signal);
  }
  return delayed.map(({ message }) => message.id);
}
