import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface ScheduleOptions {
  readonly deliver: Deliver;
  /** What is delivered; `<aws.scheduler.scheduled-time>` in it becomes the time. */
  readonly input: string;
  readonly everyMinutes: number;
}

/** Hands the input to the target. */
export type Deliver = (input: string) => Promise<void>;

export interface Schedule {
  /** Delivers now. */
  readonly ring: () => Promise<void>;
  stop(): Promise<void>;
}

/** A schedule of EventBridge Scheduler. */
export function startSchedule({ deliver, input, everyMinutes }: ScheduleOptions): Schedule {
  const ring = () => deliver(input.replaceAll('<aws.scheduler.scheduled-time>', new Date().toISOString()));
  // The next ring makes good what fails now.
  const timer = setInterval(() => void ring().catch(() => undefined), everyMinutes * 60 * 1000);
  return {
    ring,
    async stop() {
      clearInterval(timer);
    },
  };
}

/**
 * Delivers to an SQS queue.
 *
 * @param sqs with the schedule's role
 */
export function deliverToQueue(sqs: SQSClient, QueueUrl: string, MessageGroupId: string): Deliver {
  return async (MessageBody) => {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageGroupId, MessageBody }));
  };
}
