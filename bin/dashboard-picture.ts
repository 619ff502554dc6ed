import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { parseSettings } from '../lib/settings/settings.ts';
import { synthesizedTemplate } from '../template/synthesized-stack.ts';
import { type AlarmState, alarmStates } from './dashboard-alarms.ts';
import { type MetricName, type Recording, readRecording } from './dashboard-figures.ts';
import { drawGraph, graph, listMetrics } from './dashboard-graphs.ts';
import { cutText, drawText, lineHeight, wrapText } from './svg.ts';

/**
 * Draws docs/dashboard.svg: the dashboard, from the synthesized template, with the figures of a recorded
 * rehearsal (bin/record-rehearsal.ts). Run `npm run build && npx tsx bin/dashboard-picture.ts` after every
 * change of the dashboard; a test compares.
 */
const picture = 'docs/dashboard.svg';

const templateJson = v.object({
  Resources: v.record(
    v.string(),
    v.object({ Type: v.string(), Properties: v.optional(v.record(v.string(), v.unknown()), {}) }),
  ),
});
const joined = v.object({ 'Fn::Join': v.tuple([v.literal(''), v.array(v.unknown())]) });
const reference = v.union([
  v.pipe(
    v.object({ Ref: v.string() }),
    v.transform(({ Ref }) => Ref),
  ),
  v.pipe(
    v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.string()]) }),
    v.transform(({ 'Fn::GetAtt': [id] }) => id),
  ),
  v.string(),
]);
const widget = v.object({
  type: v.picklist(['text', 'alarm', 'log', 'metric']),
  x: v.number(),
  y: v.number(),
  width: v.number(),
  height: v.number(),
  properties: v.object({
    title: v.optional(v.string(), ''),
    markdown: v.optional(v.string(), ''),
    query: v.optional(v.string(), ''),
    alarms: v.optional(v.array(v.string()), []),
    ...graph.entries,
  }),
});

type Widget = v.InferOutput<typeof widget>;

const cellWidth = 50;
const cellHeight = 40;
const gap = 4;
/** Above the dashboard: whose figures they are. */
const noteHeight = 34;

// Not those in cdk.json, which each deployer changes.
const settings = {
  controlPlanes: { prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] } },
};

interface Drawn {
  readonly alarmNames: ReadonlyMap<string, string>;
  readonly states: ReadonlyMap<string, AlarmState>;
  readonly recording: Recording;
}

/** The dashboard of a deployment with one control plane after a rehearsal, as an SVG. */
export function drawDashboard(): string {
  const resources = synthesize();
  const widgets = listWidgets(resources);
  const recording = readRecording();
  const alarms = resources.flatMap(([id, { Type, Properties }]) =>
    Type === 'AWS::CloudWatch::Alarm' ? [[id, Properties]] : [],
  );
  const drawn: Drawn = {
    alarmNames: new Map(resources.map(([id, { Properties }]) => [id, String(Properties['AlarmName'])])),
    states: alarmStates(Object.fromEntries(alarms), recording),
    recording,
  };
  const width = 24 * cellWidth;
  const height = noteHeight + Math.max(...widgets.map((each) => each.y + each.height)) * cellHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#16191f"><title>The dashboard of a Lifeboat deployment, with the figures of a rehearsal</title>`,
    `<rect width="${width}" height="${height}" fill="#f2f3f3"/>`,
    `<rect width="${width}" height="${noteHeight - 6}" fill="#e3edf7"/>`,
    drawText(
      16,
      19,
      `With the figures of one rehearsal (npm start) of ${recording.seconds} s, a point for each second. A deployment has one for each 5 minutes, of 12 hours.`,
    ),
    ...widgets.map((each) => drawWidget(each, drawn)),
    '</svg>',
    '',
  ].join('\n');
}

/** The metrics that it shows. */
export function listedMetrics(): readonly MetricName[] {
  return listWidgets(synthesize()).flatMap(({ properties }) =>
    listMetrics(properties).flatMap(({ metric }) => metric ?? []),
  );
}

type Resources = readonly (readonly [id: string, v.InferOutput<typeof templateJson>['Resources'][string]])[];

function synthesize(): Resources {
  return Object.entries(v.parse(templateJson, synthesizedTemplate(parseSettings(settings))).Resources);
}

