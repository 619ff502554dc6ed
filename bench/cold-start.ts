import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { bundleEntry, bundleFunction } from '../build/bundle.ts';
import type { ExportVariables } from '../lambdas/environment/export.ts';
import type { InspectVariables } from '../lambdas/environment/inspect.ts';
import type { PresignVariables } from '../lambdas/environment/presign.ts';
import type { WebhookVariables } from '../lambdas/environment/webhook.ts';

const run = promisify(execFile);
// An odd number, for the median. Each run is a process of its own: only the disk's cache is warm.
const runs = 21;

const webhook: WebhookVariables = {
  CONTROL_PLANES: '{"prod":{"queueUrl":"https://sqs.eu-central-1.amazonaws.com/0/q.fifo","secretId":"s"}}',
  COALESCING_WINDOW_SECONDS: '1',
  ACCEPT_SHA1: 'true',
};
const exporter: ExportVariables = {
  CONTROL_PLANE: 'prod',
  CLUSTER_ENDPOINT: 'kong-cp.example.com:8005',
  CLUSTER_MTLS: 'shared',
  CLUSTER_SERVER_NAME: '',
  CLUSTER_CERTIFICATE_SECRET: 's',
  PROXY_SERVER: '',
  PROXY_SECRET: '',
  DATA_PLANE_VERSIONS: '3.9.1',
  CUSTOM_PLUGINS: '',
  WASM_FILTERS: '',
  MAX_FRAME_MIB: '64',
  BUCKET: 'vault',
  ENCRYPTION_KEY_ARN: 'arn:aws:kms:eu-central-1:0:key/a',
  SIGNING_KEY_ARN: 'arn:aws:kms:eu-central-1:0:key/b',
  FURTHER_SIGNING_KEY_ARNS: '',
  RETIRED_SIGNING_KEYS: '',
  OBJECT_LOCK_DAYS: '0',
  QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/0/q.fifo',
  OPERATORS: '[]',
  SETTLE_SECONDS: '6',
  CLOCK_TOLERANCE_SECONDS: '1',
  SCHEDULE_MINUTES: '5',
  MINIMUM_INTERVAL_SECONDS: '5',
  GUARD: '10,50',
};
const presign: PresignVariables = {
  CONTROL_PLANE: 'prod',
  BUCKET: 'vault',
  URL_SUFFIX: 'amazonaws.com',
  DUAL_STACK: 'false',
  DATA_PLANE_VERSIONS: '3.9.1',
  URL_LIFETIME_SECONDS: '120',
  DRILL_ROLE_ARN: 'arn:aws:iam::000000000000:role/inspect',
  API_ORIGIN: 'stack',
  CLUSTER_CERTIFICATES: 'x'.repeat(43),
  CLUSTER_AUTHORITIES: '',
  CLUSTER_COMMON_NAMES: '',
};
const inspect: InspectVariables = {
  CONTROL_PLANE: 'prod',
  DATA_PLANE_VERSIONS: '3.9.1',
  DRILL_HOURS: '0',
  API_URL: 'https://api.example.com',
  LMDB_MAP_MIB: '2048',
  BUCKET: 'vault',
  ENCRYPTION_KEY_ARN: exporter.ENCRYPTION_KEY_ARN,
  SIGNING_KEY_ARN: exporter.SIGNING_KEY_ARN,
  FURTHER_SIGNING_KEY_ARNS: '',
  RETIRED_SIGNING_KEYS: '',
  URL_SUFFIX: 'amazonaws.com',
  DUAL_STACK: 'false',
  URL_LIFETIME_SECONDS: '120',
};
const variables: Readonly<Record<FunctionName, Readonly<Record<string, string>>>> = {
  webhook: { ...webhook },
  export: { ...exporter },
  presign: { ...presign },
  inspect: { ...inspect },
};

export type FunctionName = 'webhook' | 'export' | 'presign' | 'inspect';

export interface ColdStart extends Readonly<Record<string, number>> {
  /** Of the file that a deployment uploads, unpacked. */
  readonly bundleBytes: number;
  /** Median time of `import()` in a new process. */
  readonly importMs: number;
  /**
   * What it takes over the empty module, as a multiple of what the client of SQS alone takes over it, as the
   * SDK has it: with all its sources of credentials, which functions do without.
   */
  readonly overSqsClient: number;
}

/**
 * Bundles functions as the deployment does, and imports each in new processes, in turn with an empty module.
 */
export async function measureColdStarts<Name extends FunctionName>(
  names: readonly Name[],
): Promise<
  Readonly<Record<Name, ColdStart>> & { readonly emptyImportMs: number; readonly sqsClientImportMs: number }
> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
  try {
    const empty = join(directory, 'empty.mjs');
    await writeFile(empty, 'export {};\n');
    const bundles = await Promise.all(
      names.map(async (name) => {
        const file = join(directory, `${name}.mjs`);
        await bundleFunction(name, file);
        return { name, file, times: [] as number[] };
      }),
    );
    const sqsClient = join(directory, 'sqs-client.mjs');
    await bundleEntry('bench/sqs-client-alone.ts', sqsClient);
    const [emptyTimes, sqsClientTimes]: [number[], number[]] = [[], []];
    for (let round = 0; round < runs; round += 1) {
      emptyTimes.push(await measureImportMs(empty, {}));
      sqsClientTimes.push(await measureImportMs(sqsClient, {}));
      for (const { name, file, times } of bundles) {
        times.push(await measureImportMs(file, variables[name]));
      }
    }
    const [emptyImportMs, sqsClientImportMs] = [median(emptyTimes), median(sqsClientTimes)];
    const overSqsClient = (importMs: number) =>
      Math.round(((importMs - emptyImportMs) / (sqsClientImportMs - emptyImportMs)) * 100) / 100;
    const measured = await Promise.all(
      bundles.map(async ({ name, file, times }) => {
        const importMs = median(times);
        const bundleBytes = (await stat(file)).size;
        return [name, { bundleBytes, importMs, overSqsClient: overSqsClient(importMs) }] as const;
      }),
    );
    return {
      ...(Object.fromEntries(measured) as Record<Name, ColdStart>),
      emptyImportMs,
      sqsClientImportMs,
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measureImportMs(file: string, environment: Readonly<Record<string, string>>): Promise<number> {
  const module = JSON.stringify(pathToFileURL(file).href);
  const script =
    `const startedMs = performance.now(); await import(${module});` +
    'process.stdout.write(String(performance.now() - startedMs));';
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    env: {
      ...environment,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      POWERTOOLS_SERVICE_NAME: 'bench',
    },
  });
  return Number(stdout);
}

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return Math.round((sorted[sorted.length >> 1] ?? 0) * 100) / 100;
}
