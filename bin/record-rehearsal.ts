import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers';
import * as v from 'valibot';
import { projectRoot } from '../build/project-root.ts';
import { type LocalSystem, startLocalSystem } from '../local/local-system.ts';
import { localTemplate } from '../local/local-template.ts';
import {
  controlPlaneName,
  isGood,
  rehearse,
  rehearsedIntervalSeconds,
} from '../local/rehearsal/rehearsal.ts';
import { simulatedControlPlane } from '../local/rehearsal/subject.ts';
import { startTimeline } from '../local/rehearsal/timeline.ts';
import { startEchoUpstream } from '../simulators/kong/echo-upstream.ts';
import { type Recording, recordingFile } from './dashboard-figures.ts';

/**
 * Records what is measured during a rehearsal (`npm start`), for the picture of the dashboard: run
 * `npm run build && npx tsx bin/record-rehearsal.ts`, then `npx tsx bin/dashboard-picture.ts`.
 */
async function record(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-record-'));
  const [subject, upstream] = await Promise.all([simulatedControlPlane(undefined), startEchoUpstream()]);
  const controlPlane = { ...subject, name: controlPlaneName };
  const system = await startLocalSystem({
    template: localTemplate({
      controlPlane,
      dataPlaneVersions: [subject.dataPlaneVersion],
      settings: { minimumIntervalSeconds: rehearsedIntervalSeconds },
    }),
    controlPlane,
    dataDirectory: directory,
  });
  const begin = new Date();
  const figures = new Figures(begin);
  const sampling = setInterval(() => figures.sampleQueues(system), 500);
  try {
    const timeline = startTimeline((line) => process.stderr.write(line));
    const result = await rehearse({ system, subject, timeline, directory, upstreamUrl: upstream.url });
    if (!isGood(result)) {
      throw new Error('the rehearsal failed: nothing is recorded');
    }
  } finally {
    clearInterval(sampling);
    await Promise.all([system.stop(), upstream.stop()]);
  }
  const endedAt = new Date();
  const seconds = Math.ceil((endedAt.getTime() - begin.getTime()) / 1000);
  for (const { at, namespace, name, functionId, value } of system.measurements()) {
    // Of the API's log, below, and of what is drawn.
    if (namespace === 'AWS/ApiGateway' || (namespace === 'AWS/Lambda' && name === 'Errors')) {
      continue;
    }
    // The hash at the end is of the path in the app.
    const of = namespace === 'AWS/Lambda' ? functionId.slice(0, -8) : controlPlaneName;
    figures.add(`${namespace} ${name} ${of}`, at, value);
  }
  for (const { time, route, status } of await readLines(system, 'api.log', apiLine)) {
    figures.add(`AWS/ApiGateway Count ${route}`, time, 1);
    figures.add(`AWS/ApiGateway 4xx ${route}`, time, /^4/.test(status) ? 1 : 0);
  }
  const verified = (await readLines(system, 'export.log', verifiedLine)).at(-1) ?? {};
  await writeRecording({ seconds, endedAt, verified, figures: figures.list() });
  await rm(directory, { recursive: true });
}

const apiLine = v.object({
  time: v.pipe(
    v.string(),
    v.transform((text) => new Date(text)),
  ),
  route: v.string(),
  status: v.string(),
});
/** What the table of the dashboard looks for. */
const verifiedLine = v.looseObject({
  message: v.picklist(['published', 'unchanged']),
  timestamp: v.string(),
});

async function readLines<Schema extends v.GenericSchema>(
  { logDirectory }: LocalSystem,
  log: string,
  schema: Schema,
): Promise<readonly v.InferOutput<Schema>[]> {
  const lines = (await readFile(join(logDirectory, log), 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), line);
    return parsed.success ? [parsed.output] : [];
  });
}

type Point = Recording['figures'][string][number];

/** Figures by the second. */
class Figures {
  readonly #begin: Date;
  readonly #byName = new Map<string, Map<number, Point>>();
  #sentCount = 0;

  constructor(begin: Date) {
    this.#begin = begin;
  }

  add(name: string, at: Date, exact: number): void {
    const value = round(exact);
    const second = Math.max(0, Math.floor((at.getTime() - this.#begin.getTime()) / 1000));
    const points = this.#byName.get(name) ?? new Map<number, Point>();
    this.#byName.set(name, points);
    const [, sum = 0, least = value, most = value] = points.get(second) ?? [];
    points.set(second, [second, round(sum + value), Math.min(least, value), Math.max(most, value)]);
  }

  sampleQueues(system: LocalSystem): void {
    const now = new Date();
    const { sentCount, oldestSeconds } = system.measureQueues();
    this.add('AWS/SQS NumberOfMessagesSent queue', now, sentCount - this.#sentCount);
    this.add('AWS/SQS ApproximateAgeOfOldestMessage queue', now, oldestSeconds);
    this.#sentCount = sentCount;
  }

  list(): Recording['figures'] {
    const sorted = [...this.#byName].sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(
      sorted.map(([name, points]) => [name, [...points.values()].sort(([one], [other]) => one - other)]),
    );
  }
}

const round = (value: number) => Math.round(value * 1000) / 1000;

/** A line for each metric, so that a change shows as one. */
async function writeRecording({ figures, ...rest }: Recording): Promise<void> {
  const lines = Object.entries(figures).map((each) => JSON.stringify(each));
  await writeFile(join(projectRoot, recordingFile), [JSON.stringify(rest), ...lines, ''].join('\n'));
}

await record();
