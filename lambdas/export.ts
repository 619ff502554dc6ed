import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type {
  APIGatewayProxyEventV2WithIAMAuthorizer,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
  SQSEvent,
} from 'aws-lambda';
import { systemClock } from '../core/clock.ts';
import { readClusterCertificate } from '../core/export/cluster-certificate-secret.ts';
import { exporter } from '../core/export/exporter.ts';
import { operatorCommands } from '../core/export/operator-commands.ts';
import { sqsExportQueue } from '../core/export/sqs-export-queue.ts';
import { watchCertificate } from '../core/export/watched-certificate.ts';
import { sqsRequestedExports } from '../core/intake/sqs-requested-exports.ts';
import { clusterEndpointControlPlane } from '../core/kong/cluster-endpoint.ts';
import { connectPatiently } from '../core/patient-connections.ts';
import { systemRandom } from '../core/random-source.ts';
import { shortCalls } from './call-limits.ts';
import { readClusterAddress } from './cluster-address.ts';
import { commandCall } from './command-event.ts';
import { logCommand } from './command-log.ts';
import { exportEnvironment } from './environment/export.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { logBatch, logChanges } from './export-log.ts';
import { jsonAnswer, problemAnswer } from './http-answer.ts';
import { inOurWords } from './in-our-words.ts';
import { batchResponse, readMessages } from './queue.ts';
import { clusterSecretLog } from './secret-log.ts';
import { measure } from './telemetry.ts';
import { connectVault } from './vault-connection.ts';

connectPatiently();
const environment = readEnvironment(exportEnvironment, process.env);
const sqs = new SQSClient(shortCalls);
const secretsManager = new SecretsManagerClient(shortCalls);
const reportOddity = clusterSecretLog();
const certificate = watchCertificate((signal) =>
  readClusterCertificate(
    { secretsManager, secretId: environment.CLUSTER_CERTIFICATE_SECRET, signal },
    reportOddity,
  ),
);

const exportParts = {
  name: environment.CONTROL_PLANE,
  controlPlane: clusterEndpointControlPlane({
    ...readClusterAddress(environment, secretsManager),
    certificate: (signal) => certificate.read(signal),
    nodeSeed: `${environment.BUCKET}/${environment.CONTROL_PLANE}`,
    customPlugins: environment.CUSTOM_PLUGINS,
    wasmFilters: environment.WASM_FILTERS,
    maxFrameBytes: environment.MAX_FRAME_MIB * 2 ** 20,
    settle: {
      settleSeconds: environment.SETTLE_SECONDS,
      clockToleranceSeconds: environment.CLOCK_TOLERANCE_SECONDS,
    },
    clock: systemClock,
  }),
  ...(await connectVault(environment, { days: environment.OBJECT_LOCK_DAYS, clock: systemClock })),
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  guard: environment.GUARD,
  scheduleMinutes: environment.SCHEDULE_MINUTES,
  certificateEndsAt: () => certificate.endsAt(),
  clock: systemClock,
  random: systemRandom,
};

const exportMessages = exporter({
  ...exportParts,
  queue: sqsExportQueue(sqs, environment.QUEUE_URL),
  minimumIntervalSeconds: environment.MINIMUM_INTERVAL_SECONDS,
  report(batch, measured) {
    logBatch(environment.CONTROL_PLANE, batch);
    measure(environment.CONTROL_PLANE, measured);
  },
  reportChanges: logChanges,
});

const follow = operatorCommands({
  ...exportParts,
  operators: environment.OPERATORS,
  requests: sqsRequestedExports(sqs, environment.QUEUE_URL, environment.CONTROL_PLANE),
});

type ExportEvent = SQSEvent | APIGatewayProxyEventV2WithIAMAuthorizer;
type ExportAnswer = SQSBatchResponse | APIGatewayProxyStructuredResultV2;

/**
 * Publishes what the control plane serves, once for all messages of the batch, and follows the commands of
 * operators: this function alone may write and sign.
 */
export const handler = inOurWords(async (event: ExportEvent, context: Context): Promise<ExportAnswer> => {
  const call = commandCall(event);
  if (call !== undefined) {
    const answered = await follow(call);
    logCommand(environment.CONTROL_PLANE, call, answered);
    const { answer } = answered;
    return 'content' in answer ? jsonAnswer(answer.status, answer.content) : problemAnswer(answer);
  }
  if (!('Records' in event)) {
    throw new Error('this event is neither of the queue nor a command over HTTP');
  }
  return batchResponse(await exportMessages(readMessages(event), context.getRemainingTimeInMillis()));
});
