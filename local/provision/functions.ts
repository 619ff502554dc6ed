import { basename, join } from 'node:path';
import * as v from 'valibot';
import { defaultEventInvokeConfig } from '../../simulators/aws/asynchronous-invocation.ts';
import { credentialVariables } from '../../simulators/aws/identities.ts';
import { lambdaFunction } from '../../simulators/aws/lambda-function.ts';
import { type Account, assumeRole, findFunction, type Measurement, requireAllowed } from './account.ts';
import { resourceType, withoutEffect } from './resource-type.ts';

export const functionType = resourceType(
  {
    Code: v.strictObject({ S3Bucket: v.string(), S3Key: v.string() }),
    Handler: v.literal('index.handler'),
    Role: v.string(),
    Environment: v.strictObject({ Variables: v.record(v.string(), v.string()) }),
    Timeout: v.optional(v.number(), 3),
    MemorySize: v.optional(v.number(), 128),
    LoggingConfig: v.strictObject({ LogFormat: v.literal('JSON'), LogGroup: v.string() }),
    // What runs here is Node.
    Runtime: v.pipe(v.string(), v.startsWith('nodejs')),
    Architectures: withoutEffect,
    Description: withoutEffect,
    Tags: withoutEffect,
  },
  (account, logicalId, properties, metadata) => {
    const { aws, region, logDirectory, refusals } = account;
    const arn = aws.lambda.arnOf(logicalId);
    const identity = assumeRole(account, 'lambda.amazonaws.com', properties.Role, logicalId);
    const codeFolder = metadata['aws:asset:path'];
    if (typeof codeFolder !== 'string') {
      throw new Error('its metadata say nothing of its code: synthesize with asset metadata');
    }
    const logFile = join(logDirectory, `${basename(codeFolder)}.log`);
    aws.logs.putLogGroup(properties.LoggingConfig.LogGroup, logFile);
    const lambda = lambdaFunction({
      name: logicalId,
      bundle: join(codeFolder, 'index.mjs'),
      runtime: account.runtime,
      timeoutSeconds: properties.Timeout,
      memorySizeMb: properties.MemorySize,
      logFile,
      environment: {
        ...properties.Environment.Variables,
        ...aws.endpoints,
        ...credentialVariables(identity),
        AWS_REGION: region,
        AWS_LAMBDA_LOG_GROUP_NAME: properties.LoggingConfig.LogGroup,
        // The SDK's version is pinned; its notice of a later one belongs into no log.
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      },
      onMetrics: (metrics) => {
        const { DEPLOYMENT } = properties.Environment.Variables;
        if (DEPLOYMENT === undefined || metrics['Deployment'] !== DEPLOYMENT) {
          refusals.push(
            `${logicalId} measures for ${metrics['Deployment'] ?? 'no deployment'}, and its DEPLOYMENT is ${DEPLOYMENT ?? 'not set'}`,
          );
        }
        account.measurements.push(...measurementsIn(metrics, logicalId));
      },
      onInvoked: (durationMs, hasFailed) => {
        const invocation = {
          at: new Date(),
          namespace: 'AWS/Lambda',
          functionId: logicalId,
          dimensions: { FunctionName: logicalId },
        };
        account.measurements.push(
          { ...invocation, name: 'Invocations', value: 1 },
          { ...invocation, name: 'Errors', value: Number(hasFailed) },
          { ...invocation, name: 'Duration', value: durationMs },
        );
      },
      onLog: (line) => {
        if (line.includes('"service":"service_undefined"')) {
          refusals.push(`${logicalId} logs without a service name: POWERTOOLS_SERVICE_NAME is not set`);
        }
      },
    });
    account.running.push(lambda);
    account.functions.push({ name: logicalId, arn, identity, lambda });
    aws.lambda.createFunction(logicalId, lambda.invoke);
    // On AWS a function whose role may not log runs all the same, and its log is lost without an error.
    requireAllowed(
      account,
      `${logicalId}: its log would be lost.`,
      identity.principalArn,
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      `${logGroupArn(account, properties.LoggingConfig.LogGroup)}:log-stream:local`,
    );
    account.checks.push(() => lambda.load());
    return { ref: logicalId, arn };
  },
);

interface EmbeddedMetrics {
  readonly Timestamp: number;
  readonly CloudWatchMetrics?: readonly {
    readonly Namespace: string;
    readonly Metrics: readonly { readonly Name: string }[];
    readonly Dimensions: readonly (readonly string[])[];
  }[];
}

/** The values of one line in the embedded metric format. */
function measurementsIn(line: Readonly<Record<string, unknown>>, functionId: string): readonly Measurement[] {
  const { CloudWatchMetrics = [], Timestamp } = line['_aws'] as EmbeddedMetrics;
  const at = new Date(Timestamp);
  return CloudWatchMetrics.flatMap(({ Namespace: namespace, Metrics, Dimensions: [names = []] }) => {
    const dimensions = Object.fromEntries(names.map((name) => [name, String(line[name])]));
    return Metrics.flatMap(({ Name: name }) =>
      [line[name]]
        .flat()
        .map((value) => ({ at, namespace, functionId, name, dimensions, value: Number(value) })),
    );
  });
}

export const eventInvokeConfigType = resourceType(
  {
    FunctionName: v.string(),
    Qualifier: v.literal('$LATEST'),
    MaximumRetryAttempts: v.optional(v.number(), defaultEventInvokeConfig.maximumRetryAttempts),
    MaximumEventAgeInSeconds: v.optional(v.number(), defaultEventInvokeConfig.maximumEventAgeSeconds),
  },
  (account, logicalId, { FunctionName, MaximumRetryAttempts, MaximumEventAgeInSeconds }) => {
    account.eventInvokeConfigs.set(findFunction(account, FunctionName).arn, {
      maximumRetryAttempts: MaximumRetryAttempts,
      maximumEventAgeSeconds: MaximumEventAgeInSeconds,
    });
    return { ref: logicalId, arn: '' };
  },
);

export const permissionType = resourceType(
  { Action: v.string(), FunctionName: v.string(), Principal: v.string(), SourceArn: v.string() },
  (account, logicalId, { Action, FunctionName, Principal, SourceArn }) => {
    account.permissions.push({
      functionArn: findFunction(account, FunctionName).arn,
      principal: Principal,
      action: Action,
      sourceArn: SourceArn,
    });
    return { ref: logicalId, arn: '' };
  },
);

export const logGroupType = resourceType(
  {
    KmsKeyId: v.optional(v.string()),
    LogGroupName: v.optional(v.string()),
    RetentionInDays: withoutEffect,
    Tags: withoutEffect,
  },
  (account, logicalId, { KmsKeyId, LogGroupName: name = `Lifeboat-${logicalId}` }) => {
    const arn = logGroupArn(account, name);
    if (KmsKeyId !== undefined) {
      requireAllowed(
        account,
        `${logicalId}: CloudWatch Logs may not use its key.`,
        `logs.${account.region}.amazonaws.com`,
        ['kms:GenerateDataKey', 'kms:Decrypt'],
        KmsKeyId,
        { 'kms:EncryptionContext:aws:logs:arn': arn },
      );
    }
    // CloudFormation gives the ARN of a log group with all of its streams.
    return { ref: name, arn: `${arn}:*` };
  },
);

function logGroupArn({ region, accountId }: Account, name: string): string {
  return `arn:aws:logs:${region}:${accountId}:log-group:${name}`;
}
