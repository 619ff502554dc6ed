import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseSettings } from '../lib/settings/settings.ts';
import { synthesizedTemplate } from '../template/synthesized-stack.ts';

/**
 * Draws docs/dashboard.svg: the dashboard's layout, from the synthesized template, without numbers. Run
 * `npm run build && npx tsx bin/dashboard-picture.ts` after every change of the dashboard; a test compares.
 */
const picture = 'docs/dashboard.svg';

const root = join(import.meta.dirname ?? '', '..');
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
const label = v.object({ label: v.string(), visible: v.optional(v.boolean(), true) });
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
    metrics: v.optional(v.array(v.array(v.unknown())), []),
  }),
});

type Widget = v.InferOutput<typeof widget>;

const cellWidth = 50;
const cellHeight = 40;
const gap = 4;
const lineHeight = 16;
/** Width of an average letter in the small font. */
const letterWidth = 6.3;

// Not those in cdk.json, which each deployer changes.
const settings = {
  controlPlanes: { prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] } },
};

/** The dashboard of a deployment with one control plane, as an SVG. */
export function drawDashboard(): string {
  const { Resources } = v.parse(templateJson, synthesizedTemplate(parseSettings(settings)));
  const resources = Object.entries(Resources);
  const [body] = resources.flatMap(([, { Type, Properties }]) =>
    Type === 'AWS::CloudWatch::Dashboard' ? [Properties['DashboardBody']] : [],
  );
  const text = v
    .parse(joined, body)
    ['Fn::Join'][1].map((part) => v.parse(reference, part))
    .join('');
  const { widgets } = v.parse(v.object({ widgets: v.array(widget) }), JSON.parse(text));
  const alarmNames = new Map(resources.map(([id, { Properties }]) => [id, String(Properties['AlarmName'])]));
  const width = 24 * cellWidth;
  const height = Math.max(...widgets.map((each) => each.y + each.height)) * cellHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#16191f"><title>The dashboard of a Lifeboat deployment, without numbers</title>`,
    `<rect width="${width}" height="${height}" fill="#f2f3f3"/>`,
    ...widgets.map((each) => drawWidget(each, alarmNames)),
    '</svg>',
    '',
  ].join('\n');
}

function drawWidget(each: Widget, alarmNames: ReadonlyMap<string, string>): string {
  const [x, y] = [each.x * cellWidth + gap, each.y * cellHeight + gap];
  const [width, height] = [each.width * cellWidth - 2 * gap, each.height * cellHeight - 2 * gap];
  const { title } = each.properties;
  return [
    `<g transform="translate(${x} ${y})">`,
    `<rect width="${width}" height="${height}" rx="3" fill="${each.type === 'text' ? 'none' : '#fff'}"/>`,
    ...(title === '' ? [] : [drawLine(12, 22, title, 'font-weight="bold"')]),
    ...drawContent(each, width, height, alarmNames),
    '</g>',
  ].join('\n');
}

function drawContent(
  { type, properties }: Widget,
  width: number,
  height: number,
  alarmNames: ReadonlyMap<string, string>,
): readonly string[] {
  switch (type) {
    case 'text': {
      const [heading = '', howToRead = ''] = properties.markdown.split('\n\n');
      const plain = howToRead.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll(/[*`]/g, '');
      return [
        drawLine(12, 28, heading.replace(/^# /, ''), 'font-size="19" font-weight="bold"'),
        ...wrapText(plain, width - 24).map((words, row) => drawLine(12, 50 + row * lineHeight, words)),
      ];
    }
    case 'alarm':
      return properties.alarms.map((id, index) => {
        const perRow = Math.floor(width / 390);
        const [left, top] = [12 + (index % perRow) * 385, 36 + Math.floor(index / perRow) * 34];
        const name = alarmNames.get(id) ?? id;
        return `<rect x="${left}" y="${top}" width="377" height="28" rx="3" fill="#e9f4e4" stroke="#6aaf35"/>${drawLine(left + 10, top + 18, name)}`;
      });
    case 'log': {
      const fields = /fields (.+)/.exec(properties.query)?.[1]?.split(', ') ?? [];
      const names = fields.map((field) => / as (\w+)$/.exec(field)?.[1] ?? field);
      return [
        `<line x1="12" y1="48" x2="${width - 12}" y2="48" stroke="#aab7b8"/>`,
        ...names.map((name, index) => drawLine(12 + (index * (width - 24)) / names.length, 42, name)),
      ];
    }
    case 'metric': {
      const labels = properties.metrics.flatMap((metric) => {
        const last = v.safeParse(label, metric.at(-1));
        return last.success && last.output.visible ? [last.output.label] : [];
      });
      const bottom = height - 20 - wrapText(labels.join('   '), width - 24).length * lineHeight;
      return [
        `<path d="M40 36 V${bottom} H${width - 14}" fill="none" stroke="#aab7b8"/>`,
        ...wrapText(labels.map((name) => `■ ${name}`).join('   '), width - 24).map((words, row) =>
          drawLine(12, bottom + 20 + row * lineHeight, words, 'fill="#545b64"'),
        ),
      ];
    }
  }
}

function wrapText(text: string, width: number): readonly string[] {
  const letters = Math.floor(width / letterWidth);
  return text.match(new RegExp(`.{1,${letters}}(?: |$)`, 'g')) ?? [];
}

function drawLine(x: number, y: number, text: string, attributes = ''): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${Math.round(x)}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escaped}</text>`;
}

if (process.argv[1] !== undefined && process.argv[1] === import.meta.filename) {
  writeFileSync(join(root, picture), drawDashboard());
}
