/**
 * An export against services of which one accepts each connection and never answers: the shipped code, with
 * the SDK's clients over HTTP and a control plane over TLS.
 */
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { limitCalls } from '../../core/aws-calls.ts';
import { readClusterCertificate } from '../../core/export/cluster-certificate-secret.ts';
import type { BatchOutcome } from '../../core/export/export-batch.ts';
import { exporter, reservedMs } from '../../core/export/exporter.ts';
import { sqsExportQueue } from '../../core/export/sqs-export-queue.ts';
import { clusterEndpointControlPlane } from '../../core/kong/cluster-endpoint.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { LocalAws } from '../../simulators/aws/local-aws.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { countingRandom } from '../core/counting-random.ts';
import { type ManualClock, manualClock } from '../core/manual-clock.ts';
import { type SilentServer, silentServer } from '../core/silent-server.ts';
import { clientFor, runLocalAws } from '../simulators/aws/running-local-aws.ts';

const services = ['S3', 'KMS', 'Secrets Manager', 'SQS'] as const;
type Service = (typeof services)[number];

const functionMs = 120_000;
const shortLimits = limitCalls({ connectMs: 5_000, tryMs: 200, silenceMs: 200, tries: 2 });
const bucket = 'vault';

let aws: LocalAws;
let kong: ControlPlane;
let keys: { readonly encryption: string; readonly signing: string };
let secretId: string;
let queueUrl: string;
beforeAll(async () => {
  [aws, kong] = await Promise.all([runLocalAws(), startControlPlane({ mtls: 'shared' })]);
  keys = {
    encryption: aws.kms.createKey('encryption', 'SYMMETRIC_DEFAULT'),
    signing: aws.kms.createKey('signing', 'ECC_NIST_P256'),
  };
  aws.s3.createBucket(bucket, { defaultKeyId: keys.encryption });
  secretId = aws.secretsManager.createSecret('certificate', JSON.stringify(kong.certificates));
  queueUrl = aws.sqs.createQueue('exports.fifo', { visibilityTimeoutSeconds: 150 }).url;
});
afterAll(async () => {
  await Promise.all([aws.stop(), kong.stop()]);
});

let silent: SilentServer;
let clock: ManualClock;
let clients: { destroy(): void }[];
let batches: { readonly batch: BatchOutcome; readonly reportedMs: number }[];
beforeEach(async () => {
  silent = await silentServer();
  clock = manualClock(new Date());
  clients = [];
  batches = [];
});
afterEach(async () => {
  for (const client of clients) {
    client.destroy();
  }
  await silent.stop();
});

/** An exporter of two versions for which one service is silent. */
function exporterWithout(service: Service, limits: ReturnType<typeof limitCalls> | object) {
  const settings = (of: Service, endpoint: string) => ({
    ...clientFor(aws, of === service ? silent.origin : endpoint),
    ...limits,
  });
  const kept = <Client extends { destroy(): void }>(client: Client): Client => {
    clients.push(client);
    return client;
  };
  const s3 = kept(
    new S3Client({
      ...settings('S3', aws.s3.endpoint),
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    }),
  );
  const secretsManager = kept(
    new SecretsManagerClient(settings('Secrets Manager', aws.secretsManager.endpoint)),
  );
  return exporter({
    name: 'prod',
    controlPlane: clusterEndpointControlPlane({
      endpoint: kong.clusterEndpoint,
      mtls: 'shared',
      certificate: (signal) => readClusterCertificate({ secretsManager, secretId, signal }, () => undefined),
      nodeSeed: 'test',
      customPlugins: [],
      settle: { settleSeconds: 1, clockToleranceSeconds: 0 },
      clock,
    }),
    vault: s3ConfigVault({ s3, bucket, encryptionKeyArn: keys.encryption }),
    signer: kmsSigner(kept(new KMSClient(settings('KMS', aws.kms.endpoint))), keys.signing),
    dataPlaneVersions: ['3.9.1', '3.8.1'],
    scheduleMinutes: 5,
    queue: sqsExportQueue(
      kept(new SQSClient(settings('SQS', aws.sqs.endpoint))),
      service === 'SQS' ? `${silent.origin}/000000000000/exports.fifo` : queueUrl,
    ),
    minimumIntervalSeconds: 0,
    report: (batch) => batches.push({ batch, reportedMs: clock.monotonicMs() }),
    reportChanges: () => undefined,
    clock,
    random: countingRandom(),
  });
}

/** A batch of one command, and of one message that must be put back whatever becomes of the export. */
function messages() {
  const command = JSON.stringify({ command: 'export', cause: 'schedule', at: clock.now().toISOString() });
  return [command, '{"command":"erase"}'].map((body, index) => ({
    id: String(index),
    receipt: `receipt-${index}`,
    body,
    receiveCount: 1,
  }));
}

/** How an export ends, in words. */
const endingOf = (exported: Promise<unknown>) =>
  exported.then(
    () => 'ended',
    (error: Error) => error.message,
  );

/** What the log says of each version, or of the queue. */
const failures = (ending: string) => [
  ...(batches[0]?.batch.report?.versions ?? []).flatMap((version) =>
    version.outcome === 'failed' ? [`${version.kongVersion}: ${(version.error as Error).message}`] : [],
  ),
  ...(ending === 'ended' ? [] : [ending]),
];

const named: Readonly<Record<Service, RegExp>> = {
  S3: /^3\.9\.1: .* in S3 failed \(no answer in time\)/,
  KMS: /^3\.9\.1: KMS gave nothing for kms:GetPublicKey with .* \(no answer in time\)/,
  'Secrets Manager': /^3\.9\.1: Secrets Manager did not give secret .* \(no answer in time\)/,
  SQS: /^SQS did not take \d+ messages back \(no answer in time\)/,
};

describe.each(services)('while %s is silent', (service) => {
  it('an export ends by the limits of its clients, and says who it was', async () => {
    const exported = endingOf(exporterWithout(service, shortLimits)(messages(), functionMs));

    const ending = await exported;

    expect(clock.monotonicMs()).toBe(0);
    expect(failures(ending)[0]).toMatch(named[service]);
    expect(batches).toMatchObject([{ reportedMs: 0 }]);
  });

  it('an export whose clients wait for ever ends before its function does, with a line for each version', async () => {
    let ending: string | undefined;
    void endingOf(exporterWithout(service, {})(messages(), functionMs)).then((said) => {
      ending = said;
    });
    await silent.asked;

    while (ending === undefined && clock.monotonicMs() < functionMs) {
      await clock.advance(250);
      // The network is real.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }

    expect(clock.monotonicMs()).toBeLessThan(functionMs);
    expect(failures(ending ?? '')[0]).toMatch(named[service]);
    expect(batches[0]?.batch.report?.versions.map(({ kongVersion }) => kongVersion)).toEqual([
      '3.9.1',
      '3.8.1',
    ]);
    if (service !== 'SQS') {
      expect(batches[0]?.reportedMs).toBeGreaterThanOrEqual(functionMs - reservedMs);
    }
  });
});
