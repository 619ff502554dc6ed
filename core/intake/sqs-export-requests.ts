import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { ExportRequests } from './doorbell.ts';
import { sendRing } from './sqs-bell.ts';

/**
 * Export requests in one FIFO queue per control plane. All hooks of a time window become one message, because
 * SQS drops a second one with the same deduplication id; the queue's delay (window + 1 s) makes it visible
 * after all of them have come (docs/design.md#4-coalescing-without-state). What SQS would drop is not sent,
 * as far as this process knows of it: hooks of a burst are acknowledged without a call.
 */
export function sqsExportRequests(
  sqs: SQSClient,
  queueUrlOf: (controlPlane: string) => string,
  windowSeconds: number,
): ExportRequests {
  const windowMs = windowSeconds * 1000;
  const newest = new Map<string, { readonly window: number; readonly sending: Promise<void> }>();
  return {
    request(controlPlane, at) {
      const window = Math.floor(at.getTime() / windowMs);
      const known = newest.get(controlPlane);
      if (known?.window === window) {
        return known.sending;
      }
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
      const sending = sendRing(sqs, command);
      newest.set(controlPlane, { window, sending });
      sending.catch(() => {
        // It is no message: the next hook of the window tries again.
        if (newest.get(controlPlane)?.sending === sending) {
          newest.delete(controlPlane);
        }
      });
      return sending;
    },
  };
}
