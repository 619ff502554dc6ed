import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { ExportQueue } from './export-queue.ts';

/** A FIFO queue in SQS; its receipts are receipt handles. */
export function sqsExportQueue(sqs: SQSClient, queueUrl: string): ExportQueue {
  return {
    async putBack(messages) {
      await sqs.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: queueUrl,
          Entries: messages.map(({ message, afterSeconds }) => ({
            Id: message.id,
            ReceiptHandle: message.receipt,
            VisibilityTimeout: afterSeconds,
          })),
        }),
      );
    },
  };
}
