/** The figures of a recorded rehearsal, as CloudWatch would compute a metric or an alarm of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { computeMath, type Series } from '../simulators/aws/metric-math.ts';

/** Written by bin/record-rehearsal.ts: what is measured twice is never the same. */
export const recordingFile = 'bin/rehearsal-figures.jsonl';

const point = v.tuple([v.number(), v.number(), v.number(), v.number()]);
const recording = v.object({
  /** How long the rehearsal took. */
  seconds: v.number(),
  endedAt: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.transform((text) => new Date(text)),
  ),
  /** The line of the export's log that tells of the last verification. */
  verified: v.record(v.string(), v.unknown()),
});

export interface Recording extends v.InferOutput<typeof recording> {
  /** By namespace, name and what was measured: second, sum, least and most. */
  readonly figures: Readonly<Record<string, readonly v.InferOutput<typeof point>[]>>;
}

export function readRecording(): Recording {
  const [first = '', ...lines] = readFileSync(join(projectRoot, recordingFile), 'utf8').trimEnd().split('\n');
  const figure = v.tuple([v.string(), v.array(point)]);
  return {
    ...v.parse(recording, JSON.parse(first)),
    figures: Object.fromEntries(lines.map((line) => v.parse(figure, JSON.parse(line)))),
  };
}

/** A metric as a dashboard or an alarm names it. */
export interface MetricName {
  readonly namespace: string;
  readonly name: string;
  /** Values by their names. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: string;
}

export function keyOfMetric({ namespace, name, dimensions }: MetricName): string {
  const { ControlPlane, FunctionName, QueueName, Method, Resource } = dimensions;
  const of =
    ControlPlane ??
    // The hash at the end is of the path in the app.
    FunctionName?.slice(0, -8) ??
    (QueueName === undefined
      ? `${Method} ${Resource}`
      : QueueName.includes('DeadLetters')
        ? 'dead letters'
        : 'queue');
  return `${namespace} ${name} ${of}`;
}

/**
 * Values by their second.
 *
 * @param isWhole as one period, second 0
 */
export function seriesOf({ figures }: Recording, metric: MetricName, isWhole = false): Series {
  const points = figures[keyOfMetric(metric)] ?? [];
  const periods = new Map<number, { sum: number; least: number; most: number; count: number }>();
  for (const [second, sum, least, most] of points) {
    const at = isWhole ? 0 : second;
    const before = periods.get(at) ?? { sum: 0, least, most, count: 0 };
    periods.set(at, {
      sum: before.sum + sum,
      least: Math.min(before.least, least),
      most: Math.max(before.most, most),
      count: before.count + 1,
    });
  }
  const by = { Sum: 'sum', Minimum: 'least', Maximum: 'most', SampleCount: 'count' } as const;
  const statistic = by[metric.statistic as keyof typeof by];
  if (statistic === undefined) {
    throw new Error(`${keyOfMetric(metric)}: the statistic ${metric.statistic} is not recorded`);
  }
  return new Map([...periods].map(([at, values]) => [at, values[statistic]]));
}

/** Computes metric math for some seconds. */
export function evaluateMath(
  expression: string,
  series: Readonly<Record<string, Series>>,
  seconds: readonly number[],
): Series {
  const byPeriod = (values: Series) =>
    new Map(
      seconds.flatMap((second, period) => {
        const value = values.get(second);
        return value === undefined ? [] : [[period, value] as const];
      }),
    );
  const computed = computeMath(expression, {
    series: new Map(Object.entries(series).map(([id, values]) => [id, byPeriod(values)])),
    periods: seconds.length,
    emptyFill: 'zeros',
  });
  return new Map(
    [...computed].map(([period, value]) => [seconds[period] ?? 0, value] as const).sort(([a], [b]) => a - b),
  );
}
