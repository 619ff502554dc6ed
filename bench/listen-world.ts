/**
 * What a listener talks to: a control plane with a synthetic configuration, its certificate's secret, and the
 * queue. A process of its own, so that the measured memory is the listener's. Prints where it is, as one line
 * of JSON, and then a line for each ring: the seconds since the frame was sent. Sends another configuration
 * for each line on its stdin, and ends with it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { SQSClient } from '@aws-sdk/client-sqs';
import { parseExportCommand } from '../core/intake/export-command.ts';
import type { ListenVariables } from '../lambdas/environment/listen.ts';
import { startEventSource } from '../simulators/aws/event-source.ts';
import { startLocalAws } from '../simulators/aws/local-aws.ts';
import { sharedCertificate } from '../simulators/kong/control-plane/certificates.ts';
import { startClusterEndpoint } from '../simulators/kong/control-plane/cluster-endpoint.ts';
import { createFaultQueue } from '../simulators/kong/control-plane/faults.ts';
import { makeSyntheticFrame } from './synthetic-configuration.ts';
import type { ListenWorld } from './world.ts';

const entities = Number(process.argv[2]);
const hashes = ['a', 'b'].map((letter) => letter.repeat(32));
const frames = await Promise.all(hashes.map((hash) => makeSyntheticFrame(entities, hash)));
let current = 0;
let sentAtMs = 0;

const certificate = await sharedCertificate();
const endpoint = await startClusterEndpoint({
  mtls: 'shared',
  certificate,
  port: 0,
  own: { version: '3.9.1', plugins: new Map([['response-transformer', '3.9.1']]) },
  // Who has so many entities has raised cluster_max_payload.
  maxPayloadBytes: 64 * 2 ** 20,
  payload: () => ({
    configHash: hashes[current] ?? '',
    plugins: new Set(['response-transformer']),
    table: () => ({}),
    message: () => ({}),
    removals: () => [],
    frame() {
      sentAtMs = performance.now();
      return frames[current]?.frame ?? Buffer.alloc(0);
    },
  }),
  faults: createFaultQueue(),
  log: () => undefined,
});

const dataDirectory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
const [region, accountId] = ['eu-central-1', '000000000000'];
const aws = await startLocalAws({ dataDirectory, region, accountId });
const { url: queueUrl, arn: queueArn } = aws.sqs.createQueue('bench.fifo');
const credentials = aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/listener/bench`);
const variables: ListenVariables = {
  CONTROL_PLANE: 'bench',
  CLUSTER_ENDPOINT: `127.0.0.1:${endpoint.port}`,
  CLUSTER_MTLS: 'shared',
  CLUSTER_SERVER_NAME: '',
  CLUSTER_CERTIFICATE_SECRET: aws.secretsManager.createSecret('bench', JSON.stringify(certificate)),
  DATA_PLANE_VERSIONS: '3.9.1',
  PROXY_SERVER: '',
  PROXY_SECRET: '',
  CUSTOM_PLUGINS: '',
  WASM_FILTERS: '',
  MAX_FRAME_MIB: '64',
  QUEUE_URL: queueUrl,
  NODE_SEED: 'bench',
};
const world: ListenWorld = {
  variables: {
    ...variables,
    ...aws.endpoints,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
  },
  frameBytes: frames[0]?.frame.length ?? 0,
  jsonBytes: frames[0]?.jsonBytes ?? 0,
};
const writeLine = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
writeLine(world);

const sqs = new SQSClient({ region, credentials, endpoint: aws.endpoints.AWS_ENDPOINT_URL_SQS });
const rings = startEventSource({
  sqs,
  queueUrl,
  queueArn,
  region,
  batchSize: 1,
  reportsBatchItemFailures: false,
  function: { invoke: async (event) => takeRing(event as Batch) },
});
for await (const _ of createInterface({ input: process.stdin })) {
  current = 1 - current;
  endpoint.push();
}
await rings.stop();
sqs.destroy();
await Promise.all([endpoint.stop(), aws.stop()]);
await rm(dataDirectory, { recursive: true });

interface Batch {
  readonly Records: readonly { readonly body: string }[];
}

function takeRing({ Records: [message] }: Batch): void {
  const seconds = (performance.now() - sentAtMs) / 1000;
  const isHeard = parseExportCommand(message?.body ?? '')?.configHash === hashes[current];
  writeLine(
    isHeard ? { seconds } : { error: 'the listener rang for another configuration than it was sent' },
  );
}
