/** SQS FIFO queues, in memory, over the AWS JSON protocol. Behaviour: Amazon SQS API Reference. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { FifoQueue, type FifoQueueOptions, type Message } from './fifo-queue.ts';
import { type JsonInput, jsonOperation, startJsonService } from './json-service.ts';
import { type RunningService, type ServiceContext, ServiceError } from './signed-server.ts';

export interface LocalQueue {
  readonly url: string;
  readonly arn: string;
}

export interface LocalSqs extends RunningService {
  /** Makes a FIFO queue; the name ends in `.fifo`. Its dead-letter queue must be there already. */
  createQueue(name: string, options?: FifoQueueOptions): LocalQueue;
}

/**
 * How often a long poll looks: the queue may be on a test's clock, so the poll cannot sleep until a message
 * is due.
 */
const pollMs = 20;
const mostPerBatch = 10;

/**
 * Where the query protocol's code is not the error's name (SQS API Reference, "Migrating to the JSON
 * protocol").
 */
const queryErrorCodes: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
};

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

const systemAttributes = {
  ApproximateReceiveCount: (message: Message) => String(message.receiveCount),
  ApproximateFirstReceiveTimestamp: (message: Message) => String(message.firstReceivedAt),
  SentTimestamp: (message: Message) => String(message.sentAt),
  MessageGroupId: (message: Message) => message.groupId,
  MessageDeduplicationId: (message: Message) => message.deduplicationId,
  SequenceNumber: (message: Message) => message.sequenceNumber,
};

const pickAttributes = (wanted: readonly string[], values: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(values).filter(([name]) => wanted.includes('All') || wanted.includes(name)),
  );

function describeMessage(message: Message, wanted: readonly string[]): object {
  const attributes = Object.entries(systemAttributes).map(([name, read]) => [name, read(message)]);
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: md5(message.body),
    Attributes: pickAttributes(wanted, Object.fromEntries(attributes)),
  };
}

