import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { LambdaFunction } from './lambda-function.ts';

export interface EventSourceOptions {
  /** With the function's own role, as Lambda polls. */
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly region: string;
  readonly function: Pick<LambdaFunction, 'invoke'>;
  readonly batchSize: number;
  /**
   * Whether the function's answer names the messages that it has not done; otherwise all of them are done.
   */
  readonly reportsBatchItemFailures: boolean;
}

export interface EventSource {
  /** How many batches were given to the function. */
  readonly invocations: () => number;
  stop(): Promise<void>;
}

/** Lambda's event source mapping for SQS: gives batches to the function, deletes what did not fail. */
export function startEventSource(options: EventSourceOptions): EventSource {
  const stopped = new AbortController();
  let invocations = 0;

  async function poll(): Promise<void> {
    const { Messages = [] } = await options.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: options.queueUrl,
        MaxNumberOfMessages: options.batchSize,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ['All'],
      }),
      { abortSignal: stopped.signal },
    );
    if (Messages.length === 0) {
      return;
    }
    invocations += 1;
    const answer = (await options.function.invoke(sqsEvent(Messages, options))) as SQSBatchResponse;
    const failures = options.reportsBatchItemFailures ? answer.batchItemFailures : [];
    const failed = new Set(failures.map(({ itemIdentifier }) => itemIdentifier));
    const done = Messages.filter(({ MessageId = '' }) => !failed.has(MessageId));
    if (done.length > 0) {
      await options.sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: options.queueUrl,
          Entries: done.map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId, ReceiptHandle })),
        }),
      );
    }
  }

  async function pollUntilStopped(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await poll();
      } catch {
        // A function that failed has said so in its log; its messages come back after the visibility timeout.
        // A service that is gone is being stopped, or will be back.
        await delay(200, undefined, { signal: stopped.signal }).catch(() => undefined);
      }
    }
  }

  const polling = pollUntilStopped();
  return {
    invocations: () => invocations,
    async stop() {
      stopped.abort();
      await polling;
    },
  };
}

function sqsEvent(messages: readonly Message[], { queueArn, region }: EventSourceOptions): SQSEvent {
  return {
    Records: messages.map((message) => ({
      messageId: message.MessageId ?? '',
      receiptHandle: message.ReceiptHandle ?? '',
      body: message.Body ?? '',
      attributes: {
        ApproximateReceiveCount: '',
        SentTimestamp: '',
        SenderId: '',
        ApproximateFirstReceiveTimestamp: '',
        ...message.Attributes,
      },
      messageAttributes: {},
      md5OfBody: message.MD5OfBody ?? '',
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
      awsRegion: region,
    })),
  };
}
