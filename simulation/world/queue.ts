import type { DelayedMessage, QueuedMessage } from '../../core/export/export-queue.ts';

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  receiveCount: number;
  visibleAtMs: number;
  /** Whether it was given out: until it is visible again it holds up its group. */
  isInFlight: boolean;
}

export interface QueueOptions {
  readonly nowMs: () => number;
  readonly delaySeconds: number;
  readonly visibilitySeconds: number;
  readonly maxReceiveCount: number;
}

const deduplicationMs = 5 * 60 * 1000;
const retentionMs = 4 * 24 * 60 * 60 * 1000;

/** An SQS FIFO queue with one message group (SQS Developer Guide, "FIFO queues"). */
export class FifoQueue {
  readonly deadLetters: string[] = [];
  /** Told when something was sent, or put back. */
  onChange: () => void = () => undefined;
  #messages: StoredMessage[] = [];
  readonly #sent = new Map<string, number>();
  readonly #options: QueueOptions;
  #count = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** @returns false where a message with the same id was sent within five minutes */
  send(body: string, deduplicationId: string): boolean {
    const nowMs = this.#options.nowMs();
    const sentMs = this.#sent.get(deduplicationId);
    if (sentMs !== undefined && nowMs - sentMs < deduplicationMs) {
      return false;
    }
    this.#sent.set(deduplicationId, nowMs);
    this.#count += 1;
    const visibleAtMs = nowMs + this.#options.delaySeconds * 1000;
    this.#messages.push({ id: `m${this.#count}`, body, receiveCount: 0, visibleAtMs, isInFlight: false });
    this.onChange();
    return true;
  }

  /** The next messages, in order, while none of the group is in flight. */
  receive(): readonly QueuedMessage[] {
    const nowMs = this.#options.nowMs();
    this.#moveExhausted(nowMs);
    if (this.#messages.some((message) => message.isInFlight && message.visibleAtMs > nowMs)) {
      return [];
    }
    const due: StoredMessage[] = [];
    for (const message of this.#messages) {
      // In a FIFO group a delayed message holds up those behind it.
      if (message.visibleAtMs > nowMs || due.length === 10) {
        break;
      }
      due.push(message);
    }
    return due.map((message) => {
      message.receiveCount += 1;
      message.isInFlight = true;
      message.visibleAtMs = nowMs + this.#options.visibilitySeconds * 1000;
      const { id, body, receiveCount } = message;
      return { id, receipt: `${id}#${receiveCount}`, body, receiveCount };
    });
  }

  /** When something may be received; undefined when the queue is empty. */
  nextMs(): number | undefined {
    const first = this.#messages[0];
    const inFlight = this.#messages.filter((message) => message.isInFlight).map((each) => each.visibleAtMs);
    return first === undefined ? undefined : Math.max(first.visibleAtMs, ...inFlight);
  }

  putBack(delayed: readonly DelayedMessage[]): void {
    for (const { message, afterSeconds } of delayed) {
      const stored = this.#find(message);
      if (stored !== undefined) {
        // Until then it still holds up its group.
        stored.visibleAtMs = this.#options.nowMs() + afterSeconds * 1000;
      }
    }
    this.onChange();
  }

  remove(messages: readonly QueuedMessage[]): void {
    const gone = messages.map((message) => this.#find(message));
    this.#messages = this.#messages.filter((message) => !gone.includes(message));
  }

  /** A receipt is good while its delivery is the last one. */
  #find({ receipt }: QueuedMessage): StoredMessage | undefined {
    return this.#messages.find(({ id, receiveCount }) => `${id}#${receiveCount}` === receipt);
  }

  #moveExhausted(nowMs: number): void {
    this.#messages = this.#messages.filter((message) => {
      const isBack = message.visibleAtMs <= nowMs;
      if (isBack && message.receiveCount >= this.#options.maxReceiveCount) {
        this.deadLetters.push(message.body);
        return false;
      }
      return message.visibleAtMs > nowMs - retentionMs;
    });
  }
}
