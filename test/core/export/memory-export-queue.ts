import type { Clock } from '../../../core/clock.ts';
import type { ExportQueue, QueuedMessage } from '../../../core/export/export-queue.ts';

export interface MemoryExportQueue extends ExportQueue {
  send(body: string): void;
  /** Gives out what is due, in its order, while none of it is out. */
  receive(): readonly QueuedMessage[];
  remove(messages: readonly QueuedMessage[]): void;
}

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  receiveCount: number;
  visibleAtMs: number;
}

export const visibilityTimeoutSeconds = 150;

/** A FIFO queue in memory, with one group. */
export function memoryExportQueue(clock: Clock): MemoryExportQueue {
  const messages: StoredMessage[] = [];
  const nowMs = () => clock.now().getTime();
  const receiptOf = ({ id, receiveCount }: StoredMessage) => `${id}#${receiveCount}`;
  let sentCount = 0;

  return {
    send(body) {
      sentCount += 1;
      messages.push({ id: `m${sentCount}`, body, receiveCount: 0, visibleAtMs: nowMs() });
    },
    receive() {
      if (messages.some(({ visibleAtMs }) => visibleAtMs > nowMs())) {
        return [];
      }
      return messages.slice(0, 10).map((message) => {
        message.receiveCount += 1;
        message.visibleAtMs = nowMs() + visibilityTimeoutSeconds * 1000;
        const { id, body, receiveCount } = message;
        return { id, receipt: receiptOf(message), body, receiveCount };
      });
    },
    remove(done) {
      for (const { id } of done) {
        messages.splice(
          messages.findIndex((message) => message.id === id),
          1,
        );
      }
    },
    async putBack(delayed) {
      for (const { message, afterSeconds } of delayed) {
        const stored = messages.find((each) => receiptOf(each) === message.receipt);
        if (stored !== undefined) {
          stored.visibleAtMs = nowMs() + afterSeconds * 1000;
        }
      }
    },
  };
}
