import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { ExportRequests } from './doorbell.ts';
import { sendRing } from './sqs-bell.ts';

/**
 * Export requests in one FIFO queue per control plane. All hooks of a time window become one message, because
 * SQS drops a second one with the same deduplication id; the queue's delay (window + 1 s) makes it visible
 * after all of them have come (docs/design.md#4-coalescing-without-state).
 */
export function sqsExportRequests(
  sqs: SQSClient,
  queueUrlOf: (controlPlane: string) => string,
  windowSeconds: number,
): ExportRequests {
  const windowMs = windowSeconds * 1000;
  return {
    async request(controlPlane, at) {
      const window = Math.floor(at.getTime() / windowMs);
      const command = new SendMessageCommand({
        QueueUrl: queueUrlOf(controlPlane),
        MessageGroupId: controlPlane,
        MessageDeduplicationId: `event-hook-${window}`,
        MessageBody: JSON.stringify({
          command: 'export',
          version: 1,
          cause: 'event-hook',
          // Later hooks of the window send no message, so the command names the end of the window.
          at: new Date((window + 1) * windowMs).toISOString(),
          since: at.toISOString(),
        }),
      });
      await sendRing(sqs, command);
    },
  };
}