function listWidgets(resources: Resources): readonly Widget[] {
  const [body] = resources.flatMap(([, { Type, Properties }]) =>
    Type === 'AWS::CloudWatch::Dashboard' ? [Properties['DashboardBody']] : [],
  );
  const text = v
    .parse(joined, body)
    ['Fn::Join'][1].map((part) => v.parse(reference, part))
    .join('');
  return v.parse(v.object({ widgets: v.array(widget) }), JSON.parse(text)).widgets;
}

function drawWidget(each: Widget, drawn: Drawn): string {
  const [x, y] = [each.x * cellWidth + gap, noteHeight + each.y * cellHeight + gap];
  const [width, height] = [each.width * cellWidth - 2 * gap, each.height * cellHeight - 2 * gap];
  const { title } = each.properties;
  return [
    `<g transform="translate(${x} ${y})">`,
    `<rect width="${width}" height="${height}" rx="3" fill="${each.type === 'text' ? 'none' : '#fff'}"/>`,
    ...(title === '' ? [] : [drawText(12, 22, cutText(title, width - 40), 'font-weight="bold"')]),
    ...drawContent(each, width, height, drawn),
    '</g>',
  ].join('\n');
}

function drawContent(
  { type, properties }: Widget,
  width: number,
  height: number,
  drawn: Drawn,
): readonly string[] {
  switch (type) {
    case 'text': {
      const [heading = '', howToRead = ''] = properties.markdown.split('\n\n');
      const plain = howToRead.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll(/[*`]/g, '');
      return [
        drawText(12, 28, heading.replace(/^# /, ''), 'font-size="19" font-weight="bold"'),
        ...wrapText(plain, width - 24).map((words, row) => drawText(12, 50 + row * lineHeight, words)),
      ];
    }
    case 'alarm':
      return properties.alarms.flatMap((id, index) => {
        const perRow = Math.floor(width / 390);
        return drawAlarm(id, 12 + (index % perRow) * 385, 36 + Math.floor(index / perRow) * 34, drawn);
      });
    case 'log':
      return drawTable(properties.query, width, drawn.recording);
    case 'metric':
      return drawGraph(properties, drawn.recording, width, height);
  }
}

const stateLooks = {
  OK: { mark: '✓', fill: '#e9f4e4', stroke: '#6aaf35' },
  ALARM: { mark: '!', fill: '#fbe3e0', stroke: '#d13212' },
} as const;

function drawAlarm(id: string, left: number, top: number, { alarmNames, states }: Drawn): readonly string[] {
  const { mark, fill, stroke } = stateLooks[states.get(id) ?? 'OK'];
  return [
    `<rect x="${left}" y="${top}" width="377" height="28" rx="3" fill="${fill}" stroke="${stroke}"/>`,
    drawText(left + 10, top + 18, mark, `fill="${stroke}" font-weight="bold"`),
    drawText(left + 26, top + 18, alarmNames.get(id) ?? id),
  ];
}

/** The last verification, as the query would find it at the end of the rehearsal. */
function drawTable(query: string, width: number, { verified, endedAt }: Recording): readonly string[] {
  const fields = /fields (.+)/.exec(query)?.[1]?.split(', ') ?? [];
  const names = fields.map((field) => / as (\w+)$/.exec(field)?.[1] ?? field);
  const minutesAgo = (endedAt.getTime() - Date.parse(String(verified['timestamp']))) / 60_000;
  const found: Readonly<Record<string, unknown>> = { ...verified, minutesAgo: minutesAgo.toFixed(2) };
  const values = names.map((name) => {
    const parts = name.split('.');
    return String(
      parts.reduce<unknown>((within, part) => (within as Readonly<Record<string, unknown>>)[part], found),
    );
  });
  const letters = names.map((name, index) => Math.max(name.length, values[index]?.length ?? 0) + 3);
  const letterWidth = (width - 24) / letters.reduce((sum, count) => sum + count, 0);
  let left = 12;
  return [
    `<line x1="12" y1="48" x2="${width - 12}" y2="48" stroke="#aab7b8"/>`,
    ...names.flatMap((name, index) => {
      const column = [drawText(left, 42, name, 'fill="#545b64"'), drawText(left, 68, values[index] ?? '')];
      left += (letters[index] ?? 0) * letterWidth;
      return column;
    }),
  ];
}

if (process.argv[1] !== undefined && process.argv[1] === import.meta.filename) {
  writeFileSync(join(projectRoot, picture), drawDashboard());
}
