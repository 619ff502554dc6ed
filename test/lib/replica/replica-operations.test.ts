import { describe, expect, it } from '@jest/globals';
import { listReadMetrics } from '../../../simulators/aws/alarm-evaluation.ts';
import {
  alarmNamed,
  deployWatched,
  deployWatchedWithReplica,
  type MetricAlarm,
  metricAlarmsOf,
  stateOf,
  topic,
  topicOfSecond,
} from '../alarms.ts';
import { controlPlaneNames, ofType, one } from '../deployment.ts';

const { first, second } = deployWatchedWithReplica();
const alarmsOfVault = metricAlarmsOf(deployWatched());
const alarmsOfSecond = metricAlarmsOf(second);
const replicationAlarms = metricAlarmsOf(first).filter(
  ({ AlarmName }) => !alarmsOfVault.some((each) => each.AlarmName === AlarmName),
);

describe('the alarms of a replica', () => {
  it('are there for each control plane: what was not copied in the vault’s region, all else in its own', () => {
    const names = (of: readonly MetricAlarm[]) => of.map(({ AlarmName }) => AlarmName).toSorted();

    expect(names(replicationAlarms)).toEqual(
      controlPlaneNames.map((name) => `Lifeboat ${name}: Replication failing`),
    );
    expect(names(alarmsOfSecond)).toEqual(
      controlPlaneNames.flatMap((name) =>
        ['Grant in the second region', 'Grants failing', 'Replica behind'].map(
          (heading) => `LifeboatReplica ${name}: ${heading}`,
        ),
      ),
    );
  });

  it('count what S3 could not copy of a control plane’s files, by its rule', () => {
    const alarm = alarmNamed('Lifeboat prod: Replication failing', replicationAlarms);

    expect(listReadMetrics(alarm)).toEqual([
      {
        id: 'alone',
        namespace: 'AWS/S3',
        name: 'OperationsFailedReplication',
        dimensions: {
          SourceBucket: one(first, 'AWS::S3::Bucket').arn.replace('arn:aws:s3:::', ''),
          DestinationBucket: expect.stringMatching(
            /^\{LifeboatReplica\.ReplicaBucketName\w+ in eu-west-1\}$/,
          ),
          RuleId: 'prod',
        },
        periodSeconds: 300,
        statistic: 'Sum',
      },
    ]);
    expect([0, 1].map((failed) => stateOf(alarm, { OperationsFailedReplication: failed }))).toEqual([
      'OK',
      'ALARM',
    ]);
  });

  it('ask for the latency of the replica’s bucket by what is known there, and begin at 15 minutes', () => {
    const alarm = alarmNamed('LifeboatReplica prod: Replica behind', alarmsOfSecond);
    const bucketName = one(second, 'AWS::S3::Bucket').arn.replace('arn:aws:s3:::', '');

    expect(alarm).toMatchObject({
      Metrics: [
        {
          Expression: `SELECT MAX(ReplicationLatency) FROM SCHEMA("AWS/S3", DestinationBucket, RuleId, SourceBucket) WHERE DestinationBucket = '${bucketName}' AND RuleId = 'prod'`,
        },
      ],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 900,
      // Not green of a bucket that nothing was copied to yet.
      TreatMissingData: 'missing',
    });
    expect(alarm).toMatchObject({ OKActions: [] });
  });

  it.each([
    [{}, 'OK'],
    [{ GrantsIssued: 0 }, 'OK'],
    [{ GrantsIssued: 1 }, 'ALARM'],
  ] as const)('hold a grant there to be worth a look: %j is %s', (measured, state) => {
    const alarm = alarmNamed('LifeboatReplica staging: Grant in the second region', alarmsOfSecond);

    expect(listReadMetrics(alarm)).toMatchObject([
      { dimensions: { Deployment: 'LifeboatReplica', ControlPlane: 'staging' } },
    ]);
    expect(stateOf(alarm, measured)).toBe(state);
  });

  it('tell the topic of their own region', () => {
    const told = (of: readonly MetricAlarm[]) => new Set(of.flatMap(({ AlarmActions }) => AlarmActions));

    expect(told(alarmsOfSecond)).toEqual(new Set([topicOfSecond]));
    expect(told(replicationAlarms)).toEqual(new Set([topic]));
  });

  it('are all on its dashboard, but for the one of the vault’s region', () => {
    const body = JSON.stringify(one(second, 'AWS::CloudWatch::Dashboard').properties);

    const ids = ofType(second, 'AWS::CloudWatch::Alarm').map(({ id }) => id);
    expect(ids).toHaveLength(6);
    expect(ids.filter((id) => !body.includes(id))).toEqual([]);
  });
});
