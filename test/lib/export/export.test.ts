import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { parseExportCommand } from '../../../core/intake/export-command.ts';
import { exportEnvironment } from '../../../lambdas/environment/export.ts';
import {
  account,
  controlPlaneNames,
  deploy,
  environment,
  granted,
  logRights,
  ofType,
  one,
  region,
  rights,
  role,
  twoControlPlanes,
} from '../deployment.ts';

const deployment = deploy(twoControlPlanes);
const bucket = one(deployment, 'AWS::S3::Bucket');
const encryptionKey = one(deployment, 'AWS::KMS::Key', 'EncryptionKey');
const signingKey = one(deployment, 'AWS::KMS::Key', 'SigningKey');
const lambdaFunction = (...words: readonly string[]) => one(deployment, 'AWS::Lambda::Function', ...words);
const queue = (controlPlane: string) => one(deployment, 'AWS::SQS::Queue', `Export${controlPlane}Queue`);
const deadLetters = (controlPlane: string) =>
  one(deployment, 'AWS::SQS::Queue', `Export${controlPlane}DeadLetters`);
const secret = (controlPlane: string, name: string) =>
  one(deployment, 'AWS::SecretsManager::Secret', `Export${controlPlane}${name}`);
const schedule = (controlPlane: string) =>
  one(deployment, 'AWS::Scheduler::Schedule', `Export${controlPlane}Schedule`);
const files = `${bucket.arn}/prod/*/config.json`;
const status = `${bucket.arn}/status/prod.json`;

