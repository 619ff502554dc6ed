import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

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
  /** The same request within five minutes is not another one. */
  request(requested: RequestedExport, signal: AbortSignal): Promise<void>;
}

/** In a control plane's FIFO queue, in the same group as hooks and schedule. */
export function sqsRequestedExports(
  sqs: SQSClient,
  queueUrl: string,
  controlPlane: string,
): RequestedExports {
  return {
    async request({ at, id, by, reason }, signal) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageGroupId: controlPlane,
          MessageDeduplicationId: `command-${id}`,
          MessageBody: JSON.stringify({
            command: 'export',
            version: 1,
            cause: 'manual',
            at: at.toISOString(),
            requested: { id, by, reason },
          }),
        }),
        { abortSignal: signal },
      );
    },
  };
}
