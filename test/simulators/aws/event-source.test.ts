import { setTimeout as delay } from 'node:timers/promises';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type EventSource, startEventSource } from '../../../simulators/aws/event-source.ts';
import type { FifoQueueOptions } from '../../../simulators/aws/fifo-queue.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import type { LocalQueue } from '../../../simulators/aws/sqs.ts';
import { eventually } from '../../local/processes.ts';
import { ACCOUNT_ID, REGION, runLocalAws, testClock } from './running-local-aws.ts';

const deadLetters = 'dead-letters.fifo';
const clock = testClock();
const sources: EventSource[] = [];
let aws: LocalAws;
let sqs: SQSClient;
let deadLetterQueue: LocalQueue;
let count = 0;

beforeAll(async () => {
  aws = await runLocalAws(clock.now);
  sqs = new SQSClient({
    region: REGION,
    endpoint: aws.endpoints.AWS_ENDPOINT_URL_SQS,
    credentials: aws.identities.issue(`arn:aws:iam::${ACCOUNT_ID}:role/export`),
  });
  deadLetterQueue = aws.sqs.createQueue(deadLetters);
});

afterEach(async () => {
  await Promise.all(sources.splice(0).map((source) => source.stop()));
});

afterAll(async () => {
  sqs.destroy();
  await aws.stop();
});

/** What the function has failed comes back when a test moves the clock by this. */
const visibilityTimeoutSeconds = 2;

function newQueue(options: FifoQueueOptions = {}): LocalQueue {
  count += 1;
  return aws.sqs.createQueue(`queue-${count}.fifo`, { visibilityTimeoutSeconds: 30, ...options });
}

async function send(queue: LocalQueue, ...bodies: readonly string[]): Promise<void> {
  for (const [index, body] of bodies.entries()) {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queue.url,
        MessageGroupId: 'prod',
        MessageDeduplicationId: `${body}-${index}`,
        MessageBody: body,
      }),
    );
  }
}

/**
 * A function that reports what `failedOf` picks of a batch as failed; its batches are kept as lists of
 * bodies.
 */
function startPolling(
  queue: LocalQueue,
  failedOf: (records: readonly SQSRecord[], batch: number) => readonly SQSRecord[] = () => [],
  batchSize = 10,
) {
  const events: SQSEvent[] = [];
  const source = startEventSource({
    sqs,
    queueUrl: queue.url,
    queueArn: queue.arn,
    region: REGION,
    batchSize,
    reportsBatchItemFailures: true,
    function: {
      async invoke(event) {
        const { Records } = event as SQSEvent;
        events.push({ Records });
        return {
          batchItemFailures: failedOf(Records, events.length).map(({ messageId }) => ({
            itemIdentifier: messageId,
          })),
        } satisfies SQSBatchResponse;
      },
    },
  });
  sources.push(source);
  return { source, events, batches: () => events.map(({ Records }) => Records.map(({ body }) => body)) };
}

const messagesLeft = (queue: LocalQueue) => aws.sqs.countMessages(queue.url);

async function bringBack(isSettled: () => boolean): Promise<void> {
  expect(await eventually(isSettled)).toBe(true);
  clock.advanceSeconds(visibilityTimeoutSeconds);
}

const emptied = (queue: LocalQueue) => eventually(() => messagesLeft(queue) === 0);

