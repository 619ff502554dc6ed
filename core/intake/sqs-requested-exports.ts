import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { sendRing } from './sqs-bell.ts';

/** An export that an operator has asked for. */
export interface RequestedExport {
  readonly id: string;
  readonly at: Date;
  /** ARN of the operator. */
  readonly by: string;
  readonly reason: string;
}

/** The queue that a control plane's exports come from. */
export interface RequestedExports {
  /** Its outcome is noted in the status. The same request within five minutes is not another one. */
  request(requested: RequestedExport, signal: AbortSignal): Promise<void>;
  /**
   * The same for another command, which the status goes on naming: nothing is noted of this export.
   *
   * @throws IntakeError `not-rung`
   */
  requestUnnoted(command: Pick<RequestedExport, 'id' | 'at'>, signal: AbortSignal): Promise<void>;
}

/** In a control plane's FIFO queue, in the same group as hooks and schedule. */
export function sqsRequestedExports(
  sqs: SQSClient,
  queueUrl: string,
  controlPlane: string,
): RequestedExports {
  const makeMessage = (deduplicationId: string, at: Date, more: object = {}) =>
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageGroupId: controlPlane,
      MessageDeduplicationId: deduplicationId,
      MessageBody: JSON.stringify({
        command: 'export',
        version: 1,
        cause: 'manual',
        at: at.toISOString(),
        ...more,
      }),
    });
  return {
    async request({ at, id, by, reason }, signal) {
      await sqs.send(makeMessage(`command-${id}`, at, { requested: { id, by, reason } }), {
        abortSignal: signal,
      });
    },
    requestUnnoted: ({ at, id }, signal) => sendRing(sqs, makeMessage(`unnoted-${id}`, at), signal),
  };
}
