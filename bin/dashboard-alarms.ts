/** In which state the alarms of the template are after a recorded rehearsal. */
import * as v from 'valibot';
import { evaluateMath, type Recording, type Series, seriesOf } from './dashboard-figures.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

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
  TreatMissingData: v.picklist(['breaching', 'notBreaching', 'ignore']),
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
const composite = v.object({
  AlarmRule: v.object({ 'Fn::Join': v.tuple([v.literal(''), v.array(v.union([v.string(), text]))]) }),
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
  const states = new Map<string, AlarmState>();
  const stateOf = (id: string): AlarmState => {
    const known = states.get(id) ?? findState(alarms[id], recording, stateOf);
    states.set(id, known);
    return known;
  };
  Object.keys(alarms).forEach(stateOf);
  return states;
}

function findState(
  properties: unknown,
  recording: Recording,
  stateOf: (id: string) => AlarmState,
): AlarmState {
  if (v.is(composite, properties)) {
    const [, words] = v.parse(composite, properties).AlarmRule['Fn::Join'];
    const [begin, id = '', end, ...more] = words;
    if (begin !== 'ALARM("' || end !== '")' || more.length > 0) {
      throw new Error(`this rule of a composite alarm is not known here: ${words.join('')}`);
    }
    return stateOf(id) === 'ALARM' ? 'ALARM' : 'OK';
  }
  const alarm = v.parse(v.union([ofMetric, ofMath]), properties);
  const value = ('Metrics' in alarm ? mathOf(alarm, recording) : metricOf(alarm, recording)).get(0);
  if (value === undefined) {
    return { breaching: 'ALARM', notBreaching: 'OK', ignore: 'INSUFFICIENT_DATA' }[
      alarm.TreatMissingData
    ] as AlarmState;
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
