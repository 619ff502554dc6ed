/** The figures of a recorded rehearsal, as CloudWatch would compute a metric or an alarm of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';

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

/** A value for a second, or for the whole rehearsal (second 0). */
export type Series = ReadonlyMap<number, number>;

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

/** @param isWhole as one period */
export function seriesOf({ figures }: Recording, metric: MetricName, isWhole = false): Series {
  const points = figures[keyOfMetric(metric)] ?? [];
  const periods = new Map<number, { sum: number; least: number; most: number }>();
  for (const [second, sum, least, most] of points) {
    const at = isWhole ? 0 : second;
    const before = periods.get(at) ?? { sum: 0, least, most };
    periods.set(at, {
      sum: before.sum + sum,
      least: Math.min(before.least, least),
      most: Math.max(before.most, most),
    });
  }
  const by = { Sum: 'sum', Minimum: 'least', Maximum: 'most' } as const;
  const statistic = by[metric.statistic as keyof typeof by];
  if (statistic === undefined) {
    throw new Error(`${keyOfMetric(metric)}: the statistic ${metric.statistic} is not recorded`);
  }
  return new Map([...periods].map(([at, values]) => [at, values[statistic]]));
}

/**
 * Metric math of our own template, as far as it is used there. A value that is missing makes the result
 * missing, unless FILL gives one.
 */
export function evaluateMath(
  expression: string,
  series: Readonly<Record<string, Series>>,
  seconds: readonly number[],
): Series {
  const script = expression.replaceAll(' AND ', ' && ');
  const values = seconds.flatMap((second): readonly (readonly [number, number])[] => {
    const named = Object.entries(series).map(([id, each]) => [id, each.get(second)]);
    const context = createContext({
      ...Object.fromEntries(named),
      FILL: (value: number | undefined, instead: number) => value ?? instead,
      IF: (condition: boolean, yes: number, no: number) => (condition ? yes : no),
    });
    const value: unknown = runInContext(script, context);
    return typeof value === 'number' && !Number.isNaN(value) ? [[second, value]] : [];
  });
  return new Map(values);
}
