import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { BatchOutcome, QueuedMessage } from '../core/export/export-batch.ts';

export function messagesOf({ Records }: SQSEvent): readonly QueuedMessage[] {
  return Records.map(({ messageId, body, attributes }) => ({
    id: messageId,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
  }));
}

/** Puts back what is not done, each after its delay, and tells Lambda to leave it in the queue. */
export async function unfinished(
  sqs: SQSClient,
  queueUrl: string,
  { Records }: SQSEvent,
  { unreadable, retry }: BatchOutcome,
): Promise<SQSBatchResponse> {
  const delays = new Map<string, number>([
    ...unreadable.map((id) => [id, 0] as const),
    ...(retry?.ids ?? []).map((id) => [id, retry?.afterSeconds ?? 0] as const),
  ]);
  const left = Records.filter(({ messageId }) => delays.has(messageId));
  if (left.length > 0) {
    await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: queueUrl,
        Entries: left.map(({ messageId, receiptHandle }) => ({
          Id: messageId,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: delays.get(messageId) ?? 0,
        })),
      }),
    );
  }
  return { batchItemFailures: left.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
