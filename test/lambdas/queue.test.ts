import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { type BatchOutcome, exportBatch } from '../../core/export/export-batch.ts';
import type { ExportReport } from '../../core/export/export-run.ts';
import { messagesOf, unfinished } from '../../lambdas/queue.ts';
import type { LocalAws } from '../../simulators/aws/local-aws.ts';
import type { LocalQueue } from '../../simulators/aws/sqs.ts';
import { clientFor, runLocalAws } from '../simulators/aws/running-local-aws.ts';

const visibilityTimeoutSeconds = 150;
const deadLetters = 'dead-letters.fifo';
let clockMs: number;
let aws: LocalAws;
let sqs: SQSClient;
let queue: LocalQueue;
let deadLetterQueue: LocalQueue;

beforeEach(async () => {
  clockMs = Date.now();
  aws = await runLocalAws(() => new Date(clockMs));
  sqs = new SQSClient(clientFor(aws, aws.sqs.endpoint));
  deadLetterQueue = aws.sqs.createQueue(deadLetters);
  queue = aws.sqs.createQueue('prod.fifo', {
    visibilityTimeoutSeconds,
    redrive: { deadLetterQueue: deadLetters, maxReceiveCount: 10 },
  });
});

afterEach(async () => {
  sqs.destroy();
  await aws.stop();
});

async function send(id: string, body: string): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queue.url,
      MessageGroupId: 'prod',
      MessageDeduplicationId: id,
      MessageBody: body,
    }),
  );
}

const command = (at: number) =>
  JSON.stringify({ command: 'export', version: 1, cause: 'event-hook', at: new Date(at).toISOString() });

async function receive({ url }: LocalQueue): Promise<readonly Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
    }),
  );
  return Messages;
}

/** What Lambda does with a batch: hands it to the function, deletes what the function does not name. */
async function deliver(
  complete: boolean,
): Promise<{ readonly received: number; readonly outcome?: BatchOutcome }> {
  const messages = await receive(queue);
  if (messages.length === 0) {
    return { received: 0 };
  }
  const event: SQSEvent = {
    Records: messages.map(
      ({ MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} }) =>
        ({
          messageId: MessageId,
          receiptHandle: ReceiptHandle,
          body: Body,
          attributes: Attributes,
        }) as unknown as SQSRecord,
    ),
  };
  const report = { complete, versions: [] } as unknown as ExportReport;
  const outcome = await exportBatch(messagesOf(event), async () => report);
  const { batchItemFailures } = await unfinished(sqs, queue.url, event, outcome);
  const left = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const done = event.Records.filter(({ messageId }) => !left.has(messageId));
  if (done.length > 0) {
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queue.url,
        Entries: done.map(({ messageId, receiptHandle }) => ({
          Id: messageId,
          ReceiptHandle: receiptHandle,
        })),
      }),
    );
  }
  return { received: messages.length, outcome };
}

describe('the messages of an export', () => {
  it('are gone after it, all of a batch together', async () => {
    await send('a', command(clockMs));
    await send('b', command(clockMs + 1));

    const first = await deliver(true);
    clockMs += visibilityTimeoutSeconds * 1000;
    const afterwards = await deliver(true);

    expect([first.received, afterwards.received]).toEqual([2, 0]);
  });

  it('come back after 5, 10, 20 and 40 seconds, not a second sooner, and are let go after the fifth try', async () => {
    await send('a', command(clockMs));
    await send('b', command(clockMs + 1));

    const received: number[] = [];
    const gaveUp: boolean[] = [];
    for (const seconds of [5, 10, 20, 40]) {
      const { outcome } = await deliver(false);
      gaveUp.push(outcome?.gaveUp === true);
      clockMs += seconds * 1000 - 1;
      received.push((await receive(queue)).length);
      clockMs += 1;
    }
    const last = await deliver(false);
    clockMs += visibilityTimeoutSeconds * 1000;
    const afterwards = await deliver(false);

    expect(received).toEqual([0, 0, 0, 0]);
    expect(gaveUp).toEqual([false, false, false, false]);
    expect(last).toMatchObject({ received: 2, outcome: { gaveUp: true } });
    expect(afterwards.received).toBe(0);
    expect(await receive(deadLetterQueue)).toEqual([]);
  });

  it('do not wait behind one that nobody can read, which ends among the dead letters', async () => {
    await send('poison', '{"command":"erase"}');
    await send('a', command(clockMs));

    const deliveries = [await deliver(true)];
    while (deliveries.length < 20 && (deliveries.at(-1)?.received ?? 0) > 0) {
      deliveries.push(await deliver(true));
    }

    const [first] = deliveries;
    expect(first?.received).toBe(2);
    expect(first?.outcome?.report).toBeDefined();
    expect((await receive(deadLetterQueue)).map(({ Body }) => Body)).toEqual(['{"command":"erase"}']);
  });
});
