import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { bundleEntry } from '../build/bundle.ts';
import { pemCertificates } from '../core/access/cluster-identity.ts';
import type { ClusterCertificate } from '../core/kong/cluster-endpoint.ts';
import type { ExportVariables } from '../lambdas/environment/export.ts';
import type { PresignVariables } from '../lambdas/environment/presign.ts';
import type { WebhookVariables } from '../lambdas/environment/webhook.ts';
import { DataPlaneAuth } from '../lib/grants/data-plane-auth.ts';
import { trustVariables } from '../lib/grants/presign.ts';
import { parseSettings, type Settings } from '../lib/settings/settings.ts';
import type { Guard } from '../simulators/aws/access.ts';
import { startHttpApi } from '../simulators/aws/api-gateway.ts';
import { startEventSource } from '../simulators/aws/event-source.ts';
import type { Identity } from '../simulators/aws/identities.ts';
import { type LambdaFunction, lambdaFunction } from '../simulators/aws/lambda-function.ts';
import { type LocalAws, startLocalAws } from '../simulators/aws/local-aws.ts';
import { startSchedule } from '../simulators/aws/scheduler.ts';
import { policiesInForce } from './policies-in-force.ts';

export interface LocalSystemOptions {
  /** Objects, keys, bundles and logs go here; objects and keys are found again at the next start. */
  readonly dataDirectory: string;
  readonly controlPlane: {
    readonly name: string;
    /** `host:port` */
    readonly clusterEndpoint: string;
    readonly mtls: 'shared' | 'pki';
    readonly serverName?: string | undefined;
    readonly certificate: ClusterCertificate;
    readonly customPlugins: readonly string[];
  };
  readonly dataPlaneVersions: readonly string[];
  /** Of the HTTP API. @default a free one */
  readonly port?: number | undefined;
  readonly urlLifetimeSeconds?: number;
  /** @default 0, no lock */
  readonly objectLockDays?: number;
}

/** One measurement of a function, as CloudWatch would get it. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
}

/** Lifeboat as `cdk deploy` would set it up for one control plane, on this machine. */
export interface LocalSystem {
  readonly region: string;
  /** Base URL of the HTTP API. */
  readonly apiUrl: string;
  readonly webhookUrl: string;
  readonly hookSecret: string;
  readonly bucket: string;
  readonly signingKeyArn: string;
  /** What data planes of private networks invoke instead of the API. */
  readonly grantFunctionArn: string;
  /** By the variables that AWS SDKs read. */
  readonly awsEndpoints: LocalAws['endpoints'];
  /** Credentials of a data plane's role, and of the account's administrator. */
  readonly dataPlane: Identity;
  readonly administrator: Identity;
  readonly clients: {
    /** With the rights of presigned URLs: policies keep files from everybody else, administrators included. */
    readonly reader: S3Client;
    /** With the administrator's. */
    readonly s3: S3Client;
    readonly kms: KMSClient;
  };
  /** Sends the schedule's message now, as if its time had come. */
  ringSchedule(): Promise<void>;
  /** Whether no message waits, is delayed or is being worked on. */
  isIdle(): Promise<boolean>;
  /** How many batches the export function was given. */
  exportCount(): number;
  /** Everything the functions measured so far. */
  measurements(): readonly Measurement[];
  readonly logDirectory: string;
  stop(): Promise<void>;
}

const region = 'eu-central-1';
const accountId = '000000000000';

// As lib/export/export.ts sets it.
const exportTimeoutSeconds = 120;

