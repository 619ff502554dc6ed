import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ListQueuesCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FifoQueueOptions } from '../../../simulators/aws/fifo-queue.ts';
import { clientFor, errorName, runLocalAws, testClock } from './running-local-aws.ts';

describe('the local SQS', () => {
  const clock = testClock();
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  let credentials: ReturnType<typeof clientFor>['credentials'];
  let client: SQSClient;
  let queues = 0;
  let url: string;

  beforeAll(async () => {
    aws = await runLocalAws(clock.now);
    ({ credentials } = clientFor(aws, ''));
  });
  beforeEach(() => {
    url = newQueue();
  });
  afterAll(() => aws.stop());

  /** Signs with the test's clock, as far as that has moved by now. */
  const send = <T>(call: (sqs: SQSClient) => Promise<T>): Promise<T> => {
    client = new SQSClient({ ...clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_SQS, clock.now), credentials });
    return call(client).finally(() => client.destroy());
  };
  const newQueue = (options?: FifoQueueOptions) =>
    aws.sqs.createQueue(`exports-${++queues}.fifo`, options).url;

  const post = (MessageBody: string, MessageDeduplicationId?: string, MessageGroupId = 'prod') =>
    send((sqs) =>
      sqs.send(
        new SendMessageCommand({ QueueUrl: url, MessageBody, MessageGroupId, MessageDeduplicationId }),
      ),
    );
  const receive = async (input: Partial<ReceiveMessageCommandInput> = {}) => {
    const command = new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      ...input,
    });
    return (await send((sqs) => sqs.send(command))).Messages ?? [];
  };
  const bodies = async () => (await receive()).map(({ Body }) => Body);
  /** A batch of one entry fails as that entry does. */
  const only = async (batch: Promise<{ readonly Failed?: readonly BatchResultErrorEntry[] | undefined }>) => {
    const { Failed: [failed] = [] } = await batch;
    if (failed !== undefined) {
      throw Object.assign(new Error(failed.Message), { name: failed.Code });
    }
  };
  const remove = (ReceiptHandle?: string) => {
    const Entries = [{ Id: 'only', ReceiptHandle }];
    return only(send((sqs) => sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }))));
  };
  const setVisibility = (ReceiptHandle: string | undefined, VisibilityTimeout: number) => {
    const Entries = [{ Id: 'only', ReceiptHandle, VisibilityTimeout }];
    return only(send((sqs) => sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }))));
  };
  it('gives the messages of a group in order, with their attributes', async () => {
    const first = await post('one', 'a');
    await post('two', 'b');

    const messages = await receive();

    expect(messages.map(({ Body }) => Body)).toEqual(['one', 'two']);
    expect(messages[0]?.MessageId).toBe(first.MessageId);
    expect(messages[0]?.Attributes).toEqual({
      ApproximateReceiveCount: '1',
      SentTimestamp: String(clock.now().getTime()),
      MessageGroupId: 'prod',
      MessageDeduplicationId: 'a',
    });
  });

  it('measures what was sent, and the age of the oldest message that is not deleted', async () => {
    expect(aws.sqs.measureQueue(url)).toEqual({ sentCount: 0, oldestSeconds: 0 });
    await post('one', 'a');
    clock.advanceSeconds(3);
    await post('two', 'b');
    await post('two', 'b');
    clock.advanceSeconds(2);

    expect(aws.sqs.measureQueue(url)).toEqual({ sentCount: 2, oldestSeconds: 5 });
    const [first] = await receive({ MaxNumberOfMessages: 1 });
    await remove(first?.ReceiptHandle);
    expect(aws.sqs.measureQueue(url)).toEqual({ sentCount: 2, oldestSeconds: 2 });
  });

  it('blocks a group while one of its messages is in flight, and no other group', async () => {
    await post('one', 'a');
    await post('two', 'b');
    await post('other', 'c', 'staging');

    const [first] = await receive({ MaxNumberOfMessages: 1 });

    expect(first?.Body).toBe('one');
    expect(await bodies()).toEqual(['other']);
    expect(await bodies()).toEqual([]);
    await remove(first?.ReceiptHandle);
    expect(await bodies()).toEqual(['two']);
  });

  it('gives a message again when its visibility timeout is over, and counts it', async () => {
    await post('one', 'a');
    await receive();
    clock.advanceSeconds(29);
    const early = await bodies();
    clock.advanceSeconds(1);

    const [again] = await receive();

    expect(early).toEqual([]);
    expect(again?.Attributes).toMatchObject({ ApproximateReceiveCount: '2' });
  });

  it('hides a new message for the delay of the queue', async () => {
    url = newQueue({ delaySeconds: 3 });
    await post('one', 'a');
    clock.advanceSeconds(2);
    const early = await bodies();
    clock.advanceSeconds(1);

    const late = await bodies();

    expect(early).toEqual([]);
    expect(late).toEqual(['one']);
  });

  it('swallows a deduplication id for five minutes, even when its message is deleted', async () => {
    const first = await post('one', 'a');
    const [message] = await receive();
    await remove(message?.ReceiptHandle);
    clock.advanceSeconds(299);
    const duplicate = await post('one again', 'a');
    const swallowed = await bodies();
    clock.advanceSeconds(1);

    const fresh = await post('one more', 'a');

    expect(duplicate.MessageId).toBe(first.MessageId);
    expect(swallowed).toEqual([]);
    expect(fresh.MessageId).not.toBe(first.MessageId);
    expect(await bodies()).toEqual(['one more']);
  });

  it('takes the body for the deduplication id where the queue says so', async () => {
    url = newQueue({ contentBasedDeduplication: true });
    await post('same');
    await post('same');
    await post('other');

    expect(await bodies()).toEqual(['same', 'other']);
  });

  it.each([
    ['no group', { MessageGroupId: undefined }, 'ValidationException'],
    ['no deduplication id', { MessageDeduplicationId: undefined }, 'InvalidParameterValue'],
    ['attributes', { MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } } }, 'NotImplemented'],
    ['a delay of its own', { DelaySeconds: 1 }, 'NotImplemented'],
    [
      'a deduplication id that is too long',
      { MessageDeduplicationId: 'x'.repeat(129) },
      'ValidationException',
    ],
  ])('refuses a message with %s', async (_what, change, expected) => {
    const input = {
      QueueUrl: url,
      MessageBody: 'x',
      MessageGroupId: 'prod',
      MessageDeduplicationId: 'a',
      ...change,
    };

    const name = await errorName(send((sqs) => sqs.send(new SendMessageCommand(input))));

    expect(name).toBe(expected);
  });

  it('gives a message back at once when its visibility is set to 0', async () => {
    await post('one', 'a');
    const [message] = await receive();

    await setVisibility(message?.ReceiptHandle, 0);

    expect(await bodies()).toEqual(['one']);
  });

  it('keeps a message longer when its visibility is extended', async () => {
    await post('one', 'a');
    const [message] = await receive();
    await setVisibility(message?.ReceiptHandle, 60);
    clock.advanceSeconds(59);
    const early = await bodies();
    clock.advanceSeconds(1);

    expect(early).toEqual([]);
    expect(await bodies()).toEqual(['one']);
  });

  it('takes a visibility timeout of up to twelve hours', async () => {
    await post('one', 'a');
    const [message] = await receive();

    const longest = await errorName(setVisibility(message?.ReceiptHandle, 43_200));
    const longer = await errorName(setVisibility(message?.ReceiptHandle, 43_201));

    expect([longest, longer]).toEqual(['no error', 'ValidationException']);
  });

  it('does not let an expired receipt handle delete what somebody else works on', async () => {
    await post('one', 'a');
    const [message] = await receive();
    clock.advanceSeconds(30);
    const expired = await errorName(remove(message?.ReceiptHandle));
    await receive();

    const replaced = await errorName(remove(message?.ReceiptHandle));

    expect([expired, replaced]).toEqual(['InvalidParameterValue', 'InvalidParameterValue']);
    expect(aws.sqs.countMessages(url)).toBe(1);
  });

  it('deletes twice without complaint', async () => {
    await post('one', 'a');
    const [message] = await receive();
    await remove(message?.ReceiptHandle);

    expect(await errorName(remove(message?.ReceiptHandle))).toBe('no error');
  });

  it('does batches entry by entry', async () => {
    await post('one', 'a');
    await post('two', 'b');
    const [one, two] = await receive();
    await setVisibility(two?.ReceiptHandle, 0);

    const deleted = await send((sqs) =>
      sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: url,
          Entries: [
            { Id: '0', ReceiptHandle: one?.ReceiptHandle },
            // Its handle holds no more.
            { Id: '1', ReceiptHandle: two?.ReceiptHandle },
          ],
        }),
      ),
    );

    expect(deleted.Successful).toEqual([{ Id: '0' }]);
    expect(deleted.Failed).toMatchObject([{ Id: '1', Code: 'InvalidParameterValue', SenderFault: true }]);
    expect(await bodies()).toEqual(['two']);
  });

  it.each([
    ['no entry', [], 'ValidationException'],
    ['ten entries', Array.from({ length: 10 }, (_, index) => `${index}`), 'no error'],
    ['eleven entries', Array.from({ length: 11 }, (_, index) => `${index}`), 'ValidationException'],
  ])('checks a batch with %s', async (_what, ids, expected) => {
    const Entries = ids.map((Id) => ({ Id, ReceiptHandle: 'x' }));

    const name = await errorName(
      send((sqs) => sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }))),
    );

    expect(name).toBe(expected);
  });

  it('moves a message that nobody could handle to the dead-letter queue', async () => {
    const deadLetters = aws.sqs.createQueue('dead-letters.fifo').url;
    url = newQueue({
      visibilityTimeoutSeconds: 1,
      redrive: { deadLetterQueue: 'dead-letters.fifo', maxReceiveCount: 2 },
    });
    await post('poison', 'a');
    const received = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      received.push(await bodies());
      clock.advanceSeconds(1);
    }

    url = deadLetters;
    const moved = await bodies();

    expect(received).toEqual([['poison'], ['poison'], []]);
    expect(moved).toEqual(['poison']);
  });

  it('answers a long poll as soon as a message is there', async () => {
    const started = performance.now();
    const waiting = receive({ WaitTimeSeconds: 20 });
    await sleep(50);

    await post('late', 'a');

    expect((await waiting).map(({ Body }) => Body)).toEqual(['late']);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('answers a long poll with nothing when its time is over', async () => {
    const started = performance.now();

    const messages = await receive({ WaitTimeSeconds: 1 });

    expect(messages).toEqual([]);
    expect(performance.now() - started).toBeGreaterThanOrEqual(1000);
  });

  it('gives no message to a client that has hung up', async () => {
    const abort = new AbortController();
    const command = new ReceiveMessageCommand({
      QueueUrl: url,
      WaitTimeSeconds: 20,
      MessageSystemAttributeNames: ['All'],
    });
    const hungUp = errorName(send((sqs) => sqs.send(command, { abortSignal: abort.signal })));
    await sleep(60);
    abort.abort();
    await hungUp;
    await sleep(40);

    await post('kept', 'a');
    await sleep(40);

    expect(await bodies()).toEqual(['kept']);
  });

  it('counts what waits, is delayed or is being worked on', async () => {
    url = newQueue({ delaySeconds: 3 });
    await post('one', 'a');
    clock.advanceSeconds(3);
    await receive();
    await post('two', 'b', 'staging');

    expect(aws.sqs.countMessages(url)).toBe(2);
  });

  it('names an unknown queue as the SDK knows it', async () => {
    url = `${aws.endpoints.AWS_ENDPOINT_URL_SQS}/000000000000/none.fifo`;

    const failed = post('x', 'a');

    await expect(failed).rejects.toBeInstanceOf(QueueDoesNotExist);
  });

  it('says 501 to what it does not do', async () => {
    const failed = send((sqs) => sqs.send(new ListQueuesCommand({})));

    await expect(failed).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining('ListQueues'),
    });
  });

  it('stops while somebody is polling', async () => {
    const stopping = await runLocalAws();
    const queue = stopping.sqs.createQueue('polled.fifo').url;
    const poller = new SQSClient({
      ...clientFor(stopping, stopping.endpoints.AWS_ENDPOINT_URL_SQS),
      maxAttempts: 1,
    });
    const polling = errorName(
      poller.send(
        new ReceiveMessageCommand({
          QueueUrl: queue,
          WaitTimeSeconds: 20,
          MessageSystemAttributeNames: ['All'],
        }),
      ),
    );
    await sleep(50);

    await stopping.stop();

    expect(await polling).not.toBe('no error');
    poller.destroy();
  });
});
