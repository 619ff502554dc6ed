import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { systemClock } from '../core/clock.ts';
import { clusterCertificate } from '../core/export/cluster-certificate-secret.ts';
import { exportBatch } from '../core/export/export-batch.ts';
import { type ExportParts, runExport } from '../core/export/export-run.ts';
import { measurements } from '../core/export/measurements.ts';
import { pace } from '../core/export/pace.ts';
import { clusterEndpointControlPlane } from '../core/kong/cluster-endpoint.ts';
import { systemRandom } from '../core/random-source.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import { exportEnvironment } from './environment/export.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { logBatch } from './export-log.ts';
import { messagesOf, unfinished } from './queue.ts';
import { measure } from './telemetry.ts';

// What remains is for putting the messages back and for the log.
const reservedMs = 10_000;

const environment = readEnvironment(exportEnvironment, process.env);
const secretsManager = new SecretsManagerClient();
const sqs = new SQSClient();

const parts: ExportParts = {
  name: environment.CONTROL_PLANE,
  controlPlane: clusterEndpointControlPlane({
    endpoint: environment.CLUSTER_ENDPOINT,
    mtls: environment.CLUSTER_MTLS,
    serverName: environment.CLUSTER_SERVER_NAME === '' ? undefined : environment.CLUSTER_SERVER_NAME,
    certificate: () => clusterCertificate(secretsManager, environment.CLUSTER_CERTIFICATE_SECRET),
    customPlugins: environment.CUSTOM_PLUGINS,
    settle: {
      settleSeconds: environment.SETTLE_SECONDS,
      clockToleranceSeconds: environment.CLOCK_TOLERANCE_SECONDS,
    },
    clock: systemClock,
    random: systemRandom,
  }),
  vault: s3ConfigVault({
    // Checksums are ours (SHA-256 of what we send); the SDK's own would need another pass.
    s3: new S3Client({
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    bucket: environment.BUCKET,
    encryptionKeyArn: environment.ENCRYPTION_KEY_ARN,
    lock: { days: environment.OBJECT_LOCK_DAYS, clock: systemClock },
  }),
  signer: kmsSigner(new KMSClient(), environment.SIGNING_KEY_ARN),
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  clock: systemClock,
  random: systemRandom,
};
const paced = pace(environment.MINIMUM_INTERVAL_SECONDS, systemClock);

/** Publishes what the control plane serves, once for all messages of the batch. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  const startedAt = systemClock.now();
  const deadline = systemClock.deadline(Math.max(0, context.getRemainingTimeInMillis() - reservedMs));
  const batch = await exportBatch(messagesOf(event), (commands) =>
    paced.run(() => runExport(parts, commands, deadline), deadline),
  );
  logBatch(environment.CONTROL_PLANE, batch);
  measure(
    environment.CONTROL_PLANE,
    measurements(batch, (systemClock.now().getTime() - startedAt.getTime()) / 1000),
  );
  return unfinished(sqs, environment.QUEUE_URL, event, batch);
}
