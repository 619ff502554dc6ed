import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type DescribeAlarmsCommandInput,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientFor, errorName, runLocalAws } from './running-local-aws.ts';

describe('the local CloudWatch', () => {
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  let client: CloudWatchClient;

  beforeAll(async () => {
    aws = await runLocalAws();
    client = new CloudWatchClient(clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_CLOUDWATCH));
    const put = (name: string, kind: 'metric' | 'composite' = 'metric') =>
      aws.cloudWatch.putAlarm({
        name,
        kind,
        description: `Act now. https://runbook.example/#x`,
        actions: [],
      });
    for (let number = 0; number < 120; number += 1) {
      put(`Lifeboat prod: Alarm ${String(number).padStart(3, '0')}`);
    }
    put('Lifeboat: Webhook failing');
    put('Lifeboat prod: Nothing verified', 'composite');
    put('LifeboatReplica: Grants failing');
  });
  afterAll(async () => {
    client.destroy();
    await aws.stop();
  });

  const describeAlarms = (input: DescribeAlarmsCommandInput) => client.send(new DescribeAlarmsCommand(input));

  it('tells of alarms by prefix and type, in pages', async () => {
    const first = await describeAlarms({ AlarmNamePrefix: 'Lifeboat prod', MaxRecords: 100 });
    const second = await describeAlarms({
      AlarmNamePrefix: 'Lifeboat prod',
      MaxRecords: 100,
      ...(first.NextToken === undefined ? {} : { NextToken: first.NextToken }),
    });

    expect([first.MetricAlarms?.length, second.MetricAlarms?.length]).toEqual([100, 20]);
    expect(second.NextToken).toBeUndefined();
    expect(first.CompositeAlarms).toEqual([]);
    const composite = await describeAlarms({ AlarmTypes: ['CompositeAlarm'] });
    expect(composite.CompositeAlarms?.map(({ StateValue }) => StateValue)).toEqual(['INSUFFICIENT_DATA']);
  });

  it('refuses what it does not know', async () => {
    expect(await errorName(describeAlarms({ ActionPrefix: 'arn' }))).toBe('NotImplemented');
    expect(() => aws.cloudWatch.setState('None', 'ALARM')).toThrow('there is no alarm None');
  });
});