describe('the export of a control plane', () => {
  it('may publish, sign, read its certificate and empty its queue, no more', () => {
    const may = rights(deployment, role(deployment, 'ExportRole', 'prod'));

    expect(may).toEqual(
      [
        `Allow s3:PutObject ${files}`,
        `Allow s3:PutObject ${status}`,
        `Allow s3:GetObject ${files}`,
        `Allow s3:GetObjectVersion ${files}`,
        `Allow s3:GetObject ${status}`,
        `Allow s3:ListBucket ${bucket.arn}`,
        `Allow s3:ListBucketVersions ${bucket.arn}`,
        `Allow s3:GetBucketVersioning ${bucket.arn}`,
        `Allow kms:GenerateDataKey ${encryptionKey.arn}`,
        `Allow kms:Decrypt ${encryptionKey.arn}`,
        `Allow kms:Sign ${signingKey.arn}`,
        `Allow kms:GetPublicKey ${signingKey.arn}`,
        `Allow secretsmanager:GetSecretValue ${secret('prod', 'ClusterCertificate').arn}`,
        `Allow secretsmanager:DescribeSecret ${secret('prod', 'ClusterCertificate').arn}`,
        `Allow sqs:ReceiveMessage ${queue('prod').arn}`,
        `Allow sqs:DeleteMessage ${queue('prod').arn}`,
        `Allow sqs:ChangeMessageVisibility ${queue('prod').arn}`,
        `Allow sqs:GetQueueAttributes ${queue('prod').arn}`,
        `Allow sqs:GetQueueUrl ${queue('prod').arn}`,
        // What an operator asks for by command.
        `Allow sqs:SendMessage ${queue('prod').arn}`,
        ...logRights(deployment, 'Exportprod'),
      ].sort(),
    );
  });

  it('reads the settings of its control plane', () => {
    const read = controlPlaneNames.map((controlPlane) =>
      v.parse(exportEnvironment, environment(lambdaFunction(`Export${controlPlane}`))),
    );

    const shared = {
      BUCKET: bucket.arn.replace('arn:aws:s3:::', ''),
      ENCRYPTION_KEY_ARN: encryptionKey.arn,
      SIGNING_KEY_ARN: signingKey.arn,
      FURTHER_SIGNING_KEY_ARNS: [],
      RETIRED_SIGNING_KEYS: [],
      OBJECT_LOCK_DAYS: 0,
      OPERATORS: [],
      SCHEDULE_MINUTES: 7,
      SETTLE_SECONDS: 8,
      CLOCK_TOLERANCE_SECONDS: 2,
      MINIMUM_INTERVAL_SECONDS: 4,
    };
    const queueUrl = (controlPlane: string) =>
      `https://sqs.${region}.amazonaws.com/${account}/${queue(controlPlane).arn.split(':').at(-1)}`;
    expect(read).toEqual([
      {
        ...shared,
        CONTROL_PLANE: 'prod',
        CLUSTER_ENDPOINT: 'kong-cp.example.com:8005',
        CLUSTER_MTLS: 'shared',
        CLUSTER_SERVER_NAME: '',
        CLUSTER_CERTIFICATE_SECRET: secret('prod', 'ClusterCertificate').arn,
        PROXY_SERVER: '',
        PROXY_SECRET: '',
        DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
        CUSTOM_PLUGINS: ['my-plugin'],
        WASM_FILTERS: ['my-filter', 'other-filter'],
        MAX_FRAME_MIB: 128,
        QUEUE_URL: queueUrl('prod'),
        GUARD: { minimumEntities: 20, maximumLossPercent: 30 },
      },
      {
        ...shared,
        CONTROL_PLANE: 'staging',
        CLUSTER_ENDPOINT: 'kong-cp.internal:8005',
        CLUSTER_MTLS: 'pki',
        CLUSTER_SERVER_NAME: 'kong-cp',
        CLUSTER_CERTIFICATE_SECRET: secret('staging', 'ClusterCertificate').arn,
        PROXY_SERVER: '',
        PROXY_SECRET: '',
        DATA_PLANE_VERSIONS: ['3.9.0'],
        CUSTOM_PLUGINS: [],
        WASM_FILTERS: [],
        MAX_FRAME_MIB: 64,
        QUEUE_URL: queueUrl('staging'),
        GUARD: 'off',
      },
    ]);
  });

  it.each([
    ['an IPv6 address', { clusterEndpoint: '[fd00::7]:8005' }, true],
    ['a proxy at an IPv6 address', { proxyServer: 'http://[fd00::7]:3128' }, true],
    [
      'an IPv6 address behind a proxy',
      { clusterEndpoint: '[fd00::7]:8005', proxyServer: 'http://10.0.0.7:3128' },
      undefined,
    ],
    ['a name', {}, undefined],
  ])('may call %s from its network', (_, settings, expected) => {
    const vpc = {
      vpcId: 'vpc-0000000a',
      availabilityZones: ['eu-central-1a'],
      subnetIds: ['subnet-0000000a'],
      securityGroupIds: ['sg-0000000a'],
    };
    const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'], vpc, ...settings };

    const { properties } = one(
      deploy({ controlPlanes: { prod: unit } }),
      'AWS::Lambda::Function',
      'Exportprod',
    );

    expect(properties).toMatchObject({ VpcConfig: { SubnetIds: ['subnet-0000000a'] } });
    expect((properties['VpcConfig'] as Record<string, unknown>)['Ipv6AllowedForDualStack']).toBe(expected);
  });

  it('has the memory that its control plane asks for', () => {
    const memory = (name: string) => lambdaFunction(`Export${name}`).properties['MemorySize'];

    expect([memory('prod'), memory('staging')]).toEqual([1200, 1024]);
  });

  it('is in the network of a private control plane, and nothing else is', () => {
    const networks = ofType(deployment, 'AWS::Lambda::Function')
      .filter(({ properties }) => 'VpcConfig' in properties)
      .map(({ id, properties }) => [id, properties['VpcConfig']]);

    expect(networks).toEqual([
      [
        lambdaFunction('Exportstaging').id,
        { SubnetIds: ['subnet-0000000a', 'subnet-0000000b'], SecurityGroupIds: ['sg-0000000a'] },
      ],
    ]);
  });

  it('lets Lambda attach it to that network, and may touch none itself', () => {
    const inNetwork = (name: string) =>
      granted(deployment, role(deployment, 'ExportRole', name)).filter(({ Action }) =>
        Action.some((action) => action.startsWith('ec2:')),
      );

    const [attach, notFromCode] = inNetwork('staging');
    expect(inNetwork('prod')).toEqual([]);
    expect(inNetwork('staging')).toHaveLength(2);
    expect(attach).toMatchObject({ Effect: 'Allow', Condition: {} });
    expect(notFromCode).toMatchObject({
      Effect: 'Deny',
      Action: attach?.Action,
      Condition: {
        ArnLike: { 'lambda:SourceFunctionArn': [`arn:aws:lambda:${region}:${account}:function:*`] },
      },
    });
  });
});

