import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Exporter } from '../../core/export/exporter.ts';
import { vaultFileSource } from '../../core/fetch/download.ts';
import { fetchConfig } from '../../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../../core/fetch/grant-source.ts';
import { ignoreErrors } from '../../core/ignore-errors.ts';
import type { HookAnswer, HookRequest } from '../../core/intake/doorbell.ts';
import { systemRandom } from '../../core/random-source.ts';
import { configFileKey } from '../../core/vault/config-file-name.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import { batchResponse, readMessages } from '../../lambdas/queue.ts';
import { type EventSource, startEventSource } from '../../simulators/aws/event-source.ts';
import type { ClusterCertificates } from '../../simulators/kong/control-plane/certificates.ts';
import type { ArmedFault } from '../faults.ts';
import { functionTimeoutMs, webhookTimeoutMs } from '../world/world.ts';
import { clientThrough, startExportContainer, startHookContainer } from './containers.ts';
import { type Deployment, deployCell } from './deployment.ts';
import type { FastClock } from './fast-clock.ts';
import { FunctionTimedOut, RunningFunction } from './function.ts';
import { type Gate, openGate } from './gate.ts';
import {
  type BatchView,
  type CellSystem,
  controlPlane,
  dataPlaneVersions,
  type FetchView,
  fetchPace,
  hookPatienceMs,
  patienceMs,
  readCode,
  type StoredFile,
  type VaultView,
  viewBatch,
  viewVault,
} from './scenario.ts';

/** A change that is found in the file again. */
const secondService = 'added-by-the-change';
/** Of the fast clock. */
const lookAgainMs = 200;

/** The real side: the shipped code with the SDK's clients, over HTTP to the local services. */
export class HttpSystem implements CellSystem {
  readonly batches: BatchView[] = [];
  readonly #deployment: Deployment;
  readonly #exports: RunningFunction<Exporter>;
  readonly #hooks: RunningFunction<(hook: HookRequest) => Promise<HookAnswer>>;
  readonly #pollerGate: Gate;
  readonly #eventSource: EventSource;
  readonly #s3: S3Client;
  readonly #firstHash: string;
  #armed: readonly ArmedFault[] = [];

