import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { type Exporter, type ExporterParts, exporter } from '../../core/export/exporter.ts';
import { sqsExportQueue } from '../../core/export/sqs-export-queue.ts';
import { doorbell, type HookAnswer, type HookRequest } from '../../core/intake/doorbell.ts';
import { secretsManagerHookSecrets } from '../../core/intake/secrets-manager-hook-secrets.ts';
import { sqsExportRequests } from '../../core/intake/sqs-export-requests.ts';
import type { ClusterCertificate } from '../../core/kong/cluster-connection.ts';
import { clusterEndpointControlPlane } from '../../core/kong/cluster-endpoint.ts';
import { systemRandom } from '../../core/random-source.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { Identity } from '../../simulators/aws/identities.ts';
import type { ControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import type { Faults } from '../faults.ts';
import { coalescingWindowSeconds } from '../world/world.ts';
import { openClusterGate } from './cluster-gate.ts';
import { speed } from './fast-clock.ts';
import { openGate, type Upstreams } from './gate.ts';
import { controlPlane, dataPlaneVersions } from './scenario.ts';

/** What a deployment has made. */
export interface Deployed {
  readonly upstreams: Upstreams;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly region: string;
  readonly identity: Identity;
  readonly bucket: string;
  readonly encryptionKeyArn: string;
  readonly signingKeyArn: string;
  readonly queueUrl: string;
  readonly hookSecretArn: string;
  readonly kong: ControlPlane;
}

/** A process of a function: what it has in memory, and the network that it sees. */
export interface Container<Work> {
  readonly work: Work;
  isAlive(): boolean;
  /** Ends it: nothing that it began goes on. */
  kill(): Promise<void>;
}

/** What is changed of a client of the SDK. */
interface Client {
  readonly config: { readonly retryStrategy: () => Promise<object> };
}

/** What computes the pauses in the SDK's own strategy. */
interface Backoff {
  computeNextBackoffDelay: (attempts: number) => number;
}

/**
 * Makes the pauses of a client's retries as fast as the clock. What is tried again, and how often, stays the
 * SDK's.
 */
async function hasten<Kind extends Client>(client: Kind): Promise<Kind> {
  const { retryBackoffStrategy: backoff } = (await client.config.retryStrategy()) as {
    readonly retryBackoffStrategy?: Backoff;
  };
  if (backoff === undefined) {
    throw new TypeError('the SDK makes its pauses in another way than it did: see hasten');
  }
  const computeDelay = backoff.computeNextBackoffDelay.bind(backoff);
  backoff.computeNextBackoffDelay = (attempts) => computeDelay(attempts) / speed;
  return client;
}

/** How SDK clients reach a service through a gate. */
export function clientThrough(
  { region, identity, clock }: Pick<Deployed, 'region' | 'identity' | 'clock'>,
  endpoint: string,
) {
  return {
    region,
    endpoint,
    credentials: identity,
    systemClockOffset: clock.now().getTime() - systemClock.now().getTime(),
  };
}

/** The queue's URL, by way of a gate: the SDK takes the host from it. */
function queueThrough({ queueUrl }: Deployed, gateUrl: string): string {
  return new URL(new URL(queueUrl).pathname, gateUrl).href;
}

/** A process of the export function (lambdas/export.ts). */
export async function startExportContainer(
  deployed: Deployed,
  report: ExporterParts['report'],
): Promise<Container<Exporter>> {
  const { clock, kong, faults } = deployed;
  const [gate, clusterGate] = await Promise.all([
    openGate(deployed),
    openClusterGate({ controlPlane: kong, faults, clock }),
  ]);
  const client = clientThrough(deployed, gate.url);
  let isAlive = true;
  const certificate: ClusterCertificate = kong.certificates;
  const work = exporter({
    name: controlPlane,
    controlPlane: clusterEndpointControlPlane({
      endpoint: clusterGate.endpoint,
      mtls: 'shared',
      certificate: async () => certificate,
      nodeSeed: controlPlane,
      customPlugins: [],
      settle: { settleSeconds: 7, clockToleranceSeconds: 1 },
      clock,
    }),
    vault: s3ConfigVault({
      s3: await hasten(
        new S3Client({
          ...client,
          requestChecksumCalculation: 'WHEN_REQUIRED',
          responseChecksumValidation: 'WHEN_REQUIRED',
        }),
      ),
      bucket: deployed.bucket,
      encryptionKeyArn: deployed.encryptionKeyArn,
      lock: { days: 0, clock },
    }),
    signer: kmsSigner(await hasten(new KMSClient(client)), deployed.signingKeyArn),
    dataPlaneVersions,
    scheduleMinutes: 5,
    queue: sqsExportQueue(await hasten(new SQSClient(client)), queueThrough(deployed, gate.url)),
    minimumIntervalSeconds: 5,
    report(batch, measured) {
      if (isAlive) {
        report(batch, measured);
      }
    },
    reportChanges: () => undefined,
    clock,
    random: systemRandom,
  });
  return {
    work,
    isAlive: () => isAlive,
    async kill() {
      isAlive = false;
      await Promise.all([gate.close(), clusterGate.close()]);
    },
  };
}

/** A process of the webhook function (lambdas/webhook.ts). */
export async function startHookContainer(
  deployed: Deployed,
): Promise<Container<(hook: HookRequest) => Promise<HookAnswer>>> {
  const { clock } = deployed;
  const gate = await openGate(deployed);
  const client = clientThrough(deployed, gate.url);
  let isAlive = true;
  const work = doorbell({
    isKnown: (name) => name === controlPlane,
    secrets: secretsManagerHookSecrets({
      secretsManager: await hasten(new SecretsManagerClient(client)),
      secretIdOf: () => deployed.hookSecretArn,
      reportOddity: () => undefined,
      clock,
    }),
    requests: sqsExportRequests(
      await hasten(new SQSClient(client)),
      () => queueThrough(deployed, gate.url),
      coalescingWindowSeconds,
    ),
    acceptSha1: false,
    clock,
  });
  return {
    work,
    isAlive: () => isAlive,
    async kill() {
      isAlive = false;
      await gate.close();
    },
  };
}
