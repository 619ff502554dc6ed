import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { alarmRule, evaluateAlarm } from '../../../simulators/aws/alarm-evaluation.ts';
import { computeMath, type EmptyFill } from '../../../simulators/aws/metric-math.ts';

/** From the oldest value to the newest, as AWS's tables have them; `undefined` is missing. */
type Row = readonly (number | undefined)[];

function seriesOf(row: Row) {
  return new Map(
    row.flatMap((value, index) => (value === undefined ? [] : [[row.length - 1 - index, value] as const])),
  );
}

function compute(expression: string, rows: Readonly<Record<string, Row>>, emptyFill: EmptyFill = 'zeros') {
  const periods = Math.max(...Object.values(rows).map((row) => row.length));
  const series = new Map(Object.entries(rows).map(([id, row]) => [id, seriesOf(row)]));
  const computed = computeMath(expression, { series, periods, emptyFill });
  return Array.from({ length: periods }, (_, index) => computed.get(periods - 1 - index));
}

const none = undefined;

describe('metric math', () => {
  // CloudWatch User Guide, "Comparison and logical operators" and "Using IF expressions".
  const metric1 = [30, 20, 0, 0];
  const metric2 = [20, none, 20, none];
  const condition = [1, 1, 0, 0, none];
  const yes = [30, none, 0, 0, 30];
  const no = [0, 0, 20, none, 20];

  it.each<[expression: string, rows: Readonly<Record<string, Row>>, result: Row]>([
    ['metric1 < metric2', { metric1, metric2 }, [0, 0, 1, 0]],
    ['metric1 >= 30', { metric1 }, [1, 0, 0, 0]],
    ['metric1 > 15 AND metric2 > 15', { metric1, metric2 }, [1, 0, 0, 0]],
    ['IF(condition, yes, no)', { condition, yes, no }, [30, 0, 20, none, none]],
    ['IF(condition, 5, no)', { condition, no }, [5, 5, 20, none, none]],
    ['IF(condition, yes, 5)', { condition, yes }, [30, 0, 5, 5, none]],
    // "Missing values in a time series are treated as 0"; what is divided by zero is dropped.
    ['metric1 + metric2 * 2', { metric1, metric2 }, [70, 20, 40, 0]],
    ['(metric1 - 10) / metric2', { metric1, metric2 }, [1, none, -0.5, none]],
    ['FILL(metric2, 7)', { metric2 }, [20, 7, 20, 7]],
  ])('computes %s as AWS documents it', (expression, rows, result) => {
    expect(compute(expression, rows)).toEqual(result);
  });

  it('fills a metric without any value in both ways, for nobody knows', () => {
    const rows = { told: [none, none], other: [1, none] };

    expect(compute('FILL(told, 0)', rows, 'zeros')).toEqual([0, 0]);
    expect(compute('FILL(told, 0)', rows, 'nothing')).toEqual([none, none]);
  });

  it.each(['told +', 'told 1', '2 + 3', 'SUM(told)', 'IF(1, 2, 3)', 'FILL(1, 0)', 'IF(told > 1, 2)'])(
    'refuses what it does not know: %s',
    (expression) => {
      expect(() => compute(expression, { told: [1] })).toThrow();
    },
  );
});

describe('an alarm', () => {
  const now = new Date('2026-11-27T12:00:00Z');
  const stateOf = (row: Row, TreatMissingData: string, periods: object) => {
    const rule = v.parse(alarmRule, {
      Namespace: 'N',
      MetricName: 'M',
      Statistic: 'Maximum',
      Period: 300,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      TreatMissingData,
      ...periods,
    });
    const data = [...seriesOf(row)].map(([period, value]) => ({
      at: new Date(now.getTime() - (period + 0.5) * 300_000),
      namespace: 'N',
      name: 'M',
      dimensions: {},
      value,
    }));
    return evaluateAlarm(rule, data, now, 'zeros');
  };

  // CloudWatch User Guide, "How alarm state is evaluated when data is missing": X is 1, - is missing.
  it.each<[points: string, breaching: string, notBreaching: string]>([
    ['0 - X - X', 'OK', 'OK'],
    ['0 - - - -', 'OK', 'OK'],
    ['- - - - -', 'ALARM', 'OK'],
    ['0 X X - X', 'ALARM', 'ALARM'],
    ['- - X - -', 'ALARM', 'OK'],
  ])('of three periods with %s', (points, breaching, notBreaching) => {
    const row = points.split(' ').map((point) => (point === '-' ? none : point === 'X' ? 1 : 0));
    const periods = { EvaluationPeriods: 3, DatapointsToAlarm: 3 };

    expect([stateOf(row, 'breaching', periods), stateOf(row, 'notBreaching', periods)]).toEqual([
      breaching,
      notBreaching,
    ]);
  });

  it('of one period looks back to the last value that there is', () => {
    expect([
      stateOf([none, 1, none, none], 'notBreaching', { EvaluationPeriods: 1 }),
      stateOf([1, none, none, none], 'notBreaching', { EvaluationPeriods: 1 }),
      stateOf([none, none], 'missing', { EvaluationPeriods: 1 }),
    ]).toEqual(['ALARM', 'OK', 'INSUFFICIENT_DATA']);
  });
});
