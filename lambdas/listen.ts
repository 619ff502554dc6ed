import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { systemClock } from '../core/clock.ts';
import { readClusterCertificate } from '../core/export/cluster-certificate-secret.ts';
import { sqsBell } from '../core/intake/sqs-bell.ts';
import { clusterListener } from '../core/listen/cluster-listener.ts';
import { listener } from '../core/listen/listener.ts';
import { endOfRun } from '../core/listen/relay.ts';
import { connectPatiently } from '../core/patient-connections.ts';
import { systemRandom } from '../core/random-source.ts';
import { shortCalls } from './call-limits.ts';
import { readClusterAddress } from './cluster-address.ts';
import { listenEnvironment } from './environment/listen.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { inOurWords } from './in-our-words.ts';
import { logListener } from './listen-log.ts';
import { clusterSecretLog } from './secret-log.ts';
import { measure } from './telemetry.ts';

connectPatiently();
const environment = readEnvironment(listenEnvironment, process.env);
const controlPlane = environment.CONTROL_PLANE;
const secretsManager = new SecretsManagerClient(shortCalls);
const reportOddity = clusterSecretLog();

const listen = listener({
  endpoint: environment.CLUSTER_ENDPOINT,
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  connect: clusterListener({
    ...readClusterAddress(environment, secretsManager),
    certificate: (signal) =>
      readClusterCertificate(
        { secretsManager, secretId: environment.CLUSTER_CERTIFICATE_SECRET, signal },
        reportOddity,
      ),
    nodeSeed: environment.NODE_SEED,
    customPlugins: environment.CUSTOM_PLUGINS,
    wasmFilters: environment.WASM_FILTERS,
    maxFrameBytes: environment.MAX_FRAME_MIB * 2 ** 20,
    clock: systemClock,
  }),
  bell: sqsBell(new SQSClient(shortCalls), environment.QUEUE_URL, controlPlane),
  report: (event) => logListener(controlPlane, event),
  measure: (seconds) => measure(controlPlane, { Listening: seconds }),
  clock: systemClock,
  random: systemRandom,
});

/** Listens to the control plane until the next run of the schedule is to begin. */
export const handler = inOurWords(async (event: unknown, context: Context): Promise<void> => {
  await listen(endOfRun(event, systemClock.now(), context.getRemainingTimeInMillis()));
});