/** Starts everything; what could not start leaves nothing running. */
export async function startLocalSystem(options: LocalSystemOptions): Promise<LocalSystem> {
  const { dataDirectory, controlPlane } = options;
  const { name } = controlPlane;
  const settings = settingsOf(options);
  const running: { stop(): Promise<void> }[] = [];
  const started = <Part extends { stop(): Promise<void> }>(part: Part): Part => {
    running.push(part);
    return part;
  };
  // Whoever feeds others stops first.
  const stop = async () => {
    for (const part of running.reverse()) {
      await part.stop();
    }
  };
  try {
    const logDirectory = join(dataDirectory, 'logs');
    await mkdir(logDirectory, { recursive: true, mode: 0o700 });
    const bundles = await bundleFunctions(join(dataDirectory, 'functions'));
    let enforced: Guard = async () => 'the policies are not in force yet';
    const guard: Guard = (principalArn, access) => enforced(principalArn, access);
    const aws = started(
      await startLocalAws({ dataDirectory: join(dataDirectory, 'aws'), region, accountId, guard }),
    );
    const resources = createResources(aws, options, settings);
    const deployment = policiesInForce(settings, name, resources, { region, accountId });
    enforced = deployment.guard;
    const measured: Measurement[] = [];

    const role = (roleName: string) =>
      aws.identities.issue(`arn:aws:sts::${accountId}:assumed-role/${roleName}/local`);
    const start = (
      entry: keyof typeof bundles.entries,
      variables: Readonly<Record<string, string>>,
      identity: Identity,
      timeoutSeconds: number,
    ): LambdaFunction =>
      started(
        lambdaFunction({
          name: functionName(name, entry),
          bundle: bundles.entries[entry],
          runtime: bundles.runtime,
          timeoutSeconds,
          logFile: join(logDirectory, `${entry}.log`),
          environment: {
            ...variables,
            ...aws.endpoints,
            ...credentialVariables(identity),
            AWS_REGION: region,
            // The SDK's version is pinned; its notice of a later one belongs into no log.
            AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
            POWERTOOLS_SERVICE_NAME: `lifeboat-${entry}`,
            POWERTOOLS_METRICS_NAMESPACE: 'Lifeboat',
          },
          onMetrics: (metrics) => measured.push(...measurementsIn(metrics)),
        }),
      );

    const webhookVariables: WebhookVariables = {
      CONTROL_PLANES: JSON.stringify({
        [name]: { queueUrl: resources.queue.url, secretId: resources.hookSecretArn },
      }),
      COALESCING_WINDOW_SECONDS: String(settings.coalescingWindowSeconds),
      ACCEPT_SHA1: settings.acceptSha1 ? 'true' : 'false',
    };
    const exportVariables: ExportVariables = {
      CONTROL_PLANE: name,
      CLUSTER_ENDPOINT: controlPlane.clusterEndpoint,
      CLUSTER_MTLS: controlPlane.mtls,
      CLUSTER_SERVER_NAME: controlPlane.serverName ?? '',
      CLUSTER_CERTIFICATE_SECRET: resources.certificateSecretArn,
      DATA_PLANE_VERSIONS: options.dataPlaneVersions.join(','),
      CUSTOM_PLUGINS: controlPlane.customPlugins.join(','),
      BUCKET: resources.bucket,
      ENCRYPTION_KEY_ARN: resources.encryptionKeyArn,
      SIGNING_KEY_ARN: resources.signingKeyArn,
      OBJECT_LOCK_DAYS: String(settings.objectLockDays),
      QUEUE_URL: resources.queue.url,
      SETTLE_SECONDS: String(settings.settleSeconds),
      CLOCK_TOLERANCE_SECONDS: String(settings.clockToleranceSeconds),
      MINIMUM_INTERVAL_SECONDS: String(settings.minimumIntervalSeconds),
    };
    const presignVariables: PresignVariables = {
      CONTROL_PLANE: name,
      BUCKET: resources.bucket,
      DATA_PLANE_VERSIONS: options.dataPlaneVersions.join(','),
      URL_LIFETIME_SECONDS: String(settings.urlLifetimeSeconds),
      ...trustVariables(settings.dataPlaneAuth),
    };
    const { roles } = deployment;
    const exportRole = role(roles.export);
    const presignRole = role(roles.presign);
    const webhook = start('webhook', { ...webhookVariables }, role(roles.webhook), 10);
    const exporter = start('export', { ...exportVariables }, exportRole, exportTimeoutSeconds);
    const presign = start('presign', { ...presignVariables }, presignRole, 10);
    aws.lambda.createFunction(functionName(name, 'presign'), presign.invoke);

    const sqsOf = (identity: Identity) =>
      new SQSClient({
        region,
        endpoint: aws.endpoints.AWS_ENDPOINT_URL_SQS,
        credentials: identity,
      });
    const eventSource = startEventSource({
      sqs: sqsOf(exportRole),
      queueUrl: resources.queue.url,
      queueArn: resources.queue.arn,
      region,
      function: exporter,
      batchSize: 10,
    });
    started({
      async stop() {
        // Ctrl-C does not wait for an export that waits for its control plane: it publishes in one step, or not at all.
        await Promise.all([eventSource.stop(), exporter.stop()]);
      },
    });
    const schedule = started(
      startSchedule({
        sqs: sqsOf(role(roles.schedule)),
        queueUrl: resources.queue.url,
        controlPlane: name,
        everyMinutes: settings.scheduleMinutes,
      }),
    );
    const api = started(
      await startHttpApi({
        region,
        accountId,
        identities: aws.identities,
        guard,
        now: () => new Date(),
        port: options.port,
        routes: [
          {
            method: 'POST',
            path: '/control-planes/{controlPlane}/events',
            authorization: 'none',
            function: webhook,
          },
          {
            method: 'GET',
            path: `/control-planes/${name}/fallback-config`,
            authorization: 'iam',
            function: presign,
          },
          {
            method: 'POST',
            path: `/control-planes/${name}/fallback-config`,
            authorization: 'none',
            function: presign,
          },
        ],
      }),
    );
    const administrator = role(roles.administrator);
    const administratorSqs = sqsOf(administrator);
    const s3Of = (credentials: Identity) =>
      new S3Client({
        region,
        endpoint: aws.endpoints.AWS_ENDPOINT_URL_S3,
        credentials,
        requestChecksumCalculation: 'WHEN_REQUIRED',
      });
    return {
      region,
      apiUrl: api.url,
      webhookUrl: `${api.url}/control-planes/${name}/events`,
      hookSecret: resources.hookSecret,
      bucket: resources.bucket,
      signingKeyArn: resources.signingKeyArn,
      grantFunctionArn: resources.presignFunctionArn,
      awsEndpoints: aws.endpoints,
      dataPlane: role(roles.dataPlane),
      administrator,
      clients: {
        reader: s3Of(presignRole),
        s3: s3Of(administrator),
        kms: new KMSClient({
          region,
          endpoint: aws.endpoints.AWS_ENDPOINT_URL_KMS,
          credentials: administrator,
        }),
      },
      ringSchedule: schedule.ring,
      isIdle: () => isEmpty(administratorSqs, resources.queue.url),
      exportCount: eventSource.invocations,
      measurements: () => measured,
      logDirectory,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isEmpty(sqs: SQSClient, queueUrl: string): Promise<boolean> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
  );
  const {
    ApproximateNumberOfMessages,
    ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
  } = Attributes;
  return [
    ApproximateNumberOfMessages,
    ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
  ].every((count) => count === '0');
}

/** The deployment's own settings and defaults, for this one control plane. */
function settingsOf(options: LocalSystemOptions): Settings {
  const { controlPlane, dataPlaneVersions, urlLifetimeSeconds, objectLockDays } = options;
  const { name, clusterEndpoint, mtls, serverName, customPlugins, certificate } = controlPlane;
  return parseSettings({
    controlPlanes: {
      [name]: {
        clusterEndpoint,
        clusterMtls: mtls,
        ...(serverName === undefined ? {} : { clusterServerName: serverName }),
        dataPlaneVersions,
        customPlugins,
      },
    },
    dataPlaneAuth: DataPlaneAuth.anyOf(DataPlaneAuth.iam(), ofCluster(certificate)),
    ...(urlLifetimeSeconds === undefined ? {} : { urlLifetimeSeconds }),
    ...(objectLockDays === undefined ? {} : { objectLockDays }),
  });
}

/** In shared mode the certificate is the data planes' own; in PKI mode its authority issues theirs. */
function ofCluster({ certificate, ca }: ClusterCertificate): DataPlaneAuth {
  return DataPlaneAuth.clusterCertificate(
    ca === undefined
      ? { certificates: pemCertificates(certificate).slice(0, 1) }
      : { authorities: pemCertificates(ca) },
  );
}

function functionName(controlPlane: string, entry: string): string {
  return `lifeboat-${controlPlane}-${entry}`;
}

function createResources(
  aws: LocalAws,
  { controlPlane }: LocalSystemOptions,
  { coalescingWindowSeconds, objectLockDays }: Settings,
) {
  const { name, certificate } = controlPlane;
  const encryptionKeyArn = aws.kms.createKey('lifeboat-encryption', 'SYMMETRIC_DEFAULT');
  const bucket = 'lifeboat-vault';
  aws.s3.createBucket(bucket, { defaultKeyId: encryptionKeyArn, objectLock: objectLockDays > 0 });
  const deadLetters = `lifeboat-${name}-dead-letters.fifo`;
  aws.sqs.createQueue(deadLetters);
  const hookSecret = randomBytes(30).toString('base64url');
  return {
    bucket,
    encryptionKeyArn,
    signingKeyArn: aws.kms.createKey('lifeboat-signing', 'ECC_NIST_P256'),
    queue: aws.sqs.createQueue(`lifeboat-${name}.fifo`, {
      delaySeconds: coalescingWindowSeconds + 1,
      visibilityTimeoutSeconds: exportTimeoutSeconds + 30,
      contentBasedDeduplication: true,
      redrive: { deadLetterQueue: deadLetters, maxReceiveCount: 10 },
    }),
    presignFunctionArn: aws.lambda.arnOf(functionName(name, 'presign')),
    hookSecret,
    hookSecretArn: aws.secretsManager.createSecret(`lifeboat/${name}/event-hook`, hookSecret),
    certificateSecretArn: aws.secretsManager.createSecret(
      `lifeboat/${name}/cluster-certificate`,
      JSON.stringify(certificate),
    ),
  };
}

async function bundleFunctions(directory: string) {
  const entries = {
    webhook: join(directory, 'webhook.mjs'),
    export: join(directory, 'export.mjs'),
    presign: join(directory, 'presign.mjs'),
  } as const;
  const runtime = join(directory, 'runtime.mjs');
  await Promise.all([
    ...Object.entries(entries).map(([entry, file]) => bundleEntry(`lambdas/${entry}.ts`, file)),
    bundleEntry('simulators/aws/lambda-runtime.ts', runtime),
  ]);
  return { entries, runtime };
}

function credentialVariables({ accessKeyId, secretAccessKey, sessionToken }: Identity) {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
}

/** The values of one line in the embedded metric format. */
function measurementsIn(line: Readonly<Record<string, unknown>>): readonly Measurement[] {
  const { CloudWatchMetrics = [] } = line['_aws'] as {
    readonly CloudWatchMetrics?: readonly { readonly Metrics: readonly { readonly Name: string }[] }[];
  };
  return CloudWatchMetrics.flatMap(({ Metrics }) =>
    Metrics.flatMap(({ Name }) => [line[Name]].flat().map((value) => ({ name: Name, value: Number(value) }))),
  );
}
