import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { QueuedMessage } from '../core/export/export-queue.ts';

export function readMessages({ Records }: SQSEvent): readonly QueuedMessage[] {
  return Records.map(({ messageId, receiptHandle, body, attributes }) => ({
    id: messageId,
    receipt: receiptHandle,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
  }));
}

/** Tells Lambda which messages to leave in the queue. */
export function batchResponse(unfinishedIds: readonly string[]): SQSBatchResponse {
  return { batchItemFailures: unfinishedIds.map((id) => ({ itemIdentifier: id })) };
}
