import * as v from 'valibot';
import {
  type AlarmState,
  alarmRule,
  evaluateAlarm,
  listReadMetrics,
} from '../../simulators/aws/alarm-evaluation.ts';
import { type Deployment, deploy, deployWithReplica, ofType, twoControlPlanes } from './deployment.ts';

/** Where alarms of both regions tell, and where the runbook is. */
export const topic = 'arn:aws:sns:eu-central-1:111122223333:on-call';
export const topicOfSecond = 'arn:aws:sns:eu-west-1:111122223333:on-call';
const { prod, staging } = twoControlPlanes.controlPlanes;
const watched = {
  ...twoControlPlanes,
  controlPlanes: { prod: { ...prod, listen: true }, staging: { ...staging, listen: true } },
  // With a key that signs nothing now.
  signingKeys: ['first', 'second'],
  alarmTopicArn: topic,
  runbookUrl: 'https://wiki.example.com/lifeboat/runbook',
};

/** Two control planes that are listened to, whose alarms tell a topic. */
export const deployWatched = () => deploy(watched);

/** The same with a replica, whose alarms tell a topic of its own region. */
export const deployWatchedWithReplica = () => deployWithReplica(watched, { alarmTopicArn: topicOfSecond });

export const alarmProperties = v.object({
  AlarmName: v.string(),
  AlarmDescription: v.string(),
  AlarmActions: v.optional(v.array(v.string()), []),
  OKActions: v.optional(v.array(v.string()), []),
});
export const metricAlarmProperties = v.object({ ...alarmProperties.entries, ...alarmRule.entries });

export type MetricAlarm = v.InferOutput<typeof metricAlarmProperties>;

export const metricAlarmsOf = (deployment: Pick<Deployment, 'resources'>) =>
  ofType(deployment, 'AWS::CloudWatch::Alarm').map(({ properties }) =>
    v.parse(metricAlarmProperties, properties),
  );

export function alarmNamed(name: string, among: readonly MetricAlarm[]): MetricAlarm {
  const found = among.find(({ AlarmName }) => AlarmName === name);
  if (found === undefined) {
    throw new Error(`no alarm is called "${name}"`);
  }
  return found;
}

/** What metrics have in each period, by their names, as their statistic; what is not named is missing. */
export type Measured = Readonly<Record<string, number>>;

/**
 * The state that CloudWatch gives an alarm after periods with these values.
 *
 * @throws Error when that depends on what `FILL` makes of a metric without any value
 */
export function stateOf(alarm: MetricAlarm, measured: Measured): AlarmState {
  const data = listReadMetrics(alarm).flatMap(({ name, statistic, periodSeconds, ...metric }) => {
    const value = measured[name];
    const values =
      value === undefined ? [] : statistic === 'SampleCount' ? Array<number>(value).fill(1) : [value];
    return Array.from({ length: alarm.EvaluationPeriods }, (_, period) =>
      values.map((each) => ({
        ...metric,
        name,
        value: each,
        at: new Date(now.getTime() - (period + 0.5) * periodSeconds * 1000),
      })),
    ).flat();
  });
  const [state, other] = (['zeros', 'nothing'] as const).map((emptyFill) =>
    evaluateAlarm(alarm, data, now, emptyFill),
  );
  if (state === undefined || state !== other) {
    throw new Error(`"${alarm.AlarmName}" depends on what FILL makes of a metric without any value`);
  }
  return state;
}

const now = new Date('2026-11-27T12:00:00Z');
