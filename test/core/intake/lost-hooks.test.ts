/** Whether an acknowledged hook can be lost: whatever fails, and however many processes take hooks. */
import type { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseExportCommand } from '../../../core/intake/export-command.ts';
import { sqsExportRequests } from '../../../core/intake/sqs-export-requests.ts';

const windowMs = 1_000;
/** Of the queue (lib/export/export.ts): the window, and a second. */
const delayMs = windowMs + 1_000;
/** For which SQS drops what has the same id (Amazon SQS Developer Guide, "FIFO queues"). */
const deduplicationMs = 5 * 60_000;
const beginMs = Date.parse('2026-11-28T12:00:00.000Z');

interface Sent {
  readonly visibleMs: number;
  readonly upToMs: number;
}

/** A FIFO queue of SQS, on a time of its own: it takes messages, drops repeated ones, and fails as told. */
class Queue {
  nowMs = beginMs;
  readonly messages: Sent[] = [];
  /** What becomes of the next calls; taken as well when the answer is lost. */
  next: 'taken' | 'refused' | 'answer lost' = 'taken';
  readonly #known = new Map<string, number>();

  client(): SQSClient {
    return { send: async (command: SendMessageCommand) => this.#send(command) } as unknown as SQSClient;
  }

  #send({ input: { MessageBody = '', MessageDeduplicationId = '' } }: SendMessageCommand): object {
    const { next } = this;
    if (next !== 'refused') {
      const seenMs = this.#known.get(MessageDeduplicationId) ?? Number.NEGATIVE_INFINITY;
      if (this.nowMs - seenMs >= deduplicationMs) {
        this.#known.set(MessageDeduplicationId, this.nowMs);
        const upToMs = parseExportCommand(MessageBody)?.at.getTime() ?? 0;
        this.messages.push({ visibleMs: this.nowMs + delayMs, upToMs });
      }
    }
    if (next !== 'taken') {
      throw new Error('SQS is away');
    }
    return {};
  }
}

const step = fc.record({
  /** Since the hook before, of whichever process. Mostly within a window, and beyond SQS's five minutes. */
  afterMs: fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.constantFrom(0, 1, 499, 500, 999, 1_000, 1_001, 2_000),
    fc.constantFrom(deduplicationMs - 1, deduplicationMs, deduplicationMs + 1),
  ),
  /** Lambda calls one of them, with one hook at a time, and freezes it in between. */
  process: fc.nat({ max: 2 }),
  /** Between the moment that counts and the call: a look at the secret, a busy machine. */
  heldUpMs: fc.constantFrom(0, 0, 0, 1, 700, 5_000),
  queue: fc.constantFrom('taken' as const, 'taken' as const, 'refused' as const, 'answer lost' as const),
});

describe('a hook that was acknowledged', () => {
  it('is in an export that begins after it, whoever took it and whatever failed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const queue = new Queue();
        const processes = [0, 1, 2].map(() => sqsExportRequests(queue.client(), () => 'queue', 1));
        const acknowledged: number[] = [];
        for (const { afterMs, process, heldUpMs, queue: next } of steps) {
          queue.nowMs += afterMs;
          const cameMs = queue.nowMs;
          queue.nowMs += heldUpMs;
          queue.next = next;
          await processes[process]?.request('prod', new Date(cameMs)).then(
            () => acknowledged.push(cameMs),
            () => undefined,
          );
        }

        const lost = acknowledged.filter(
          (cameMs) => !queue.messages.some(({ visibleMs, upToMs }) => upToMs > cameMs && visibleMs > cameMs),
        );
        expect(lost).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('beside one whose message fails is not acknowledged either, and the next one of the window sends', async () => {
    const queue = new Queue();
    queue.next = 'refused';
    const { request } = sqsExportRequests(queue.client(), () => 'queue', 1);

    const both = await Promise.allSettled([1, 2].map((ms) => request('prod', new Date(beginMs + ms))));
    queue.next = 'taken';
    await request('prod', new Date(beginMs + 999));

    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(queue.messages).toHaveLength(1);
  });
});
