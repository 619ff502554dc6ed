/**
 * When an alarm of Amazon CloudWatch rings. Behaviour: CloudWatch User Guide, "Alarm evaluation" and
 * "Configuring how CloudWatch alarms treat missing data".
 */
import * as v from 'valibot';
import { computeMath, type EmptyFill, type Series } from './metric-math.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** A value of a metric, as it was sent. */
export interface Datum {
  readonly at: Date;
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
}

const metric = {
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.optional(v.array(v.strictObject({ Name: v.string(), Value: v.string() })), []),
};
const statistics = v.picklist(['Sum', 'Minimum', 'Maximum', 'SampleCount']);

/** AWS::CloudWatch::Alarm, as far as it says when the alarm rings. What is not known here is refused. */
export const alarmRule = v.object({
  ...v.partial(v.object(metric)).entries,
  Statistic: v.optional(statistics),
  Period: v.optional(v.number()),
  Metrics: v.optional(
    v.array(
      v.strictObject({
        Id: v.string(),
        Expression: v.optional(v.string()),
        MetricStat: v.optional(
          v.strictObject({
            Metric: v.strictObject(metric),
            Period: v.number(),
            Stat: statistics,
            Unit: v.optional(v.string()),
          }),
        ),
        Label: v.optional(v.string()),
        ReturnData: v.optional(v.boolean(), true),
        Period: v.optional(v.number()),
      }),
    ),
    [],
  ),
  ComparisonOperator: v.picklist(['GreaterThanOrEqualToThreshold', 'LessThanThreshold']),
  Threshold: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.optional(v.number()),
  TreatMissingData: v.picklist(['breaching', 'notBreaching', 'missing']),
});

export type AlarmRule = v.InferOutput<typeof alarmRule>;

/** A metric that an alarm reads. */
export interface ReadMetric {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly periodSeconds: number;
  readonly statistic: v.InferOutput<typeof statistics>;
}

/**
 * More periods are looked at than are evaluated. How many is not documented in general: 5 where 3 are
 * evaluated (ibid.).
 */
const furtherPeriods = 2;

/** The metrics that an alarm reads, which is what AWS bills it for. */
export function listReadMetrics({ Metrics, ...alone }: AlarmRule): readonly ReadMetric[] {
  const stats = Metrics.flatMap(({ Id, MetricStat }) =>
    MetricStat === undefined
      ? []
      : [{ id: Id, ...MetricStat.Metric, Period: MetricStat.Period, Statistic: MetricStat.Stat }],
  );
  const given = alone.MetricName === undefined ? stats : [{ id: 'alone', ...alone }];
  return given.map(
    ({ id, Namespace = '', MetricName = '', Dimensions = [], Period = 0, Statistic = 'Sum' }) => ({
      id,
      namespace: Namespace,
      name: MetricName,
      dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])),
      periodSeconds: Period,
      statistic: Statistic,
    }),
  );
}

/** The state of an alarm at a moment, by what was sent until then. */
export function evaluateAlarm(
  rule: AlarmRule,
  data: readonly Datum[],
  at: Date,
  emptyFill: EmptyFill,
): AlarmState {
  const { EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, TreatMissingData } = rule;
  const periods = EvaluationPeriods + furtherPeriods;
  const series = new Map(
    listReadMetrics(rule).map((read) => [read.id, computeStatistic(read, data, at, periods)]),
  );
  const expression = rule.Metrics.find(({ ReturnData }) => ReturnData)?.Expression;
  const values =
    expression === undefined
      ? (series.get('alone') ?? new Map())
      : computeMath(expression, { series, periods, emptyFill });
  const isBreaching = (value: number) =>
    rule.ComparisonOperator === 'LessThanThreshold' ? value < rule.Threshold : value >= rule.Threshold;
  // The most recent values that there are, however old; only what is short of them is taken for missing.
  const evaluated = [...values]
    .sort(([one], [other]) => one - other)
    .slice(0, EvaluationPeriods)
    .map(([, value]) => isBreaching(value));
  const missing = EvaluationPeriods - evaluated.length;
  if (TreatMissingData === 'missing' && missing > 0) {
    if (EvaluationPeriods > 1) {
      throw new Error('that missing data are left out is known here for a single period');
    }
    return 'INSUFFICIENT_DATA';
  }
  const breaching = evaluated.filter(Boolean).length + (TreatMissingData === 'breaching' ? missing : 0);
  return breaching >= DatapointsToAlarm ? 'ALARM' : 'OK';
}

/** By periods that end at the moment: the window slides. */
function computeStatistic(
  { namespace, name, dimensions, periodSeconds, statistic }: ReadMetric,
  data: readonly Datum[],
  at: Date,
  periods: number,
): Series {
  const wanted = JSON.stringify(Object.entries(dimensions).sort());
  const byPeriod = new Map<number, number[]>();
  for (const datum of data) {
    const period = Math.floor((at.getTime() - datum.at.getTime()) / (periodSeconds * 1000));
    if (
      datum.namespace === namespace &&
      datum.name === name &&
      period >= 0 &&
      period < periods &&
      JSON.stringify(Object.entries(datum.dimensions).sort()) === wanted
    ) {
      byPeriod.set(period, [...(byPeriod.get(period) ?? []), datum.value]);
    }
  }
  return new Map([...byPeriod].map(([period, values]) => [period, aggregate[statistic](values)]));
}

const aggregate: Readonly<Record<ReadMetric['statistic'], (values: readonly number[]) => number>> = {
  Sum: (values) => values.reduce((sum, each) => sum + each, 0),
  Minimum: (values) => Math.min(...values),
  Maximum: (values) => Math.max(...values),
  SampleCount: (values) => values.length,
};
