/**
 * Asks the bundled inspect function in its own process, whose memory is measured, as API Gateway does. Reads
 * from its stdin where it all is, prints what it cost.
 */
import { performance } from 'node:perf_hooks';
import { json } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { InspectWorld } from './world.ts';

/** What is asked for in one process. */
export type InspectRun = 'few' | 'everything' | 'otherBytes' | 'verifyAll' | 'status';

type Answer = Readonly<Record<string, unknown>>;
type Figures = Readonly<Record<string, number>>;

const statusRounds = 300;
/** So many rounds find the code cold. */
const warmUp = 100;

const [way, bundle = ''] = [process.argv[2] as InspectRun, process.argv[3]];
const world = (await json(process.stdin)) as InspectWorld;
const { kongVersion, otherKongVersion, revisions } = world;
Object.assign(process.env, world.variables);
if (way === 'status') {
  // Of one version: the file that is looked at is one.
  process.env['DATA_PLANE_VERSIONS'] = kongVersion;
}
const { handler } = (await import(pathToFileURL(bundle).href)) as {
  handler(event: object): Promise<{ readonly statusCode: number; readonly body: string }>;
};

const diff = (version: string, from: number, to: number) => () =>
  differences({ version, from: String(from), to: String(to) });
const ways: Readonly<Record<InspectRun, () => Promise<Figures>>> = {
  few: diff(kongVersion, revisions - 1, revisions),
  everything: diff(otherKongVersion, 1, 2),
  otherBytes: diff(otherKongVersion, 2, 3),
  verifyAll,
  status,
};
const figures = await ways[way]();
const { user, system } = process.cpuUsage();
process.stdout.write(
  JSON.stringify({
    ...figures,
    cpuSeconds: (user + system) / 1e6,
    // Linux counts kilobytes (getrusage(2)).
    peakRssMb: process.resourceUsage().maxRSS / 1024,
  }),
);

async function ask(parameters: Readonly<Record<string, string>>): Promise<Answer> {
  const { statusCode, body } = await handler({
    routeKey: 'GET /control-planes/bench/inspect',
    requestContext: {
      http: { method: 'GET' },
      authorizer: { iam: { userArn: 'arn:aws:sts::000000000000:assumed-role/person/bench' } },
    },
    queryStringParameters: parameters,
  });
  if (statusCode !== 200) {
    throw new Error(`the inspect function answered ${statusCode}: ${body}`);
  }
  return JSON.parse(body) as Answer;
}

/** A diff with all its pages, as `lifeboat diff` asks for them. */
async function differences(query: Readonly<Record<string, string>>): Promise<Figures> {
  const startedMs = performance.now();
  const first = await ask({ view: 'diff', ...query });
  const seconds = secondsSince(startedMs);
  let pages = 1;
  for (let { next } = first; typeof next === 'string'; pages += 1) {
    ({ next } = await ask({ view: 'diff', ...query, page: next }));
  }
  return { differences: first['total'] as number, seconds, pages, allPagesSeconds: secondsSince(startedMs) };
}

async function verifyAll(): Promise<Figures> {
  const startedMs = performance.now();
  const { versions } = await ask({ view: 'revisions', version: kongVersion, limit: '100' });
  let slowestSeconds = 0;
  for (const { revision } of versions as readonly { readonly revision: number }[]) {
    const beganMs = performance.now();
    const { outcome } = await ask({
      view: 'verification',
      version: kongVersion,
      revision: String(revision),
    });
    if (outcome !== 'passed') {
      throw new Error(`the verification of revision ${revision} ended as ${outcome}`);
    }
    slowestSeconds = Math.max(slowestSeconds, secondsSince(beganMs));
  }
  return { seconds: secondsSince(startedMs), slowestSeconds };
}

/** The status in turn with the two requests that it cannot do without, by the shortest way, side by side. */
async function status(): Promise<Figures> {
  const { BUCKET: bucket, AWS_ENDPOINT_URL_S3: endpoint = '' } = world.variables;
  const checksums = 'WHEN_REQUIRED';
  const s3 = new S3Client({
    endpoint,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
  });
  const file = { Bucket: bucket, Key: `bench/${kongVersion}/config.json` };
  const getStatus = async () => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'status/bench.json' }));
    await Body?.transformToString();
  };
  const read = () => Promise.all([s3.send(new HeadObjectCommand(file)), getStatus()]);
  const look = () => ask({ view: 'status' });
  const firstMs = await timeMs(look);
  const [ours, floor]: [number[], number[]] = [[], []];
  for (let round = 0; round < statusRounds; round += 1) {
    ours.push(await timeMs(look));
    floor.push(await timeMs(read));
  }
  const [statusMs, floorMs] = [median(ours.slice(warmUp)), median(floor.slice(warmUp))];
  return { firstMs, statusMs, floorMs, ratioToFloor: statusMs / floorMs };
}

async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}

function secondsSince(startedMs: number): number {
  return (performance.now() - startedMs) / 1000;
}
