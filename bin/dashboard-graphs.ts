/** The graphs of the dashboard, drawn from a recorded rehearsal. */
import * as v from 'valibot';
import type { Series } from '../simulators/aws/metric-math.ts';
import { evaluateMath, type MetricName, type Recording, seriesOf } from './dashboard-figures.ts';
import { drawText, lettersIn, lineHeight } from './svg.ts';

const graphMetric = v.pipe(v.array(v.unknown()), v.minLength(1));
export const graph = v.object({
  metrics: v.optional(v.array(graphMetric), []),
  /** A day for graphs of costs, which are stacked. */
  period: v.optional(v.number(), 300),
  stacked: v.optional(v.boolean(), false),
});
export type Graph = v.InferOutput<typeof graph>;

const options = v.object({
  label: v.optional(v.string()),
  visible: v.optional(v.boolean(), true),
  id: v.optional(v.string()),
  stat: v.optional(v.string(), 'Average'),
  yAxis: v.optional(v.picklist(['left', 'right']), 'left'),
  expression: v.optional(v.string()),
});

interface Line {
  readonly label: string;
  readonly axis: 'left' | 'right';
  readonly series: Series;
}

const colours = ['#1f6fb2', '#c8590a', '#23813a', '#c2303a', '#7c52a5', '#6b4a3f'];
const left = 44;
const top = 36;

/** @param width of the widget */
export function drawGraph(
  graphed: Graph,
  recording: Recording,
  width: number,
  height: number,
): readonly string[] {
  const lines = readLines(graphed, recording);
  const legend = legendRows(lines, width);
  const plot: Plot = {
    right: width - (lines.some(({ axis }) => axis === 'right') ? 52 : 16),
    bottom: height - 36 - legend.length * lineHeight,
  };
  return [
    ...(graphed.stacked ? drawColumn(lines, plot) : drawLines(lines, plot, recording.seconds)),
    ...drawLegend(legend, plot.bottom + 36),
  ];
}

interface Plot {
  readonly right: number;
  readonly bottom: number;
}

interface Listed {
  /** Undefined for a line that is computed of others. */
  readonly metric: MetricName | undefined;
  readonly look: v.InferOutput<typeof options>;
}

/** The metrics of a graph, as its source lists them. */
export function listMetrics({ metrics }: Graph): readonly Listed[] {
  return metrics.map((each) => {
    const look = v.parse(options, typeof each.at(-1) === 'object' ? each.at(-1) : {});
    const [namespace, name = '', ...rest] = each.filter((word) => typeof word === 'string');
    const pairs = rest.flatMap((word, index) => (index % 2 === 0 ? [[word, rest[index + 1] ?? '']] : []));
    const metric = namespace && {
      ...{ namespace, name, statistic: look.stat },
      dimensions: Object.fromEntries(pairs),
    };
    return { metric: metric || undefined, look };
  });
}

function readLines(graphed: Graph, recording: Recording): readonly Line[] {
  const { stacked } = graphed;
  const seconds = stacked ? [0] : Array.from({ length: recording.seconds + 1 }, (_, second) => second);
  const listed = listMetrics(graphed).map(({ metric, look }) => ({
    metric,
    look,
    series: metric === undefined ? new Map<number, number>() : seriesOf(recording, metric, stacked),
  }));
  const byId = Object.fromEntries(
    listed.flatMap(({ look: { id }, series }) => (id === undefined ? [] : [[id, series]])),
  );
  return listed
    .filter(({ look }) => look.visible)
    .map(({ metric, look: { label, yAxis, expression }, series }) => ({
      label: label ?? metric?.name ?? '',
      axis: yAxis,
      series: expression === undefined ? series : evaluateMath(expression, byId, seconds),
    }));
}

