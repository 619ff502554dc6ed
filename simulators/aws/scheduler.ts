import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface ScheduleOptions {
  /** With the schedule's role. */
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly messageGroupId: string;
  /** The message; `<aws.scheduler.scheduled-time>` in it becomes the time. */
  readonly input: string;
  readonly everyMinutes: number;
}

export interface Schedule {
  /** Sends the message now. */
  readonly ring: () => Promise<void>;
  stop(): Promise<void>;
}

/** A schedule of EventBridge Scheduler whose target is an SQS queue. */
export function startSchedule(options: ScheduleOptions): Schedule {
  const ring = async () => {
    const now = new Date().toISOString();
    await options.sqs.send(
      new SendMessageCommand({
        QueueUrl: options.queueUrl,
        MessageGroupId: options.messageGroupId,
        MessageBody: options.input.replaceAll('<aws.scheduler.scheduled-time>', now),
      }),
    );
  };
  // The next ring makes good what fails now.
  const timer = setInterval(() => void ring().catch(() => undefined), options.everyMinutes * 60 * 1000);
  return {
    ring,
    async stop() {
      clearInterval(timer);
    },
  };
}