/** Does every entry of a batch, and says of each how it went. */
function eachEntry<T extends { readonly Id: string }>(
  entries: readonly T[],
  act: (entry: T) => void,
): object {
  if (entries.length === 0) {
    throw new ServiceError(400, 'EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > mostPerBatch) {
    throw new ServiceError(
      400,
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${mostPerBatch}.`,
    );
  }
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length) {
    throw new ServiceError(
      400,
      'BatchEntryIdsNotDistinct',
      'Two or more batch entries in the request have the same Id.',
    );
  }
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

/**
 * Waits up to `waitSeconds` for messages; takes none for a client that has hung up, as they would be lost to
 * others.
 */
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

const queueUrl = v.string();
const receiptHandle = v.string();
const attributeNames = v.optional(v.array(v.string()), []);
const integer = v.pipe(v.number(), v.safeInteger());
const wholeNumber = (least: number, most: number) => v.pipe(integer, v.minValue(least), v.maxValue(most));
/** SQS Developer Guide, "Message quotas": up to 128 characters. */
const fifoId = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,128}$/, 'has 1 to 128 printable ASCII characters'));

type FindQueue = (url: string) => FifoQueue;

const sendOperations = (find: FindQueue) => ({
  SendMessage: jsonOperation(
    v.strictObject({
      QueueUrl: queueUrl,
      MessageBody: v.pipe(v.string(), v.nonEmpty()),
      MessageGroupId: v.optional(fifoId),
      MessageDeduplicationId: v.optional(fifoId),
    }),
    ({ QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId }) => {
      const queue = find(QueueUrl);
      if (MessageGroupId === undefined) {
        throw new ServiceError(
          400,
          'MissingParameter',
          'The request must contain the parameter MessageGroupId.',
        );
      }
      const message = queue.send({
        body: MessageBody,
        groupId: MessageGroupId,
        deduplicationId: MessageDeduplicationId,
      });
      return {
        MessageId: message.messageId,
        SequenceNumber: message.sequenceNumber,
        MD5OfMessageBody: md5(MessageBody),
      };
    },
  ),
  ReceiveMessage: jsonOperation(
    v.strictObject({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: v.optional(wholeNumber(1, mostPerBatch), 1),
      WaitTimeSeconds: v.optional(wholeNumber(0, 20), 0),
      AttributeNames: attributeNames,
      MessageSystemAttributeNames: attributeNames,
    }),
    async (input, { signal }) => {
      const queue = find(input.QueueUrl);
      const take = () => queue.receive(input.MaxNumberOfMessages);
      const messages = await longPoll(take, input.WaitTimeSeconds, signal);
      const wanted = [...input.AttributeNames, ...input.MessageSystemAttributeNames];
      return messages.length === 0
        ? {}
        : { Messages: messages.map((message) => describeMessage(message, wanted)) };
    },
  ),
});

const receiptOperations = (find: FindQueue) => ({
  DeleteMessage: jsonOperation(
    v.strictObject({ QueueUrl: queueUrl, ReceiptHandle: receiptHandle }),
    ({ QueueUrl, ReceiptHandle }) => {
      find(QueueUrl).delete(ReceiptHandle);
      return {};
    },
  ),
  DeleteMessageBatch: jsonOperation(
    v.strictObject({
      QueueUrl: queueUrl,
      Entries: v.array(v.strictObject({ Id: v.string(), ReceiptHandle: receiptHandle })),
    }),
    ({ QueueUrl, Entries }) => {
      const queue = find(QueueUrl);
      return eachEntry(Entries, (entry) => queue.delete(entry.ReceiptHandle));
    },
  ),
  ChangeMessageVisibilityBatch: jsonOperation(
    v.strictObject({
      QueueUrl: queueUrl,
      Entries: v.array(
        v.strictObject({ Id: v.string(), ReceiptHandle: receiptHandle, VisibilityTimeout: integer }),
      ),
    }),
    ({ QueueUrl, Entries }) => {
      const queue = find(QueueUrl);
      return eachEntry(Entries, (entry) =>
        queue.changeVisibility(entry.ReceiptHandle, entry.VisibilityTimeout),
      );
    },
  ),
});

const attributeOperations = (
  find: FindQueue,
  describe: (queue: FifoQueue) => Readonly<Record<string, string>>,
) => ({
  GetQueueAttributes: jsonOperation(
    v.strictObject({ QueueUrl: queueUrl, AttributeNames: attributeNames }),
    ({ QueueUrl, AttributeNames }) => ({
      Attributes: pickAttributes(AttributeNames, describe(find(QueueUrl))),
    }),
  ),
});

/** A batch needs the action of the single one (SQS Developer Guide, "Amazon SQS API permissions"). */
function accessesOf({ region, accountId }: ServiceContext) {
  return (operation: string, { QueueUrl }: JsonInput): readonly Access[] => [
    {
      action: `sqs:${operation.replace(/Batch$/, '')}`,
      resourceArn: `arn:aws:sqs:${region}:${accountId}:${String(QueueUrl ?? '')
        .split('/')
        .at(-1)}`,
      context: overTls,
    },
  ];
}

/** Starts an SQS that forgets everything when it stops. */
export async function startLocalSqs(context: ServiceContext): Promise<LocalSqs> {
  const queues = new Map<string, { readonly queue: FifoQueue; readonly redrivePolicy: string | undefined }>();
  const arnOf = (name: string) => `arn:aws:sqs:${context.region}:${context.accountId}:${name}`;

  function find(url: string): FifoQueue {
    // Only the path names the queue: its host and port change with every start.
    const name = /^https?:\/\/[^/]+\/(\d{12})\/([^/]+)$/.exec(url);
    const found = name?.[1] === context.accountId ? queues.get(name[2] ?? '') : undefined;
    if (found === undefined) {
      throw new ServiceError(400, 'QueueDoesNotExist', 'The specified queue does not exist.');
    }
    return found.queue;
  }

  function describe(queue: FifoQueue): Record<string, string> {
    const { visible, inFlight, delayed } = queue.counts();
    const redrivePolicy = queues.get(queue.name)?.redrivePolicy;
    return {
      ...queue.settings(),
      QueueArn: arnOf(queue.name),
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: String(delayed),
      ...(redrivePolicy !== undefined && { RedrivePolicy: redrivePolicy }),
    };
  }

  const service = await startJsonService(
    {
      service: 'sqs',
      target: 'AmazonSQS',
      version: '1.0',
      namespace: 'com.amazonaws.sqs',
      queryErrorCode: (code) => queryErrorCodes[code] ?? code,
    },
    { ...sendOperations(find), ...receiptOperations(find), ...attributeOperations(find, describe) },
    accessesOf(context),
    context,
  );
  return {
    ...service,
    createQueue(name, options = {}) {
      if (!/^[A-Za-z0-9_-]{1,75}\.fifo$/.test(name) || queues.has(name)) {
        throw new Error(`a local queue cannot be named "${name}": take a new name that ends in ".fifo"`);
      }
      const { redrive } = options;
      const deadLetters = redrive && queues.get(redrive.deadLetterQueue)?.queue;
      if (redrive && deadLetters === undefined) {
        throw new Error(
          `the dead-letter queue "${redrive.deadLetterQueue}" does not exist: create it before "${name}"`,
        );
      }
      const redrivePolicy = redrive && {
        deadLetterTargetArn: arnOf(redrive.deadLetterQueue),
        maxReceiveCount: redrive.maxReceiveCount,
      };
      queues.set(name, {
        queue: new FifoQueue(name, options, () => context.now().getTime(), deadLetters),
        redrivePolicy: redrivePolicy && JSON.stringify(redrivePolicy),
      });
      return { url: `${service.endpoint}/${context.accountId}/${name}`, arn: arnOf(name) };
    },
  };
}