  private constructor(deployment: Deployment, pollerGate: Gate) {
    const { clock, upstreams, queueUrl, kong } = deployment;
    this.#deployment = deployment;
    this.#pollerGate = pollerGate;
    this.#firstHash = kong.builtHash();
    this.#s3 = new S3Client(clientThrough(deployment, upstreams.s3));
    this.#exports = new RunningFunction(
      () =>
        startExportContainer(deployment, ({ report }, measured) =>
          this.batches.push(viewBatch(report?.versions ?? [], measured)),
        ),
      functionTimeoutMs,
      clock,
    );
    this.#hooks = new RunningFunction(() => startHookContainer(deployment), webhookTimeoutMs, clock);
    this.#eventSource = startEventSource({
      sqs: new SQSClient(clientThrough(deployment, pollerGate.url)),
      queueUrl: new URL(new URL(queueUrl).pathname, pollerGate.url).href,
      queueArn: 'arn:aws:sqs:eu-central-1:000000000000:prod.fifo',
      region: deployment.region,
      function: {
        invoke: (event) =>
          this.#exports.invoke(async (exportMessages) =>
            batchResponse(
              await exportMessages(
                readMessages(event as Parameters<typeof readMessages>[0]),
                functionTimeoutMs,
              ),
            ),
          ),
      },
      batchSize: 10,
      reportsBatchItemFailures: true,
    });
  }

  static async start(certificates: ClusterCertificates, clock: FastClock): Promise<HttpSystem> {
    const deployment = await deployCell(certificates, clock);
    return new HttpSystem(deployment, await openGate(deployment));
  }

  arm(faults: readonly ArmedFault[]): void {
    this.#armed = faults;
    for (const fault of faults) {
      this.#deployment.faults.arm(fault);
    }
  }

  isSpent(): boolean {
    return this.#deployment.faults.reached.size === this.#armed.length;
  }

  async startCold(): Promise<void> {
    await Promise.all([this.#exports.kill(), this.#hooks.kill()]);
  }

  async ringSchedule(): Promise<void> {
    const { clock, upstreams, queueUrl } = this.#deployment;
    const at = clock.now().toISOString();
    const sqs = new SQSClient(clientThrough(this.#deployment, upstreams.sqs));
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageGroupId: controlPlane,
        MessageDeduplicationId: at,
        MessageBody: JSON.stringify({ command: 'export', version: 1, cause: 'schedule', at }),
      }),
    );
    sqs.destroy();
  }

  async change(): Promise<string> {
    const { kong, hookSecret, clock } = this.#deployment;
    kong.configuration.create('services', { name: secondService, url: 'http://second.example' });
    const body = Buffer.from(JSON.stringify({ source: 'crud', event: 'services', operation: 'create' }));
    const signature = `sha256=${createHmac('sha256', hookSecret).update(body).digest('hex')}`;
    const hook = { controlPlane, contentType: 'application/json', signature, body };
    const answer = this.#hooks
      .invoke((ring) => ring(hook))
      .then(
        (given) => (typeof given === 'string' ? `hook ${given}` : `hook ${given.status}`),
        (error: unknown) => (error instanceof FunctionTimedOut ? 'hook not answered' : 'hook failed'),
      );
    const patience = clock.sleep(hookPatienceMs).then(() => 'hook not answered');
    return Promise.race([answer, patience]);
  }

  async waitUntilIdle(): Promise<void> {
    const { aws, clock, queueUrl } = this.#deployment;
    const endMs = clock.monotonicMs() + patienceMs;
    while (aws.sqs.countMessages(queueUrl) > 0 && clock.monotonicMs() < endMs) {
      await clock.sleep(lookAgainMs);
    }
  }

  async readVault(): Promise<VaultView> {
    const { bucket, encryptionKeyArn, trusted, kong } = this.#deployment;
    const vault = s3ConfigVault({ s3: this.#s3, bucket, encryptionKeyArn });
    const files = dataPlaneVersions.map(async (kongVersion): Promise<StoredFile> => {
      const name = { controlPlane, kongVersion };
      const { Versions = [] } = await this.#s3.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: configFileKey(name) }),
      );
      const current = await vault.current(name);
      return { kongVersion, manifest: current?.manifest, count: Versions.length };
    });
    const secondHash = kong.builtHash();
    return viewVault(await Promise.all(files), await this.#readStatus(), trusted, (hash) => {
      const names = new Map([
        [secondHash, 'the second'],
        [this.#firstHash, 'the first'],
      ]);
      return names.get(hash) ?? 'another configuration';
    });
  }

  async fetch(): Promise<FetchView> {
    const { clock, region, identity, dataPlaneGate, trusted, directory } = this.#deployment;
    const settings = { controlPlane, kongVersion: dataPlaneVersions[0], clock, random: systemRandom };
    const output = join(directory, 'config.json');
    const grants = endpointGrantSource(
      {
        endpoint: new URL(dataPlaneGate.url),
        authenticate: async () => ({ by: 'iam', region, credentials: identity }),
      },
      { ...settings, timeoutMs: 10_000 },
    );
    const files = vaultFileSource({
      ...settings,
      trusted,
      output,
      maxBytes: 2 ** 30,
      timeoutMs: 60_000,
    });
    const outcome = await fetchConfig({ ...settings, grants: [grants], files }, fetchPace).then(
      ({ manifest: { revision, kongVersion } }) => `revision ${revision} for ${kongVersion}`,
      (error: unknown) => `failed (${readCode(error)})`,
    );
    const file = await readFile(output, 'utf8').catch(() => undefined);
    return {
      outcome,
      file: file === undefined ? 'nothing' : file.includes(secondService) ? 'the second' : 'the first',
    };
  }

  async stop(): Promise<void> {
    const stopping = this.#eventSource.stop();
    await Promise.all([this.startCold(), this.#pollerGate.close()]);
    await ignoreErrors(stopping);
    this.#s3.destroy();
    await this.#deployment.stop();
  }

  async #readStatus(): Promise<string | undefined> {
    const { bucket } = this.#deployment;
    const status = await this.#s3
      .send(new GetObjectCommand({ Bucket: bucket, Key: `status/${controlPlane}.json` }))
      .catch(() => undefined);
    return status?.Body?.transformToString();
  }
}