function drawLines(lines: readonly Line[], { right, bottom }: Plot, seconds: number): readonly string[] {
  const x = (second: number) => left + (second / seconds) * (right - left);
  const tops = {
    left: roundUp(mostOf(lines.filter(({ axis }) => axis === 'left'))),
    right: roundUp(mostOf(lines.filter(({ axis }) => axis === 'right'))),
  };
  const hasRight = lines.some(({ axis }) => axis === 'right');
  return [
    ...drawAxes({ right, bottom }, tops.left, hasRight ? tops.right : undefined),
    drawText(left, bottom + 16, '0 s', 'fill="#545b64"'),
    drawText(right, bottom + 16, `${seconds} s`, 'fill="#545b64" text-anchor="end"'),
    ...lines.flatMap(({ axis, series }, index) => {
      const points = [...series].map(([second, value]) => [
        Math.round(x(second) * 10) / 10,
        Math.round((bottom - (value / tops[axis]) * (bottom - top)) * 10) / 10,
      ]);
      const colour = colours[index % colours.length];
      const dots = points.map(([px, py]) => `M${px} ${py}h0`).join('');
      return points.length === 0
        ? []
        : [
            `<polyline points="${points.map((point) => point.join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
            `<path d="${dots}" stroke="${colour}" stroke-width="5" stroke-linecap="round"/>`,
          ];
    }),
    ...(lines.every(({ series }) => series.size === 0)
      ? [
          drawText(
            (left + right) / 2,
            (top + bottom) / 2,
            'nothing in this rehearsal',
            'fill="#687078" text-anchor="middle"',
          ),
        ]
      : []),
  ];
}

/** The last of seven days, which is all that a rehearsal has. */
function drawColumn(lines: readonly Line[], { right, bottom }: Plot): readonly string[] {
  const values = lines.map(({ series }) => series.get(0) ?? 0);
  const highest = roundUp(values.reduce((sum, value) => sum + value, 0));
  const width = (right - left) / 7;
  let foot = bottom;
  const parts = values.map((value, index) => {
    const height = Math.round((value / highest) * (bottom - top) * 10) / 10;
    foot = Math.round((foot - height) * 10) / 10;
    return `<rect x="${Math.round(right - width * 0.85)}" y="${foot}" width="${Math.round(width * 0.7)}" height="${height}" fill="${colours[index % colours.length]}"/>`;
  });
  return [
    ...drawAxes({ right, bottom }, highest, undefined),
    drawText(left, bottom + 16, '6 days ago', 'fill="#545b64"'),
    drawText(right, bottom + 16, 'today', 'fill="#545b64" text-anchor="end"'),
    ...parts,
  ];
}

function drawAxes({ right, bottom }: Plot, leftTop: number, rightTop: number | undefined): readonly string[] {
  const label = (x: number, value: number, anchor: string) => [
    drawText(x, top + 5, formatFigure(value), `fill="#545b64" text-anchor="${anchor}"`),
    drawText(x, bottom + 4, '0', `fill="#545b64" text-anchor="${anchor}"`),
  ];
  return [
    `<path d="M${left} ${top}H${right}M${left} ${(top + bottom) / 2}H${right}" stroke="#e6e8e8"/><path d="M${left} ${bottom}H${right}" stroke="#aab7b8"/>`,
    ...label(left - 6, leftTop, 'end'),
    ...(rightTop === undefined ? [] : label(right + 6, rightTop, 'start')),
  ];
}

function drawLegend(rows: readonly (readonly Entry[])[], y: number): readonly string[] {
  return rows.map((row, number) => {
    const spans = row.map(
      ({ index, label }) => `<tspan fill="${colours[index % colours.length]}">■</tspan> ${label}`,
    );
    return `<text x="12" y="${y + number * lineHeight}" fill="#545b64" xml:space="preserve">${spans.join('   ')}</text>`;
  });
}

interface Entry {
  readonly index: number;
  readonly label: string;
}

/** The legend's rows: as many labels in each as have room. */
function legendRows(lines: readonly Line[], width: number): readonly (readonly Entry[])[] {
  const rows: Entry[][] = [[]];
  const lettersOf = (entries: readonly Entry[]) =>
    entries.reduce((sum, { label }) => sum + label.length + 5, 0);
  for (const [index, { label }] of lines.entries()) {
    const row = rows.at(-1) ?? [];
    if (row.length > 0 && lettersOf([...row, { index, label }]) > lettersIn(width - 12)) {
      rows.push([{ index, label }]);
    } else {
      row.push({ index, label });
    }
  }
  return rows;
}

const mostOf = (lines: readonly Line[]) =>
  lines.reduce((most, { series }) => Math.max(most, ...series.values()), 0);

/** A round figure that is not below `value`, and above 0. */
function roundUp(value: number): number {
  if (value <= 0) {
    return 1;
  }
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 3, 4, 6, 8].find((each) => each * unit >= value) ?? 10) * unit;
}

function formatFigure(value: number): string {
  return value >= 10_000 ? `${value / 1000}k` : String(Math.round(value * 1000) / 1000);
}
