import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { callsWithin, describeCallFailure } from '../aws-calls.ts';
import type { Bell } from './bell.ts';
import { IntakeError } from './errors.ts';

/**
 * Rings in a control plane's FIFO queue, in the same group as hooks and schedule: rings that come together
 * are one export.
 */
export function sqsBell(sqs: SQSClient, queueUrl: string, controlPlane: string): Bell {
  return {
    async ring({ at, configHash }, signal) {
      const command = new SendMessageCommand({
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
      });
      await sendRing(sqs, command, signal);
    },
  };
}

/**
 * Sends a message that asks for an export.
 *
 * @throws IntakeError `not-rung`
 */
export async function sendRing(
  sqs: Pick<SQSClient, 'send'>,
  command: SendMessageCommand,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await callsWithin(sqs, signal).send(command);
  } catch (error) {
    throw new IntakeError(
      'not-rung',
      `SQS did not take the message that asks for an export (${describeCallFailure(error)}). Check the role’s policy and the way to SQS; ` +
        'until then the schedule asks',
      { cause: error },
    );
  }
}
