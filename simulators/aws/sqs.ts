/** SQS FIFO queues, in memory, over the AWS JSON protocol. Behaviour: Amazon SQS API Reference. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { FifoQueue, type FifoQueueOptions, type Message, type QueueMeasure } from './fifo-queue.ts';
import { type JsonInput, jsonOperation, startJsonService } from './json-service.ts';
import { type RunningService, type ServiceContext, ServiceError } from './signed-server.ts';

export interface LocalQueue {
  readonly url: string;
  readonly arn: string;
}

export interface LocalSqs extends RunningService {
  /** Makes a FIFO queue; the name ends in `.fifo`. Its dead-letter queue must be there already. */
  createQueue(name: string, options?: FifoQueueOptions): LocalQueue;
  /** Those of a queue that wait, are delayed or are being worked on. */
  countMessages(queueUrl: string): number;
  measureQueue(queueUrl: string): QueueMeasure;
}

/** How often a long poll looks: on a test's clock it cannot sleep until a message is due. */
const pollMs = 20;
const mostPerBatch = 10;

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

function describeMessage(message: Message): object {
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: md5(message.body),
    Attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAt),
      MessageGroupId: message.groupId,
      MessageDeduplicationId: message.deduplicationId,
    },
  };
}

/** Does every entry of a batch, and says of each how it went. */
function eachEntry<T extends { readonly Id: string }>(
  entries: readonly T[],
  act: (entry: T) => void,
): object {
  const successful: object[] = [];
  const failed: object[] = [];
  for (const entry of entries) {
    try {
      act(entry);
      successful.push({ Id: entry.Id });
    } catch (error) {
      if (!(error instanceof ServiceError)) {
        throw error;
      }
      failed.push({ Id: entry.Id, Code: error.code, Message: error.message, SenderFault: true });
    }
  }
  return { Successful: successful, ...(failed.length > 0 && { Failed: failed }) };
}

/** Waits up to `waitSeconds`; takes nothing for a client that has hung up: it would be lost to others. */
async function longPoll(take: () => readonly Message[], waitSeconds: number, signal: AbortSignal) {
  const deadline = performance.now() + waitSeconds * 1000;
  while (!signal.aborted) {
    const messages = take();
    if (messages.length > 0 || performance.now() >= deadline) {
      return messages;
    }
    await sleep(pollMs);
  }
  return [];
}

const wholeNumber = (least: number, most: number) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));
/** SQS Developer Guide, "Message quotas": up to 128 characters. */
const fifoId = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,128}$/, 'has 1 to 128 printable ASCII characters'));
/** Nobody asks for some of them only. */
const allAttributes = v.strictTuple([v.literal('All')]);
const batchOf = <const Entry extends v.ObjectEntries>(entry: Entry) =>
  v.pipe(v.array(v.strictObject(entry)), v.minLength(1), v.maxLength(mostPerBatch));
const receipt = { Id: v.string(), ReceiptHandle: v.string() };

const operations = (find: (url: string) => FifoQueue) => ({
  SendMessage: jsonOperation(
    v.strictObject({
      QueueUrl: v.string(),
      MessageBody: v.pipe(v.string(), v.nonEmpty()),
      MessageGroupId: fifoId,
      MessageDeduplicationId: v.optional(fifoId),
    }),
    ({ QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId }) => {
      const { messageId } = find(QueueUrl).send({
        body: MessageBody,
        groupId: MessageGroupId,
        deduplicationId: MessageDeduplicationId,
      });
      return { MessageId: messageId, MD5OfMessageBody: md5(MessageBody) };
    },
  ),
  ReceiveMessage: jsonOperation(
    v.strictObject({
      QueueUrl: v.string(),
      MaxNumberOfMessages: v.optional(wholeNumber(1, mostPerBatch), 1),
      WaitTimeSeconds: v.optional(wholeNumber(0, 20), 0),
      MessageSystemAttributeNames: allAttributes,
    }),
    async ({ QueueUrl, MaxNumberOfMessages, WaitTimeSeconds }, { signal }) => {
      const queue = find(QueueUrl);
      const messages = await longPoll(() => queue.receive(MaxNumberOfMessages), WaitTimeSeconds, signal);
      return messages.length === 0 ? {} : { Messages: messages.map(describeMessage) };
    },
  ),
  DeleteMessageBatch: jsonOperation(
    v.strictObject({ QueueUrl: v.string(), Entries: batchOf(receipt) }),
    ({ QueueUrl, Entries }) => {
      const queue = find(QueueUrl);
      return eachEntry(Entries, (entry) => queue.delete(entry.ReceiptHandle));
    },
  ),
  ChangeMessageVisibilityBatch: jsonOperation(
    v.strictObject({
      QueueUrl: v.string(),
      // Up to twelve hours.
      Entries: batchOf({ ...receipt, VisibilityTimeout: wholeNumber(0, 43_200) }),
    }),
    ({ QueueUrl, Entries }) => {
      const queue = find(QueueUrl);
      return eachEntry(Entries, (entry) =>
        queue.changeVisibility(entry.ReceiptHandle, entry.VisibilityTimeout),
      );
    },
  ),
});

/** A batch needs the action of the single one (SQS Developer Guide, "Amazon SQS API permissions"). */
function accessesOf({ region, accountId }: ServiceContext) {
  return (operation: string, { QueueUrl }: JsonInput): readonly Access[] => {
    const name = String(QueueUrl ?? '')
      .split('/')
      .at(-1);
    const resourceArn = `arn:aws:sqs:${region}:${accountId}:${name}`;
    return [{ action: `sqs:${operation.replace(/Batch$/, '')}`, resourceArn, context: overTls }];
  };
}

/** Starts an SQS that forgets everything when it stops. */
export async function startLocalSqs(context: ServiceContext): Promise<LocalSqs> {
  const { region, accountId } = context;
  const queues = new Map<string, FifoQueue>();

  function find(url: string): FifoQueue {
    // The path tells account and name: host and port change with every start.
    const found = queues.get(url.split('/').slice(3).join('/'));
    if (found === undefined) {
      throw new ServiceError(400, 'QueueDoesNotExist', 'The specified queue does not exist.');
    }
    return found;
  }

  const service = await startJsonService(
    { service: 'sqs', target: 'AmazonSQS', version: '1.0' },
    operations(find),
    accessesOf(context),
    context,
  );
  return {
    ...service,
    createQueue(name, options = {}) {
      const pathOf = (queue: string) => `${accountId}/${queue}`;
      const deadLetters = options.redrive && queues.get(pathOf(options.redrive.deadLetterQueue));
      queues.set(pathOf(name), new FifoQueue(options, () => context.now().getTime(), deadLetters));
      const url = `${service.endpoint}/${pathOf(name)}`;
      return { url, arn: `arn:aws:sqs:${region}:${accountId}:${name}` };
    },
    countMessages: (url) => find(url).count(),
    measureQueue: (url) => find(url).measure(),
  };
}
