import * as v from 'valibot';
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

const stat = v.object({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.array(v.object({ Name: v.string(), Value: v.string() })),
});
export const alarmProperties = v.object({
  AlarmName: v.string(),
  AlarmDescription: v.string(),
  AlarmActions: v.optional(v.array(v.string()), []),
  OKActions: v.optional(v.array(v.string()), []),
});
export const metricAlarmProperties = v.object({
  ...alarmProperties.entries,
  ...v.partial(stat).entries,
  Statistic: v.optional(v.string()),
  Period: v.optional(v.number()),
  Metrics: v.optional(
    v.array(
      v.object({
        Id: v.string(),
        Expression: v.optional(v.string()),
        MetricStat: v.optional(v.object({ Metric: stat, Period: v.number(), Stat: v.string() })),
      }),
    ),
    [],
  ),
  ComparisonOperator: v.picklist(['GreaterThanOrEqualToThreshold', 'LessThanThreshold']),
  Threshold: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.optional(v.number()),
  TreatMissingData: v.picklist(['breaching', 'notBreaching', 'ignore', 'missing']),
});

export type MetricAlarm = v.InferOutput<typeof metricAlarmProperties>;

export interface WatchedMetric {
  readonly id: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly statistic: string;
}

/** The metrics that an alarm looks at. */
export function metricsOf(alarm: MetricAlarm): readonly WatchedMetric[] {
  const given = [
    ...alarm.Metrics.flatMap(({ Id, MetricStat }) =>
      MetricStat === undefined
        ? []
        : [{ ...MetricStat.Metric, Id, Period: MetricStat.Period, Stat: MetricStat.Stat }],
    ),
    ...(alarm.MetricName === undefined ? [] : [{ ...alarm, Id: alarm.MetricName, Stat: alarm.Statistic }]),
  ];
  return given.map(({ Id, Namespace, MetricName = '', Dimensions = [], Period = 0, Stat = '' }) => ({
    id: Id,
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])),
    seconds: Period,
    statistic: Stat,
  }));
}

export const metricAlarmsOf = (deployment: Pick<Deployment, 'resources'>) =>
  ofType(deployment, 'AWS::CloudWatch::Alarm').map(({ properties }) =>
    v.parse(metricAlarmProperties, properties),
  );

/** All alarms, those made of others included. */
export const alarmsOf = (deployment: Pick<Deployment, 'resources'>) => [
  ...metricAlarmsOf(deployment),
  ...ofType(deployment, 'AWS::CloudWatch::CompositeAlarm').map(({ properties }) =>
    v.parse(alarmProperties, properties),
  ),
];

export function alarmNamed(name: string, among: readonly MetricAlarm[]): MetricAlarm {
  const found = among.find(({ AlarmName }) => AlarmName === name);
  if (found === undefined) {
    throw new Error(`no alarm is called "${name}"`);
  }
  return found;
}

/** What metrics have in one period, by their names; what is not named is missing there. */
export type Measured = Readonly<Record<string, number>>;

/**
 * The state that CloudWatch gives an alarm after one period with these values. Knows the few expressions that
 * there are.
 */
export function stateOf(alarm: MetricAlarm, measured: Measured): 'ALARM' | 'OK' {
  const names = new Map(metricsOf(alarm).map(({ id, name }) => [id, name]));
  const filled = (term: string): number => {
    const id = /^FILL\((\w+), 0\)$/.exec(term)?.[1] ?? '';
    const name = names.get(id);
    if (name === undefined) {
      throw new Error(`"${term}" is no metric of this alarm, filled with zeros`);
    }
    return measured[name] ?? 0;
  };
  const sum = (terms: string) => terms.split(' + ').reduce((total, term) => total + filled(term), 0);
  const holds = (condition: string): boolean => {
    const [, terms = '', operator, limit] = /^(.+) (<|>|>=|==) (\d+)$/.exec(condition) ?? [];
    const value = sum(terms);
    return operator === '>'
      ? value > Number(limit)
      : operator === '<'
        ? value < Number(limit)
        : operator === '>='
          ? value >= Number(limit)
          : value === Number(limit);
  };
  const expression = alarm.Metrics.find(({ Expression }) => Expression !== undefined)?.Expression;
  const conditions = /^IF\((.+), 1, 0\)$/.exec(expression ?? '')?.[1];
  const value =
    expression === undefined
      ? measured[alarm.MetricName ?? '']
      : conditions === undefined
        ? sum(expression)
        : Number(conditions.split(' AND ').every(holds));
  const breaching =
    value === undefined
      ? alarm.TreatMissingData === 'breaching'
      : alarm.ComparisonOperator === 'LessThanThreshold'
        ? value < alarm.Threshold
        : value >= alarm.Threshold;
  return breaching ? 'ALARM' : 'OK';
}