describe('the event source', () => {
  it('gives what waits as one batch, in its order, and deletes what is done', async () => {
    const queue = newQueue();
    await send(queue, 'first', 'second', 'third');

    const { source, batches } = startPolling(queue);

    expect(await emptied(queue)).toBe(true);
    expect(batches()).toEqual([['first', 'second', 'third']]);
    expect(source.invocations()).toBe(1);
  });

  it('gives at most a batch at once, and the rest of the group after it', async () => {
    const queue = newQueue();
    await send(queue, 'a', 'b', 'c', 'd', 'e');

    const { batches } = startPolling(queue, () => [], 2);

    expect(await emptied(queue)).toBe(true);
    expect(batches()).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('hands records over as Lambda does', async () => {
    const queue = newQueue();
    await send(queue, 'body');

    const { events } = startPolling(queue);

    expect(await emptied(queue)).toBe(true);
    expect(events[0]?.Records[0]).toMatchObject({
      body: 'body',
      eventSource: 'aws:sqs',
      eventSourceARN: queue.arn,
      awsRegion: REGION,
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'prod' },
    });
  });

  it('leaves what failed in the queue, whose next batch counts it again', async () => {
    const queue = newQueue({ visibilityTimeoutSeconds });
    await send(queue, 'good', 'bad');

    const { events, batches } = startPolling(queue, (records, batch) =>
      batch === 1 ? records.filter(({ body }) => body === 'bad') : [],
    );
    await bringBack(() => messagesLeft(queue) === 1);

    expect(await emptied(queue)).toBe(true);
    expect(batches()).toEqual([['good', 'bad'], ['bad']]);
    expect(events[1]?.Records[0]?.attributes.ApproximateReceiveCount).toBe('2');
  });

  it('keeps the group’s order: nothing overtakes what failed', async () => {
    const queue = newQueue({ visibilityTimeoutSeconds });
    await send(queue, 'a', 'b', 'c');

    const { batches } = startPolling(queue, (records, batch) => (batch === 1 ? records : []), 1);
    await bringBack(() => batches().length === 1);

    expect(await emptied(queue)).toBe(true);
    expect(batches()).toEqual([['a'], ['a'], ['b'], ['c']]);
  });

  it('deletes nothing when the function itself fails, and goes on', async () => {
    const queue = newQueue({ visibilityTimeoutSeconds });
    await send(queue, 'a', 'b');

    const { batches } = startPolling(queue, (_records, batch) => {
      if (batch === 1) {
        throw new Error('out of memory');
      }
      return [];
    });
    await bringBack(() => batches().length === 1);

    expect(await emptied(queue)).toBe(true);
    expect(batches()).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('lets a message that always fails go to the dead-letter queue, and then gives the next', async () => {
    const queue = newQueue({
      visibilityTimeoutSeconds,
      redrive: { deadLetterQueue: deadLetters, maxReceiveCount: 2 },
    });
    await send(queue, 'poison', 'good');

    const { batches } = startPolling(queue, (records) => records.filter(({ body }) => body === 'poison'), 1);
    await bringBack(() => batches().length === 1);
    await bringBack(() => batches().length === 2);

    expect(await emptied(queue)).toBe(true);
    expect(batches()).toEqual([['poison'], ['poison'], ['good']]);
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: deadLetterQueue.url,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['All'],
      }),
    );
    expect(Messages.map(({ Body }) => Body)).toEqual(['poison']);
  });
});

describe('stopping', () => {
  it('ends a long poll at once', async () => {
    const { source } = startPolling(newQueue());
    // A long poll of 20 s, as the event source's own, which begins after it.
    const giveUp = new AbortController();
    const another = sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: newQueue().url,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ['All'],
      }),
      { abortSignal: giveUp.signal },
    );
    await delay(100);

    const first = await Promise.race([
      source.stop().then(() => 'stopped'),
      another.then(() => 'the other poll ended'),
    ]);
    giveUp.abort();
    await another.catch(() => undefined);

    expect(first).toBe('stopped');
  });

  it('leaves what comes afterwards in the queue', async () => {
    const queue = newQueue();
    const { source, batches } = startPolling(queue);
    await delay(50);
    await source.stop();

    await send(queue, 'late');
    await delay(100);

    expect(batches()).toEqual([]);
    expect(messagesLeft(queue)).toBe(1);
  });

  it('waits for a batch that is being worked on', async () => {
    const queue = newQueue({ visibilityTimeoutSeconds: 5 });
    await send(queue, 'a');
    let finish: () => void = () => undefined;
    let begun = false;
    const source = startEventSource({
      sqs,
      queueUrl: queue.url,
      queueArn: queue.arn,
      region: REGION,
      batchSize: 10,
      reportsBatchItemFailures: true,
      function: {
        async invoke() {
          begun = true;
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          return { batchItemFailures: [] };
        },
      },
    });
    await eventually(() => begun);

    const stopping = source.stop();
    finish();
    await stopping;

    expect(messagesLeft(queue)).toBe(0);
  });
});
