import * as v from 'valibot';
import { startEventSource } from '../../simulators/aws/event-source.ts';
import { deliverToQueue, startSchedule } from '../../simulators/aws/scheduler.ts';
import { assumeRole, findFunction, queueUrl, sqsClient } from './account.ts';
import { startFunctionSchedule } from './function-schedule.ts';
import { resourceType, withoutEffect } from './resource-type.ts';

export const queueType = resourceType(
  {
    FifoQueue: v.literal(true),
    ContentBasedDeduplication: v.optional(v.boolean(), false),
    DelaySeconds: v.optional(v.number(), 0),
    VisibilityTimeout: v.optional(v.number(), 30),
    RedrivePolicy: v.optional(
      v.strictObject({ deadLetterTargetArn: v.string(), maxReceiveCount: v.number() }),
    ),
    // Messages are in memory, and no system here runs for days.
    MessageRetentionPeriod: withoutEffect,
    SqsManagedSseEnabled: withoutEffect,
    Tags: withoutEffect,
  },
  ({ aws, queues }, logicalId, properties) => {
    const { RedrivePolicy } = properties;
    const queue = aws.sqs.createQueue(`${logicalId}.fifo`, {
      delaySeconds: properties.DelaySeconds,
      visibilityTimeoutSeconds: properties.VisibilityTimeout,
      contentBasedDeduplication: properties.ContentBasedDeduplication,
      ...(RedrivePolicy === undefined
        ? {}
        : {
            redrive: {
              deadLetterQueue: RedrivePolicy.deadLetterTargetArn.split(':').at(-1) ?? '',
              maxReceiveCount: RedrivePolicy.maxReceiveCount,
            },
          }),
    });
    queues.push({ name: `${logicalId}.fifo`, url: queue.url });
    return { ref: queue.url, arn: queue.arn, attributes: { QueueName: `${logicalId}.fifo` } };
  },
);

export const eventSourceType = resourceType(
  {
    BatchSize: v.optional(v.number(), 10),
    Enabled: v.optional(v.boolean(), true),
    EventSourceArn: v.string(),
    FunctionName: v.string(),
    FunctionResponseTypes: v.optional(v.array(v.literal('ReportBatchItemFailures')), []),
    Tags: withoutEffect,
  },
  (account, logicalId, properties) => {
    const { identity, lambda } = findFunction(account, properties.FunctionName);
    const url = queueUrl(account, properties.EventSourceArn);
    const start = () => {
      const source = startEventSource({
        sqs: sqsClient(account, identity),
        queueUrl: url,
        queueArn: properties.EventSourceArn,
        region: account.region,
        function: lambda,
        batchSize: properties.BatchSize,
        reportsBatchItemFailures: properties.FunctionResponseTypes.length > 0,
      });
      account.eventSources.push({ queueUrl: url, source });
      account.running.push({
        async stop() {
          // Ctrl-C does not wait for an export that waits for its control plane: it publishes in one step, or
          // not at all.
          await Promise.all([source.stop(), lambda.stop()]);
        },
      });
    };
    if (properties.Enabled) {
      account.starts.push(start);
    }
    return { ref: logicalId, arn: '' };
  },
);

const rate = v.pipe(
  v.string(),
  v.regex(/^rate\(\d+ (minute|hour|day)s?\)$/, 'rate(5 minutes) is expected'),
  v.transform((expression) => {
    const [, count, unit] = /^rate\((\d+) (minute|hour|day)/.exec(expression) ?? [];
    return Number(count) * (unit === 'day' ? 24 * 60 : unit === 'hour' ? 60 : 1);
  }),
);

export const scheduleType = resourceType(
  {
    ScheduleExpression: rate,
    FlexibleTimeWindow: v.strictObject({ Mode: v.literal('OFF') }),
    // Of cron expressions; a rate has none.
    ScheduleExpressionTimezone: withoutEffect,
    State: v.optional(v.picklist(['ENABLED', 'DISABLED']), 'ENABLED'),
    Target: v.strictObject({
      Arn: v.string(),
      Input: v.string(),
      RoleArn: v.string(),
      // A queue's; a function has none.
      SqsParameters: v.optional(v.strictObject({ MessageGroupId: v.string() })),
      RetryPolicy: v.strictObject({
        MaximumRetryAttempts: v.literal(0),
        MaximumEventAgeInSeconds: v.number(),
      }),
    }),
    Description: withoutEffect,
  },
  (account, logicalId, { ScheduleExpression, State, Target }) => {
    const { region, accountId } = account;
    const identity = assumeRole(account, 'scheduler.amazonaws.com', Target.RoleArn, logicalId, {
      'aws:SourceAccount': accountId,
      'aws:SourceArn': `arn:aws:scheduler:${region}:${accountId}:schedule-group/default`,
    });
    const scheduled = { input: Target.Input, everyMinutes: ScheduleExpression };
    const messageGroupId = Target.SqsParameters?.MessageGroupId;
    if (messageGroupId === undefined) {
      const start = startFunctionSchedule(account, { ...scheduled, identity, functionArn: Target.Arn });
      account.starts.push(...(State === 'ENABLED' ? [start] : []));
    } else if (State === 'ENABLED') {
      account.starts.push(() => {
        const deliver = deliverToQueue(
          sqsClient(account, identity),
          queueUrl(account, Target.Arn),
          messageGroupId,
        );
        const schedule = startSchedule({ ...scheduled, deliver });
        account.schedules.push(schedule);
        account.running.push(schedule);
      });
    }
    return { ref: logicalId, arn: `arn:aws:scheduler:${region}:${accountId}:schedule/default/${logicalId}` };
  },
);
