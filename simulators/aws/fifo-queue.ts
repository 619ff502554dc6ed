/** Who gets which message when: SQS Developer Guide, "FIFO queues" and "Visibility timeout". */
import { createHash, randomUUID } from 'node:crypto';
import { ServiceError } from './signed-server.ts';

export interface FifoQueueOptions {
  /** New messages are visible only after this. */
  readonly delaySeconds?: number;
  /** @default 30 */
  readonly visibilityTimeoutSeconds?: number;
  /** The SHA-256 of the body stands in for a deduplication id. */
  readonly contentBasedDeduplication?: boolean;
  /** What was received `maxReceiveCount` times and not deleted goes to the queue of this name. */
  readonly redrive?: { readonly deadLetterQueue: string; readonly maxReceiveCount: number };
}

export interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly groupId: string;
  readonly deduplicationId: string;
  readonly sentAt: number;
  readonly visibleAt: number;
  readonly receiveCount: number;
  /** Of the last receive; undefined before the first. */
  readonly receiptHandle: string | undefined;
}

export interface NewMessage {
  readonly body: string;
  readonly groupId: string;
  readonly deduplicationId: string | undefined;
}

export interface QueueMeasure {
  /** Messages that were sent so far. */
  readonly sentCount: number;
  /** Age of the oldest message that is not deleted; 0 without one. */
  readonly oldestSeconds: number;
}

/** A message id that was sent within this time before is swallowed, even when its message is long deleted. */
const deduplicationMs = 5 * 60 * 1000;

const invalidValue = (message: string) => new ServiceError(400, 'InvalidParameterValue', message);

export class FifoQueue {
  readonly #options: FifoQueueOptions;
  readonly #now: () => number;
  readonly #deadLetterQueue: FifoQueue | undefined;
  /** In the order in which they were sent. */
  #messages: readonly Message[] = [];
  readonly #sentLately = new Map<string, Message>();
  #sentCount = 0;

  /** `now` in milliseconds since the epoch. */
  constructor(options: FifoQueueOptions, now: () => number, deadLetterQueue?: FifoQueue) {
    this.#options = options;
    this.#now = now;
    this.#deadLetterQueue = deadLetterQueue;
  }

  /** Returns the message, or the first one with the same deduplication id of the last 5 minutes. */
  send({ body, groupId, deduplicationId }: NewMessage): Message {
    const contentHash = this.#options.contentBasedDeduplication
      ? createHash('sha256').update(body).digest('hex')
      : undefined;
    const id = deduplicationId ?? contentHash;
    if (id === undefined) {
      throw invalidValue(
        'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
      );
    }
    const earlier = this.#sentLately.get(id);
    if (earlier !== undefined && this.#now() - earlier.sentAt < deduplicationMs) {
      return earlier;
    }
    const message = this.#enqueue({ messageId: randomUUID(), body, groupId, deduplicationId: id });
    this.#sentLately.set(id, message);
    return message;
  }

  /** Takes up to `limit` messages that are due, in order, each group only while none of it is in flight. */
  receive(limit: number): readonly Message[] {
    this.#moveToDeadLetterQueue();
    const now = this.#now();
    const waiting = this.#messages.filter((message) => message.visibleAt > now);
    const blockedGroups = new Set(waiting.map((message) => message.groupId));
    return this.#messages
      .filter((message) => !blockedGroups.has(message.groupId))
      .slice(0, limit)
      .map((message) =>
        this.#replace(message, {
          ...message,
          visibleAt: now + (this.#options.visibilityTimeoutSeconds ?? 30) * 1000,
          receiveCount: message.receiveCount + 1,
          receiptHandle: `${message.messageId}#${randomUUID()}`,
        }),
      );
  }

  delete(receiptHandle: string): void {
    const message = this.#inFlight(receiptHandle);
    this.#messages = this.#messages.filter((other) => other !== message);
  }

  /** `visibilitySeconds` counts from now; 0 gives the message back at once. */
  changeVisibility(receiptHandle: string, visibilitySeconds: number): void {
    const message = this.#inFlight(receiptHandle);
    if (message === undefined) {
      throw invalidValue('the message does not exist or is not available for visibility timeout change');
    }
    this.#replace(message, { ...message, visibleAt: this.#now() + visibilitySeconds * 1000 });
  }

  /** Those that wait, are delayed or are being worked on. */
  count(): number {
    return this.#messages.length;
  }

  /** What CloudWatch has of a queue. */
  measure(): QueueMeasure {
    const [oldest] = this.#messages;
    return {
      sentCount: this.#sentCount,
      oldestSeconds: oldest === undefined ? 0 : (this.#now() - oldest.sentAt) / 1000,
    };
  }

  #enqueue(
    message: Pick<Message, 'messageId' | 'body' | 'groupId' | 'deduplicationId'>,
    delaySeconds = this.#options.delaySeconds ?? 0,
  ): Message {
    const sentAt = this.#now();
    const visibleAt = sentAt + delaySeconds * 1000;
    const enqueued = { ...message, sentAt, visibleAt, receiveCount: 0, receiptHandle: undefined };
    this.#messages = [...this.#messages, enqueued];
    this.#sentCount += 1;
    return enqueued;
  }

  #moveToDeadLetterQueue(): void {
    const { redrive } = this.#options;
    const [now, target] = [this.#now(), this.#deadLetterQueue];
    if (redrive === undefined || target === undefined) {
      return;
    }
    const isSpent = (message: Message) =>
      message.visibleAt <= now && message.receiveCount >= redrive.maxReceiveCount;
    for (const { messageId, body, groupId, deduplicationId } of this.#messages.filter(isSpent)) {
      target.#enqueue({ messageId, body, groupId, deduplicationId }, 0);
    }
    this.#messages = this.#messages.filter((message) => !isSpent(message));
  }

  #replace(old: Message, message: Message): Message {
    this.#messages = this.#messages.map((other) => (other === old ? message : other));
    return message;
  }

  /** The message that this handle still holds; undefined when it is deleted. */
  #inFlight(receiptHandle: string): Message | undefined {
    const [id] = receiptHandle.split('#');
    const message = this.#messages.find(({ messageId }) => messageId === id);
    if (
      message !== undefined &&
      (message.receiptHandle !== receiptHandle || message.visibleAt <= this.#now())
    ) {
      // Unlike in a standard queue: another consumer may have the message by now.
      throw invalidValue(
        `Value ${receiptHandle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
      );
    }
    return message;
  }
}
