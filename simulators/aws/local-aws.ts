import { mkdirSync } from 'node:fs';
import type { Guard } from './access.ts';
import { type LocalCloudFormation, startLocalCloudFormation } from './cloudformation.ts';
import { type LocalCloudWatch, startLocalCloudWatch } from './cloudwatch.ts';
import { type Identities, localIdentities } from './identities.ts';
import { type LocalKms, startLocalKms } from './kms.ts';
import { type LocalLambda, startLocalLambda } from './lambda.ts';
import { type LocalLogs, startLocalLogs } from './logs.ts';
import { type LocalS3, startLocalS3 } from './s3.ts';
import { type LocalSecretsManager, startLocalSecretsManager } from './secrets-manager.ts';
import type { RunningService, ServiceContext } from './signed-server.ts';
import { type LocalSqs, startLocalSqs } from './sqs.ts';
import { startLocalSts } from './sts.ts';

export interface LocalAwsOptions {
  /**
   * Keys and objects are kept here, for the next start; queues and secrets are not kept. Made where missing.
   */
  readonly dataDirectory: string;
  readonly region: string;
  /** 12 digits. */
  readonly accountId: string;
  /** @default the system's clock */
  readonly now?: () => Date;
  /**
   * Policies that every request is checked against. @default every request with a valid signature is allowed
   */
  readonly guard?: Guard | undefined;
}

type EndpointVariable =
  `AWS_ENDPOINT_URL_${'S3' | 'KMS' | 'SQS' | 'SECRETS_MANAGER' | 'LAMBDA' | 'CLOUDFORMATION' | 'CLOUDWATCH' | 'CLOUDWATCH_LOGS' | 'STS'}`;

export interface LocalAws {
  /** By the variables that AWS SDKs read (AWS SDKs Reference Guide, "Service-specific endpoints"). */
  readonly endpoints: Readonly<Record<EndpointVariable, string>>;
  readonly identities: Identities;
  readonly s3: LocalS3;
  readonly kms: LocalKms;
  readonly sqs: LocalSqs;
  readonly secretsManager: LocalSecretsManager;
  readonly lambda: LocalLambda;
  readonly cloudFormation: LocalCloudFormation;
  readonly cloudWatch: LocalCloudWatch;
  readonly logs: LocalLogs;
  stop(): Promise<void>;
}

/** Starts the services on 127.0.0.1; when one of them cannot start, none is left running. */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const { dataDirectory, region, accountId, now = () => new Date() } = options;
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const identities = localIdentities();
  const context: ServiceContext = { region, accountId, identities, now, guard: options.guard };
  const running: RunningService[] = [];
  const stop = async () => {
    await Promise.all(running.map((service) => service.stop()));
  };
  const started = async <T extends RunningService>(starting: Promise<T>): Promise<T> => {
    const service = await starting;
    running.push(service);
    return service;
  };
  try {
    const kms = await started(startLocalKms(dataDirectory, context));
    const s3 = await started(startLocalS3(dataDirectory, kms, context));
    const sqs = await started(startLocalSqs(context));
    const secretsManager = await started(startLocalSecretsManager(context));
    const lambda = await started(startLocalLambda(context));
    const cloudFormation = await started(startLocalCloudFormation(context));
    const cloudWatch = await started(startLocalCloudWatch(context));
    const logs = await started(startLocalLogs(context));
    const sts = await started(startLocalSts(context));
    return {
      endpoints: {
        AWS_ENDPOINT_URL_S3: s3.endpoint,
        AWS_ENDPOINT_URL_KMS: kms.endpoint,
        AWS_ENDPOINT_URL_SQS: sqs.endpoint,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.endpoint,
        AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
        AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.endpoint,
        AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.endpoint,
        AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: logs.endpoint,
        AWS_ENDPOINT_URL_STS: sts.endpoint,
      },
      identities,
      s3,
      kms,
      sqs,
      secretsManager,
      lambda,
      cloudFormation,
      cloudWatch,
      logs,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
