import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleEntry } from '../build/bundle.ts';
import { projectRoot } from '../build/project-root.ts';
import { type LocalSystem, startLocalSystem } from '../local/local-system.ts';
import { describeSimulated, localTemplate } from '../local/local-template.ts';
import { startHttpApi } from '../simulators/aws/api-gateway.ts';
import { localIdentities } from '../simulators/aws/identities.ts';
import { lambdaFunction } from '../simulators/aws/lambda-function.ts';
import { startControlPlane } from '../simulators/kong/control-plane/control-plane.ts';
import { resourceId, type SynthesizedTemplate } from '../template/template.ts';
import { type Answered, sendPaced } from './paced-requests.ts';

const name = 'bench';
const windowSeconds = 1;
/** As long as a change of a service: names, hosts, paths and tags. */
const entity = { name: 'orders', host: 'orders.internal', path: '/v1', tags: Array(60).fill('bench-tag') };
const body = JSON.stringify({ source: 'crud', event: 'services', operation: 'update', entity });
/** Of one echo for so many valid hooks: enough for its 99th percentile. */
const hooksPerEcho = 4;
/** Of the forged hooks so many times fewer come once more, alone. */
const shareAlone = 10;
const patienceMs = 300_000;

/** What a reader takes from it, and what must hold whatever the machine. */
export const hookAims = {
  ackP99RatioToEcho: 5,
  exportsPerWindow: 1,
  messagesPerWindow: 1,
  forgedMessages: 0,
  forgedSecretReadsPerMinute: 1,
  lost: 0,
} as const;

/**
 * Floods the webhook of a local system with valid and forged hooks side by side, with the route's throttle
 * lifted, so that each of them reaches the function. Beside it a function that only echoes takes requests
 * from the same senders, behind the same gateway.
 *
 * @param hooks valid ones, and as many forged ones
 */
export async function measureHooks(hooks: number, seconds: number) {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  const controlPlane = await startControlPlane({ mtls: 'shared' });
  const subject = describeSimulated(controlPlane, name);
  const template = withoutThrottles(
    localTemplate({
      controlPlane: subject,
      dataPlaneVersions: ['3.9.1'],
      settings: { coalescingWindowSeconds: windowSeconds },
    }),
  );
  const system = await startLocalSystem({ template, controlPlane: subject, dataDirectory: directory });
  const echo = await startEcho(directory);
  try {
    const json = { 'content-type': 'application/json' };
    const signed = (secret: string) => ({ ...json, 'x-kong-signature': signHook(secret) });
    const hook = { url: system.webhookUrl, body };
    const startedMs = performance.now();
    // A cold start each, which is measured elsewhere.
    const warm = { count: 1, body };
    await sendPaced(
      {
        valid: { ...hook, ...warm, headers: signed(system.hookSecret) },
        echo: { url: echo.url, ...warm, headers: json },
      },
      1,
    );
    const before = countCalls(system);
    const answers = await sendPaced(
      {
        valid: { ...hook, headers: signed(system.hookSecret), count: hooks },
        forged: { ...hook, headers: signed('a guess'), count: hooks },
        echo: { url: echo.url, headers: json, body, count: Math.ceil(hooks / hooksPerEcho) },
      },
      seconds,
    );
    await waitUntilIdle(system);
    const flooded = countCalls(system);
    // What comes into the queue now, forgers alone have caused.
    const ofForgers = { ...hook, headers: signed('a guess'), count: Math.ceil(hooks / shareAlone) };
    const alone = await sendPaced({ forged: ofForgers }, Math.ceil(seconds / shareAlone));
    const ended = countCalls(system);
    const minutes = (performance.now() - startedMs) / 60_000;
    return {
      hooks,
      seconds,
      ...describeAnswers({ ...answers, forged: [...answers.forged, ...alone.forged] }),
      ...describeCalls({ before, flooded, ended }, answers.valid, minutes),
    };
  } finally {
    await echo.stop();
    await system.stop();
    await controlPlane.stop();
    await rm(directory, { recursive: true });
  }
}

type Answers = Readonly<Record<'valid' | 'forged' | 'echo', readonly Answered[]>>;

/** As if the flood came over many routes, or the throttle were raised: the function meets all of it. */
function withoutThrottles(template: SynthesizedTemplate): SynthesizedTemplate {
  const lifted = structuredClone(template);
  const stage = lifted.Resources[resourceId(lifted, 'AWS::ApiGatewayV2::Stage', '')]?.Properties ?? {};
  const settings = stage['DefaultRouteSettings'] as Record<string, unknown>;
  settings['ThrottlingRateLimit'] = 1_000_000;
  settings['ThrottlingBurstLimit'] = 1_000_000;
  return lifted;
}

