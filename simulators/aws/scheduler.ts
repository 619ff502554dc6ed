import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface ScheduleOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly controlPlane: string;
  readonly everyMinutes: number;
}

export interface Schedule {
  /** Sends the message now. */
  readonly ring: () => Promise<void>;
  stop(): Promise<void>;
}

/** EventBridge Scheduler's one target here: a control plane's queue. */
export function startSchedule({ sqs, queueUrl, controlPlane, everyMinutes }: ScheduleOptions): Schedule {
  const ring = async () => {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageGroupId: controlPlane,
        MessageBody: JSON.stringify({
          command: 'export',
          version: 1,
          cause: 'schedule',
          at: new Date().toISOString(),
        }),
      }),
    );
  };
  // What fails now is made good by the next ring.
  const timer = setInterval(() => void ring().catch(() => undefined), everyMinutes * 60 * 1000);
  return {
    ring,
    async stop() {
      clearInterval(timer);
    },
  };
}