describe('the queue of a control plane', () => {
  it.each(controlPlaneNames)(
    'is FIFO, waits for the window to end, and outlasts its function: %s',
    (name) => {
      expect(queue(name).properties).toMatchObject({
        FifoQueue: true,
        ContentBasedDeduplication: true,
        DelaySeconds: 4,
        VisibilityTimeout: 150,
        SqsManagedSseEnabled: true,
        RedrivePolicy: { deadLetterTargetArn: deadLetters(name).arn, maxReceiveCount: 10 },
      });
      expect(lambdaFunction(`Export${name}`).properties['Timeout']).toBe(120);
    },
  );

  it.each(controlPlaneNames)('puts what nobody can read aside, for two weeks: %s', (name) => {
    expect(deadLetters(name).properties).toMatchObject({
      FifoQueue: true,
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 24 * 3600,
    });
  });

  it('is spoken to over TLS only, as are its dead letters', () => {
    const denied = ofType(deployment, 'AWS::SQS::QueuePolicy').map(
      ({ properties }) => properties['PolicyDocument'],
    );

    const queues = controlPlaneNames.flatMap((name) => [queue(name), deadLetters(name)]);
    expect(denied).toHaveLength(queues.length);
    for (const { arn } of queues) {
      expect(denied).toContainEqual({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 'sqs:*',
            Resource: arn,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      });
    }
  });

  it.each(controlPlaneNames)(
    'feeds its own export, ten messages at a time, which may put each back: %s',
    (name) => {
      const { properties } = one(deployment, 'AWS::Lambda::EventSourceMapping', `Export${name}`);

      expect(properties).toMatchObject({
        EventSourceArn: queue(name).arn,
        FunctionName: lambdaFunction(`Export${name}`).id,
        BatchSize: 10,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
    },
  );
});

describe('the schedule of a control plane', () => {
  it.each(controlPlaneNames)('asks for an export of %s', (name) => {
    const { properties } = schedule(name);

    expect(properties).toMatchObject({
      ScheduleExpression: 'rate(7 minutes)',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: queue(name).arn,
        SqsParameters: { MessageGroupId: name },
        RetryPolicy: { MaximumRetryAttempts: 0 },
      },
    });
  });

  it('sends what the export understands, with the time that keeps two messages apart', () => {
    const { Target } = v.parse(
      v.object({ Target: v.object({ Input: v.string() }) }),
      schedule('prod').properties,
    );
    // EventBridge Scheduler User Guide, "Adding context attributes".
    const sent = Target.Input.replace('<aws.scheduler.scheduled-time>', '2026-10-09T08:05:00Z');

    const command = parseExportCommand(sent);

    expect(sent).not.toBe(Target.Input);
    expect(command).toEqual({
      command: 'export',
      version: 1,
      cause: 'schedule',
      at: new Date('2026-10-09T08:05:00Z'),
    });
  });

  it.each(controlPlaneNames)('of %s may send into its queue, no more', (controlPlane) => {
    const { Target } = v.parse(
      v.object({ Target: v.object({ RoleArn: v.string() }) }),
      schedule(controlPlane).properties,
    );
    const scheduleRole = ofType(deployment, 'AWS::IAM::Role').find(({ arn }) => arn === Target.RoleArn);

    const may = scheduleRole === undefined ? [] : rights(deployment, scheduleRole);

    expect(may).toEqual([`Allow sqs:SendMessage ${queue(controlPlane).arn}`]);
  });
});

describe('the secrets of a control plane', () => {
  it('may be the deployer’s own', () => {
    const arn = (name: string) => `arn:aws:secretsmanager:${region}:${account}:secret:kong/${name}-AbCdEf`;
    const own = deploy({
      controlPlanes: {
        prod: {
          clusterEndpoint: 'cp:8005',
          dataPlaneVersions: ['3.9.1'],
          clusterCertificateSecretArn: arn('cluster'),
          eventHookSecretArn: arn('hook'),
        },
      },
    });

    const readers = ['ExportRole', 'PresignRole', 'IntakeRole'].map((name) =>
      rights(own, role(own, name)).filter((right) => right.includes('GetSecretValue')),
    );

    own.template.resourceCountIs('AWS::SecretsManager::Secret', 0);
    expect(readers).toEqual([
      [`Allow secretsmanager:GetSecretValue ${arn('cluster')}`],
      [],
      [`Allow secretsmanager:GetSecretValue ${arn('hook')}`],
    ]);
    expect(own.outputs).toMatchObject({
      HookSecretArnprod: arn('hook'),
      ClusterCertificateArnprod: arn('cluster'),
    });
  });

  it('are three where a forward proxy asks for credentials', () => {
    const arn = `arn:aws:secretsmanager:${region}:${account}:secret:proxy-AbCdEf`;
    const proxied = deploy({
      controlPlanes: {
        prod: {
          clusterEndpoint: 'cp:8005',
          dataPlaneVersions: ['3.9.1'],
          proxyServer: 'http://proxy.example.com:3128',
          proxySecretArn: arn,
          listen: true,
        },
      },
    });

    const read = v.parse(exportEnvironment, environment(one(proxied, 'AWS::Lambda::Function', 'Exportprod')));
    const readers = ['ExportRole', 'ListenprodRole', 'PresignRole', 'IntakeRole'].map((name) =>
      rights(proxied, role(proxied, name)).includes(`Allow secretsmanager:GetSecretValue ${arn}`),
    );

    expect(read).toMatchObject({ PROXY_SERVER: 'http://proxy.example.com:3128', PROXY_SECRET: arn });
    expect(readers).toEqual([true, true, false, false]);
  });

  it('are a hook secret that survives every shell, and a form for its certificate', () => {
    expect(secret('prod', 'HookSecret').properties['GenerateSecretString']).toEqual({
      PasswordLength: 48,
      ExcludePunctuation: true,
    });
    expect(secret('prod', 'ClusterCertificate').properties['GenerateSecretString']).toEqual({
      SecretStringTemplate: '{"certificate":"","key":""}',
      GenerateStringKey: 'unused',
    });
  });
});
