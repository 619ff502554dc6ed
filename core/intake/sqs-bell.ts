import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Bell } from './bell.ts';

/**
 * Rings in a control plane's FIFO queue, in the same group as hooks and schedule: rings that come together
 * are one export.
 */
export function sqsBell(sqs: SQSClient, queueUrl: string, controlPlane: string): Bell {
  return {
    async ring({ at, configHash }, signal) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageGroupId: controlPlane,
          // A try that was heard, and whose answer was lost, is dropped when it is repeated. The hash alone
          // would also drop a configuration that comes back within SQS's five minutes.
          MessageDeduplicationId: `listen-${at.getTime()}-${configHash ?? 'unknown'}`,
          MessageBody: JSON.stringify({
            command: 'export',
            version: 1,
            cause: 'listen',
            at: at.toISOString(),
            ...(configHash === undefined ? {} : { configHash }),
          }),
        }),
        { abortSignal: signal },
      );
    },
  };
}
