/** In which state the alarms of the template are after a recorded rehearsal. */
import * as v from 'valibot';
import type { Series } from '../simulators/aws/metric-math.ts';
import { evaluateMath, type Recording, seriesOf } from './dashboard-figures.ts';

export type AlarmState = 'OK' | 'ALARM';

const text = v.pipe(
  v.union([
    v.string(),
    v.pipe(
      v.object({ Ref: v.string() }),
      v.transform(({ Ref }) => Ref),
    ),
    v.pipe(
      v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.string()]) }),
      v.transform(({ 'Fn::GetAtt': [id] }) => id),
    ),
  ]),
);
const dimensions = v.pipe(
  v.array(v.object({ Name: v.string(), Value: text })),
  v.transform((pairs) => Object.fromEntries(pairs.map(({ Name, Value }) => [Name, Value]))),
);
const common = {
  ComparisonOperator: v.picklist(['GreaterThanOrEqualToThreshold', 'LessThanThreshold']),
  EvaluationPeriods: v.number(),
  Threshold: v.number(),
  TreatMissingData: v.picklist(['breaching', 'notBreaching']),
};
const ofMetric = v.object({
  ...common,
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: dimensions,
  Statistic: v.string(),
});
const ofMath = v.object({
  ...common,
  Metrics: v.array(
    v.object({
      Id: v.string(),
      Expression: v.optional(v.string()),
      MetricStat: v.optional(
        v.object({
          Metric: v.object({ Namespace: v.string(), MetricName: v.string(), Dimensions: dimensions }),
          Stat: v.string(),
        }),
      ),
    }),
  ),
});
/**
 * A rehearsal is shorter than any alarm's period: it is one period of each, and all there was.
 *
 * @param alarms their properties by logical id
 */
export function alarmStates(
  alarms: Readonly<Record<string, unknown>>,
  recording: Recording,
): ReadonlyMap<string, AlarmState> {
  return new Map(Object.entries(alarms).map(([id, properties]) => [id, findState(properties, recording)]));
}

function findState(properties: unknown, recording: Recording): AlarmState {
  const alarm = v.parse(v.union([ofMetric, ofMath]), properties);
  const value = ('Metrics' in alarm ? mathOf(alarm, recording) : metricOf(alarm, recording)).get(0);
  if (value === undefined) {
    return alarm.TreatMissingData === 'breaching' ? 'ALARM' : 'OK';
  }
  const isBreaching =
    alarm.ComparisonOperator === 'LessThanThreshold' ? value < alarm.Threshold : value >= alarm.Threshold;
  return isBreaching && alarm.EvaluationPeriods === 1 ? 'ALARM' : 'OK';
}

function metricOf(
  { Namespace, MetricName, Dimensions, Statistic }: v.InferOutput<typeof ofMetric>,
  recording: Recording,
): Series {
  const metric = { namespace: Namespace, name: MetricName, dimensions: Dimensions, statistic: Statistic };
  return seriesOf(recording, metric, true);
}

function mathOf({ Metrics }: v.InferOutput<typeof ofMath>, recording: Recording): Series {
  const series = Metrics.flatMap(({ Id, MetricStat }) => {
    if (MetricStat === undefined) {
      return [];
    }
    const { Namespace, MetricName, Dimensions } = MetricStat.Metric;
    const metric = {
      namespace: Namespace,
      name: MetricName,
      dimensions: Dimensions,
      statistic: MetricStat.Stat,
    };
    return [[Id, seriesOf(recording, metric, true)] as const];
  });
  const expression = Metrics.find((each) => each.Expression !== undefined)?.Expression ?? '';
  return evaluateMath(expression, Object.fromEntries(series), [0]);
}
