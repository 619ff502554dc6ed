import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { callsWithin, describeCallFailure } from '../aws-calls.ts';
import { type ExportQueue, QueueError } from './export-queue.ts';

/** A FIFO queue in SQS; its receipts are receipt handles. */
export function sqsExportQueue(sqs: SQSClient, queueUrl: string): ExportQueue {
  return {
    async putBack(messages, signal) {
      const command = new ChangeMessageVisibilityBatchCommand({
        QueueUrl: queueUrl,
        Entries: messages.map(({ message, afterSeconds }) => ({
          Id: message.id,
          ReceiptHandle: message.receipt,
          VisibilityTimeout: afterSeconds,
        })),
      });
      try {
        await callsWithin(sqs, signal).send(command);
      } catch (error) {
        throw new QueueError(
          'unavailable',
          `SQS did not take ${messages.length} messages back (${describeCallFailure(error)}): they come again when their visibility ` +
            'timeout is over. Check the role’s policy and the way to SQS',
          { cause: error },
        );
      }
    },
  };
}