async function startEcho(directory: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const bundle = join(directory, 'echo.mjs');
  await bundleEntry('bench/echo-function.ts', bundle);
  const lambda = lambdaFunction({
    name: 'echo',
    bundle,
    runtime: join(projectRoot, 'dist/simulators/lambda-runtime.mjs'),
    environment: {},
    timeoutSeconds: 10,
    logFile: join(directory, 'echo.log'),
    onMetrics: () => undefined,
  });
  const api = await startHttpApi({
    region: 'eu-central-1',
    accountId: '000000000000',
    identities: localIdentities(),
    now: () => new Date(),
  });
  api.createRoute({
    key: 'POST /echo',
    authorization: 'NONE',
    function: { arn: 'arn:aws:lambda:eu-central-1:000000000000:function:echo', invoke: lambda.invoke },
  });
  api.createStage({ throttles: new Map(), logFormat: '$context.status', log: () => undefined });
  return {
    url: `${api.url}/echo`,
    async stop() {
      await api.stop();
      await lambda.stop();
    },
  };
}

function signHook(secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

interface Calls {
  readonly secretReads: number;
  readonly messages: number;
  readonly exports: number;
}

function countCalls(system: LocalSystem): Calls {
  return {
    secretReads: system.countAccesses('secretsmanager:GetSecretValue', system.hookSecretArn),
    // Each call, also one whose message SQS drops.
    messages: system.countAccesses('sqs:SendMessage'),
    exports: system.exportCount(),
  };
}

async function waitUntilIdle(system: LocalSystem): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!system.isIdle()) {
    if (performance.now() > endMs) {
      throw new Error(`exports of the hooks have not ended within ${patienceMs / 1000} s`);
    }
    await delay(100);
  }
}

function describeAnswers({ valid, forged, echo }: Answers) {
  const [acks, refusals, echoes] = [valid, forged, echo].map((all) =>
    all.map(({ ms }) => ms).sort((one, other) => one - other),
  ) as [number[], number[], number[]];
  const [ackP99Ms, echoP99Ms] = [quantile(acks, 0.99), quantile(echoes, 0.99)];
  const count = (answers: readonly Answered[], status: number) =>
    answers.filter((answer) => answer.status === status).length;
  return {
    acknowledged: count(valid, 202),
    refused: count(forged, 401),
    lost: valid.length + forged.length - count(valid, 202) - count(forged, 401),
    ackP50Ms: round(quantile(acks, 0.5)),
    ackP99Ms: round(ackP99Ms),
    forgedP50Ms: round(quantile(refusals, 0.5)),
    forgedP99Ms: round(quantile(refusals, 0.99)),
    echoP50Ms: round(quantile(echoes, 0.5)),
    echoP99Ms: round(echoP99Ms),
    ackP99RatioToEcho: round(ackP99Ms / echoP99Ms),
  };
}

interface Counted {
  readonly before: Calls;
  /** After valid and forged ones at once, and their exports. */
  readonly flooded: Calls;
  /** After forged ones alone. */
  readonly ended: Calls;
}

function describeCalls({ before, flooded, ended }: Counted, valid: readonly Answered[], minutes: number) {
  const windows = countWindows(valid);
  const messages = flooded.messages - before.messages;
  const exports = flooded.exports - before.exports;
  // Valid hooks cause none: the secret is known, and good for five minutes. A look at it is a call for the
  // current value, and one for the value before.
  const forgedSecretReads = (ended.secretReads - before.secretReads) / 2;
  return {
    windows,
    messages,
    exports,
    messagesPerWindow: round(messages / windows),
    exportsPerWindow: round(exports / windows),
    forgedMessages: ended.messages - flooded.messages,
    forgedSecretReads,
    forgedSecretReadsPerMinute: round(forgedSecretReads / Math.max(1, minutes)),
  };
}

/** From the one in which the first was due to the one in which the last was answered. */
function countWindows(answers: readonly Answered[]): number {
  const windowOf = (timeMs: number) => Math.floor(timeMs / 1000 / windowSeconds);
  const first = Math.min(...answers.map(({ dueMs }) => windowOf(dueMs)));
  const last = Math.max(...answers.map(({ dueMs, ms }) => windowOf(dueMs + ms)));
  return last - first + 1;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
