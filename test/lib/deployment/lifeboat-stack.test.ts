import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { certificateFingerprint } from '../../../core/access/cluster-trust.ts';
import { parseExportCommand } from '../../../core/intake/export-command.ts';
import { exportEnvironment } from '../../../lambdas/environment/export.ts';
import { presignEnvironment } from '../../../lambdas/environment/presign.ts';
import { webhookEnvironment } from '../../../lambdas/environment/webhook.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import {
  account,
  type Deployment,
  deploy,
  granted,
  ofType,
  one,
  type Resource,
  region,
  role,
  twoControlPlanes,
} from '../deployment.ts';
import type { Statement } from '../policy.ts';

const deployment = deploy(twoControlPlanes);
const { template } = deployment;
const controlPlanes = ['prod', 'staging'] as const;
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

const withEnvironment = v.object({ Environment: v.object({ Variables: v.record(v.string(), v.string()) }) });

function environment({ properties }: Resource): Readonly<Record<string, string>> {
  return v.parse(withEnvironment, properties).Environment.Variables;
}

/** What it is refused with. */
function failure(attempt: () => void): string {
  try {
    attempt();
  } catch (error) {
    return String(error);
  }
  return 'no failure';
}

/** `Effect action resource`, a line each. */
function rights(of: Resource, from: Deployment = deployment): readonly string[] {
  return granted(from, of)
    .flatMap(({ Effect, Action, Resource = [] }) =>
      Action.flatMap((action) => Resource.map((resource) => `${Effect} ${action} ${resource}`)),
    )
    .sort();
}

describe('a role', () => {
  const files = `${bucket.arn}/prod/*/config.json`;
  const status = `${bucket.arn}/status/prod.json`;
  const logRights = (...words: readonly string[]) => {
    const { arn } = one(deployment, 'AWS::Logs::LogGroup', ...words);
    return [`Allow logs:CreateLogStream ${arn}`, `Allow logs:PutLogEvents ${arn}`];
  };

  it('of an export publishes, signs, reads its certificate and empties its queue, no more', () => {
    const may = rights(role(deployment, 'ExportRole', 'prod'));

    expect(may).toEqual(
      [
        `Allow s3:PutObject ${files}`,
        `Allow s3:PutObject ${status}`,
        `Allow s3:GetObject ${files}`,
        `Allow s3:GetObjectVersion ${files}`,
        `Allow s3:GetObject ${status}`,
        `Allow s3:ListBucket ${bucket.arn}`,
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
        ...logRights('Exportprod'),
      ].sort(),
    );
  });

  it('of a presign function reads the files of its control plane, no more', () => {
    const may = rights(role(deployment, 'PresignRole', 'prod'));

    expect(may).toEqual(
      [
        `Allow s3:GetObject ${files}`,
        `Allow s3:GetObjectVersion ${files}`,
        `Allow s3:ListBucket ${bucket.arn}`,
        `Allow kms:Decrypt ${encryptionKey.arn}`,
        ...logRights('Presignprod'),
      ].sort(),
    );
  });

  it('of the webhook function reads hook secrets and asks for exports, no more', () => {
    const may = rights(role(deployment, 'IntakeRole'));

    expect(may).toEqual(
      [
        ...controlPlanes.flatMap((controlPlane) => [
          `Allow sqs:SendMessage ${queue(controlPlane).arn}`,
          `Allow secretsmanager:GetSecretValue ${secret(controlPlane, 'HookSecret').arn}`,
          `Allow secretsmanager:DescribeSecret ${secret(controlPlane, 'HookSecret').arn}`,
        ]),
        ...logRights('Intake'),
      ].sort(),
    );
  });

  it.each(controlPlanes)('of the schedule of %s sends into its queue, no more', (controlPlane) => {
    const { Target } = v.parse(
      v.object({ Target: v.object({ RoleArn: v.string() }) }),
      schedule(controlPlane).properties,
    );
    const scheduleRole = ofType(deployment, 'AWS::IAM::Role').find(({ arn }) => arn === Target.RoleArn);

    const may = scheduleRole === undefined ? [] : rights(scheduleRole);

    expect(may).toEqual([`Allow sqs:SendMessage ${queue(controlPlane).arn}`]);
  });

  it('has its rights from its own policy alone', () => {
    const others = [
      ...ofType(deployment, 'AWS::IAM::Role').filter(
        ({ properties }) => 'ManagedPolicyArns' in properties || 'Policies' in properties,
      ),
      ...ofType(deployment, 'AWS::IAM::ManagedPolicy'),
      ...ofType(deployment, 'AWS::IAM::User'),
    ];

    expect(others).toEqual([]);
  });

  it('names each action', () => {
    const actions = ofType(deployment, 'AWS::IAM::Role').flatMap((each) =>
      granted(deployment, each).flatMap(({ Action }) => Action),
    );

    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  it('names each resource, but for network interfaces that do not exist yet, and the versions of a file', () => {
    const patterns = ofType(deployment, 'AWS::IAM::Role').flatMap((each) =>
      granted(deployment, each)
        .filter(({ Effect }) => Effect === 'Allow')
        .flatMap(({ Sid, Resource = [] }) => Resource.map((resource) => `${Sid} ${resource}`)),
    );

    expect(new Set(patterns.filter((pattern) => pattern.includes('*')))).toEqual(
      new Set([
        'AttachToNetwork *',
        ...controlPlanes.flatMap((controlPlane) => [
          `Publish ${bucket.arn}/${controlPlane}/*/config.json`,
          `ReadFiles ${bucket.arn}/${controlPlane}/*/config.json`,
        ]),
      ]),
    );
  });

  it('is taken on by one service, which for schedules speaks for this account’s alone', () => {
    const trusted = ofType(deployment, 'AWS::IAM::Role').map(
      ({ properties }) => properties['AssumeRolePolicyDocument'],
    );

    const trust = (service: string, condition: object) => ({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: service }, ...condition },
      ],
    });
    const functions = Array.from({ length: 5 }, () => trust('lambda.amazonaws.com', {}));
    const schedules = Array.from({ length: 2 }, () =>
      trust('scheduler.amazonaws.com', {
        Condition: {
          StringEquals: {
            'aws:SourceAccount': account,
            'aws:SourceArn': `arn:aws:scheduler:${region}:${account}:schedule-group/default`,
          },
        },
      }),
    );
    expect(trusted).toHaveLength(7);
    expect(trusted).toEqual(expect.arrayContaining([...functions, ...schedules]));
    expect([...functions, ...schedules]).toEqual(expect.arrayContaining(trusted));
  });
});

describe('a function', () => {
  const all = ofType(deployment, 'AWS::Lambda::Function');

  it('runs on Node.js 24 on ARM64 with JSON logs', () => {
    expect(all).toHaveLength(5);
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogFormat: 'JSON' },
    });
  });

  it('logs into a group of its own, for the days of the settings', () => {
    const groups = all.map(({ properties }) => properties['LoggingConfig']);

    const retentions = ofType(deployment, 'AWS::Logs::LogGroup').map(({ id, properties }) => [
      id,
      properties['RetentionInDays'],
    ]);
    expect(new Set(groups.map((group) => JSON.stringify(group))).size).toBe(5);
    expect(retentions).toEqual(retentions.map(([id]) => [id, 90]));
    expect(retentions.map(([id]) => id)).toEqual(
      expect.arrayContaining(
        groups.map((group) => v.parse(v.object({ LogGroup: v.string() }), group).LogGroup),
      ),
    );
  });

  it.each([
    ['webhook', lambdaFunction('Intake'), webhookEnvironment],
    ...controlPlanes.flatMap((controlPlane) => [
      [`export of ${controlPlane}`, lambdaFunction(`Export${controlPlane}`), exportEnvironment] as const,
      [`presign of ${controlPlane}`, lambdaFunction(`Presign${controlPlane}`), presignEnvironment] as const,
    ]),
  ] as const)('is given what it reads, and nothing else: %s', (_name, resource, schema) => {
    const names = Object.keys(environment(resource));

    const own = names.filter((name) => !name.startsWith('POWERTOOLS_'));
    expect(own.sort()).toEqual(Object.keys(schema.entries).sort());
    expect(names).toEqual(
      expect.arrayContaining(['POWERTOOLS_SERVICE_NAME', 'POWERTOOLS_METRICS_NAMESPACE']),
    );
  });

  it('that exports reads the settings of its control plane', () => {
    const read = controlPlanes.map((controlPlane) =>
      v.parse(exportEnvironment, environment(lambdaFunction(`Export${controlPlane}`))),
    );

    const shared = {
      BUCKET: bucket.arn.replace('arn:aws:s3:::', ''),
      ENCRYPTION_KEY_ARN: encryptionKey.arn,
      SIGNING_KEY_ARN: signingKey.arn,
      OBJECT_LOCK_DAYS: 0,
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
        DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
        CUSTOM_PLUGINS: ['my-plugin'],
        QUEUE_URL: queueUrl('prod'),
      },
      {
        ...shared,
        CONTROL_PLANE: 'staging',
        CLUSTER_ENDPOINT: 'kong-cp.internal:8005',
        CLUSTER_MTLS: 'pki',
        CLUSTER_SERVER_NAME: 'kong-cp',
        CLUSTER_CERTIFICATE_SECRET: secret('staging', 'ClusterCertificate').arn,
        DATA_PLANE_VERSIONS: ['3.9.0'],
        CUSTOM_PLUGINS: [],
        QUEUE_URL: queueUrl('staging'),
      },
    ]);
  });

  it('that presigns reads the settings of its control plane', () => {
    const read = v.parse(presignEnvironment, environment(lambdaFunction('Presignprod')));

    expect(read).toEqual({
      CONTROL_PLANE: 'prod',
      BUCKET: bucket.arn.replace('arn:aws:s3:::', ''),
      DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
      URL_LIFETIME_SECONDS: 200,
      CLUSTER_CERTIFICATES: [],
      CLUSTER_AUTHORITIES: [],
      CLUSTER_COMMON_NAMES: [],
    });
  });

  it('that takes hooks knows queue and secret of each control plane', () => {
    const read = v.parse(webhookEnvironment, environment(lambdaFunction('Intake')));

    expect(read).toEqual({
      CONTROL_PLANES: Object.fromEntries(
        controlPlanes.map((controlPlane) => [
          controlPlane,
          {
            queueUrl: environment(lambdaFunction(`Export${controlPlane}`))['QUEUE_URL'],
            secretId: secret(controlPlane, 'HookSecret').arn,
          },
        ]),
      ),
      COALESCING_WINDOW_SECONDS: 3,
      ACCEPT_SHA1: false,
    });
  });

  it('finds no secret in its environment, only where secrets lie', () => {
    const environments = JSON.stringify(
      all.map(({ id }) => template.findResources('AWS::Lambda::Function')[id]?.['Properties'].Environment),
    );

    // How CloudFormation puts the value of a secret into a template.
    expect(environments).not.toContain('{{resolve:');
    expect(environments).not.toMatch(/BEGIN [A-Z ]*(CERTIFICATE|PRIVATE KEY)/);
  });
});

describe('the queue of a control plane', () => {
  it.each(controlPlanes)('is FIFO, waits for the window to end, and outlasts its function: %s', (name) => {
    expect(queue(name).properties).toMatchObject({
      FifoQueue: true,
      ContentBasedDeduplication: true,
      DelaySeconds: 4,
      VisibilityTimeout: 150,
      SqsManagedSseEnabled: true,
      RedrivePolicy: { deadLetterTargetArn: deadLetters(name).arn, maxReceiveCount: 10 },
    });
    expect(lambdaFunction(`Export${name}`).properties['Timeout']).toBe(120);
  });

  it.each(controlPlanes)('puts what nobody can read aside, for two weeks: %s', (name) => {
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

    const queues = controlPlanes.flatMap((name) => [queue(name), deadLetters(name)]);
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

  it.each(controlPlanes)(
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
  it.each(controlPlanes)('asks for an export of %s', (name) => {
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
});

describe('the HTTP API', () => {
  const hook = 'POST /control-planes/{controlPlane}/events';
  const grant = (name: string) => `GET /control-planes/${name}/fallback-config`;
  const stage = one(deployment, 'AWS::ApiGatewayV2::Stage');
  const integrations = ofType(deployment, 'AWS::ApiGatewayV2::Integration');

  it('lets anybody knock, and signed callers alone get a grant', () => {
    const routes = ofType(deployment, 'AWS::ApiGatewayV2::Route').map(({ properties }) => [
      properties['RouteKey'],
      properties['AuthorizationType'],
    ]);

    expect(new Map(routes as [string, string][])).toEqual(
      new Map([
        [hook, 'NONE'],
        [grant('prod'), 'AWS_IAM'],
        [grant('staging'), 'AWS_IAM'],
      ]),
    );
    expect(routes).toHaveLength(3);
  });

  it('takes assertions where data planes have cluster certificates, each route with its own throttle', () => {
    const both = deploy({
      ...twoControlPlanes,
      controlPlanes: {
        prod: {
          ...twoControlPlanes.controlPlanes.prod,
          dataPlaneAuth: { iam: true, clusterCertificate: { certificates: [exampleCertificate] } },
        },
        staging: {
          ...twoControlPlanes.controlPlanes.staging,
          dataPlaneAuth: {
            clusterCertificate: { authorities: [exampleCertificate], commonNames: ['dp', 'data plane'] },
          },
        },
      },
    });

    const authorizations = ofType(both, 'AWS::ApiGatewayV2::Route').map(({ properties }) => [
      properties['RouteKey'],
      properties['AuthorizationType'],
    ]);
    const post = (name: string) => grant(name).replace('GET', 'POST');
    expect(Object.fromEntries(authorizations)).toEqual({
      [hook]: 'NONE',
      [grant('prod')]: 'AWS_IAM',
      [post('prod')]: 'NONE',
      [post('staging')]: 'NONE',
    });
    expect(one(both, 'AWS::ApiGatewayV2::Stage').properties['RouteSettings']).toMatchObject({
      [grant('prod')]: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 200 },
      [post('prod')]: { ThrottlingRateLimit: 40, ThrottlingBurstLimit: 40 },
    });
    const trusted = (name: string) => {
      const read = v.parse(
        presignEnvironment,
        environment(one(both, 'AWS::Lambda::Function', `Presign${name}`)),
      );
      return [
        read.CLUSTER_CERTIFICATES,
        read.CLUSTER_AUTHORITIES.map(certificateFingerprint),
        read.CLUSTER_COMMON_NAMES,
      ];
    };
    const fingerprint = certificateFingerprint(new X509Certificate(exampleCertificate));
    expect(trusted('prod')).toEqual([[fingerprint], [], []]);
    expect(trusted('staging')).toEqual([[], [fingerprint], ['dp', 'data plane']]);
    expect(Object.keys(both.outputs).filter((name) => /^Grant(Arn|FunctionArn|Url)/.test(name))).toEqual([
      'GrantUrlprod',
      'GrantArnprod',
      'GrantFunctionArnprod',
      'GrantUrlstaging',
    ]);
  });

  it('refuses an environment that Lambda would not take, to the byte', () => {
    const deploying = (...lengths: readonly number[]) => {
      const commonNames = lengths.map((length) => 'x'.repeat(length));
      deploy({
        ...twoControlPlanes,
        dataPlaneAuth: { iam: true, clusterCertificate: { authorities: [exampleCertificate], commonNames } },
      });
    };
    const said = failure(() => deploying(...Array<number>(60).fill(64)));
    // Each name but the last has a comma behind it.
    const others = Number(/environment would have (\d+) bytes/.exec(said)?.[1]) - (60 * 65 - 1);
    const whole = Array<number>(Math.floor((4096 - others) / 65)).fill(64);
    const last = 4096 - others - whole.length * 65;

    expect(() => deploying(...whole, last)).not.toThrow();
    expect(failure(() => deploying(...whole, last + 1))).toContain(
      'would have 4097 bytes, but Lambda accepts at most 4096',
    );
  });

  it.each([
    [hook, lambdaFunction('Intake')],
    [grant('prod'), lambdaFunction('Presignprod')],
    [grant('staging'), lambdaFunction('Presignstaging')],
  ])('leads %s to its function', (routeKey, { arn }) => {
    const route = ofType(deployment, 'AWS::ApiGatewayV2::Route').find(
      ({ properties }) => properties['RouteKey'] === routeKey,
    );

    const target = integrations.find(({ id }) => route?.properties['Target'] === `integrations/${id}`);
    expect(target?.properties).toMatchObject({ IntegrationUri: arn, PayloadFormatVersion: '2.0' });
  });

  it('throttles each route on its own', () => {
    const perRoute = (rate: number, burst: number) => ({
      ThrottlingRateLimit: rate,
      ThrottlingBurstLimit: burst,
      DetailedMetricsEnabled: true,
    });

    expect(stage.properties['RouteSettings']).toEqual({
      [hook]: perRoute(100, 200),
      [grant('prod')]: perRoute(50, 200),
      [grant('staging')]: perRoute(50, 200),
    });
  });

  it('logs who asked for what and how it ended; neither query nor header nor body', () => {
    const { DestinationArn, Format } = v.parse(
      v.object({ AccessLogSettings: v.object({ DestinationArn: v.string(), Format: v.string() }) }),
      stage.properties,
    ).AccessLogSettings;

    const variables = Object.values(v.parse(v.record(v.string(), v.string()), JSON.parse(Format)));
    expect(DestinationArn).toBe(one(deployment, 'AWS::Logs::LogGroup', 'AccessLog').arn);
    expect(new Set(variables)).toEqual(
      new Set([
        '$context.requestTime',
        '$context.requestId',
        '$context.identity.sourceIp',
        '$context.identity.userArn',
        '$context.routeKey',
        '$context.path',
        '$context.status',
        '$context.error.message',
        '$context.authorizer.error',
        '$context.responseLatency',
        '$context.responseLength',
      ]),
    );
  });

  it('is none for browsers', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      ProtocolType: 'HTTP',
      CorsConfiguration: Match.absent(),
    });
  });

  it('deploys itself as the default stage', () => {
    expect(stage.properties).toMatchObject({ StageName: '$default', AutoDeploy: true });
  });

  it('may call its functions on its own routes only', () => {
    const permissions = ofType(deployment, 'AWS::Lambda::Permission').map(({ properties }) => [
      properties['Principal'],
      String(properties['SourceArn']).split('/').slice(1).join('/'),
    ]);

    expect(new Set(permissions.map((permission) => permission.join(' ')))).toEqual(
      new Set([
        'apigateway.amazonaws.com */*/control-planes/{controlPlane}/events',
        'apigateway.amazonaws.com */*/control-planes/prod/fallback-config',
        'apigateway.amazonaws.com */*/control-planes/staging/fallback-config',
      ]),
    );
  });
});

describe('a control plane', () => {
  it.each([
    ['queues', 'AWS::SQS::Queue', 4],
    ['secrets', 'AWS::SecretsManager::Secret', 4],
    ['schedules', 'AWS::Scheduler::Schedule', 2],
    ['event sources', 'AWS::Lambda::EventSourceMapping', 2],
    ['functions, with the webhook function that all share', 'AWS::Lambda::Function', 5],
    ['roles, with that of the webhook function', 'AWS::IAM::Role', 7],
  ])('has its own %s', (_what, type, count) => {
    template.resourceCountIs(type, count);
  });

  it('finds no name of another one in its rights', () => {
    const ofProd = ['ExportRole', 'PresignRole'].flatMap((name) => rights(role(deployment, name, 'prod')));
    const ofStaging = ['ExportRole', 'PresignRole'].flatMap((name) =>
      rights(role(deployment, name, 'staging')),
    );

    expect(ofProd.filter((right) => right.includes('staging'))).toEqual([]);
    expect(ofStaging.filter((right) => right.includes('prod'))).toEqual([]);
  });

  it('that is private has its export, and nothing else, in its network', () => {
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

  it('that is private lets Lambda attach its export to the network, and the export itself touch none', () => {
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

  it('may bring secrets of its own', () => {
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
      rights(role(own, name), own).filter((right) => right.includes('GetSecretValue')),
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

  it('may be read from other accounts, by a role that those named may assume', () => {
    const [someRole, someUser] = [
      'arn:aws:iam::444455556666:role/data-plane',
      'arn:aws:iam::777788889999:user/ci',
    ];
    const prod = {
      clusterEndpoint: 'cp:8005',
      dataPlaneVersions: ['3.9.1'],
      readerRoleTrust: ['123412341234', someRole, someUser],
    };
    const read = deploy({ controlPlanes: { prod, dev: { ...prod, readerRoleTrust: undefined } } });

    const reader = role(read, 'ReaderRole');

    expect(reader.properties['AssumeRolePolicyDocument']).toMatchObject({
      Statement: [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRole',
          Principal: { AWS: [someRole, someUser, 'arn:aws:iam::123412341234:root'] },
        },
      ],
    });
    expect(rights(reader, read)).toEqual([`Allow execute-api:Invoke ${read.outputs['GrantArnprod']}`]);
    expect(read.outputs['ReaderRoleArnprod']).toBe(reader.arn);
  });

  it('gets a hook secret that survives every shell, and a form for its certificate', () => {
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

describe('a deployment may be told', () => {
  const key = `arn:aws:kms:${region}:${account}:key/01234567-89ab-cdef-0123-456789abcdef`;
  const boundary = `arn:aws:iam::${account}:policy/boundary`;
  const told = deploy({
    ...twoControlPlanes,
    bucketName: 'example-lifeboat',
    encryptionKeyArn: key,
    tags: { team: 'gateway' },
    permissionsBoundaryArn: boundary,
    reservedConcurrency: { webhook: 5, presign: 20 },
    lockdown: {
      breakGlassRoleArn: `arn:aws:iam::${account}:role/break-glass`,
      deploymentRoleArn: `arn:aws:iam::${account}:role/deployment`,
    },
  });

  it('the name of the vault, and its key', () => {
    told.template.hasResourceProperties('AWS::S3::Bucket', {
      BucketName: 'example-lifeboat',
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { KMSMasterKeyID: key } }],
      },
    });
    expect(
      v.parse(exportEnvironment, environment(one(told, 'AWS::Lambda::Function', 'Exportprod'))),
    ).toMatchObject({ ENCRYPTION_KEY_ARN: key });
    expect(ofType(told, 'AWS::KMS::Key').map(({ id }) => id)).toEqual([
      expect.stringMatching(/^VaultSigningKey/),
      expect.stringMatching(/^LogKey/),
    ]);
  });

  it('what the policy of its key needs then, and is told so', () => {
    const statements = JSON.parse(told.outputs['EncryptionKeyStatements'] ?? '');

    expect(statements.map(({ Effect, Sid }: Statement) => `${Effect} ${Sid}`)).toEqual([
      'Allow LifeboatDecrypts',
      'Allow ExportEncrypts',
      'Deny OnlyLifeboatDecrypts',
      'Deny OnlyExportEncrypts',
      'Deny OnlyThroughS3',
      'Deny NobodyReEncrypts',
      'Deny OnlyKeepersChangeKey',
    ]);
    Annotations.fromStack(told.stack).hasInfo(
      '/Lifeboat/Default/Vault',
      Match.stringLikeRegexp(`the policy of ${key} is yours`),
    );
    expect(deployment.outputs).not.toHaveProperty('EncryptionKeyStatements');
  });

  it('what bounds every role', () => {
    const bounds = ofType(told, 'AWS::IAM::Role').map(({ properties }) => properties['PermissionsBoundary']);

    expect(bounds).toEqual(Array.from({ length: 7 }, () => boundary));
  });

  it('tags, beside its own', () => {
    for (const type of ['AWS::S3::Bucket', 'AWS::Lambda::Function', 'AWS::IAM::Role', 'AWS::SQS::Queue']) {
      told.template.allResourcesProperties(type, {
        Tags: Match.arrayWith([
          { Key: 'application', Value: 'lifeboat' },
          { Key: 'team', Value: 'gateway' },
        ]),
      });
    }
  });

  it('how many executions are kept for which function', () => {
    const reserved = ofType(told, 'AWS::Lambda::Function').map(({ id, properties }) => [
      /^(Export|Presign|Intake)/.exec(id)?.[0],
      properties['ReservedConcurrentExecutions'],
    ]);

    expect(reserved).toHaveLength(5);
    expect(Object.fromEntries(reserved)).toEqual({ Export: undefined, Presign: 20, Intake: 5 });
  });
});

describe('a domain for the API', () => {
  const certificateArn = `arn:aws:acm:${region}:${account}:certificate/01234567-89ab-cdef-0123-456789abcdef`;
  const name = 'lifeboat.example.com';
  const withDomain = (domain: object) =>
    deploy({ ...twoControlPlanes, domain: { name, certificateArn, ...domain } });
  const zoned = withDomain({ hostedZoneId: 'Z0123456789ABCDEFGHIJ' });
  const api = one(zoned, 'AWS::ApiGatewayV2::Api').id;

  it('takes TLS 1.2 with its certificate, in the region, and leads to the one stage', () => {
    expect(one(zoned, 'AWS::ApiGatewayV2::DomainName').properties).toMatchObject({
      DomainName: name,
      DomainNameConfigurations: [
        { CertificateArn: certificateArn, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
      ],
    });
    expect(one(zoned, 'AWS::ApiGatewayV2::ApiMapping').properties).toEqual({
      ApiId: api,
      DomainName: one(zoned, 'AWS::ApiGatewayV2::DomainName').id,
      Stage: one(zoned, 'AWS::ApiGatewayV2::Stage').id,
    });
  });

  it('is the base of every URL, and of no ARN', () => {
    expect(zoned.outputs).toMatchObject({
      ApiUrl: `https://${name}`,
      WebhookUrlprod: `https://${name}/control-planes/prod/events`,
      GrantUrlstaging: `https://${name}/control-planes/staging/fallback-config`,
      GrantArnprod: `arn:aws:execute-api:${region}:${account}:${api}/$default/GET/control-planes/prod/fallback-config`,
    });
  });

  it('has its record in the zone that is named', () => {
    const domainName = one(zoned, 'AWS::ApiGatewayV2::DomainName').id;

    expect(one(zoned, 'AWS::Route53::RecordSet').properties).toMatchObject({
      HostedZoneId: 'Z0123456789ABCDEFGHIJ',
      Name: `${name}.`,
      Type: 'A',
      AliasTarget: {
        DNSName: `https://${domainName}.RegionalDomainName`,
        HostedZoneId: `https://${domainName}.RegionalHostedZoneId`,
      },
    });
    expect(zoned.outputs).not.toHaveProperty('DomainTarget');
  });

  it('without a zone says what it has to lead to', () => {
    const unzoned = withDomain({});

    expect(ofType(unzoned, 'AWS::Route53::RecordSet')).toEqual([]);
    expect(unzoned.outputs['DomainTarget']).toMatch(/\.RegionalDomainName$/);
  });

  it('leaves the name of API Gateway open, unless it is told to close it', () => {
    const closed = withDomain({ disableDefaultEndpoint: true });

    zoned.template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      DisableExecuteApiEndpoint: Match.absent(),
    });
    closed.template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
    expect(zoned.outputs['DefaultApiUrl']).toBe(`https://${api}.ApiEndpoint`);
    expect(closed.outputs).not.toHaveProperty('DefaultApiUrl');
  });
});

describe('the logs', () => {
  const logKey = one(deployment, 'AWS::KMS::Key', 'LogKey');

  it('are encrypted, each group of them', () => {
    const keys = ofType(deployment, 'AWS::Logs::LogGroup').map(({ properties }) => properties['KmsKeyId']);

    expect(keys).toEqual(Array.from({ length: 6 }, () => logKey.arn));
  });

  it('have a key that CloudWatch may use for them, and for no group of another stack', () => {
    expect(logKey.properties).toMatchObject({
      EnableKeyRotation: true,
      KeyPolicy: {
        Statement: [
          expect.objectContaining({ Principal: { AWS: `arn:aws:iam::${account}:root` } }),
          {
            Sid: 'LogsOfThisStack',
            Effect: 'Allow',
            Principal: { Service: `logs.${region}.amazonaws.com` },
            Action: [
              'kms:Decrypt',
              'kms:DescribeKey',
              'kms:Encrypt',
              'kms:GenerateDataKey*',
              'kms:ReEncrypt*',
            ],
            Resource: '*',
            Condition: {
              ArnLike: {
                'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${region}:${account}:log-group:Lifeboat-*`,
              },
            },
          },
        ],
      },
    });
  });
});

describe('the stack', () => {
  it('is not deleted by accident', () => {
    expect(deployment.stack.terminationProtection).toBe(true);
  });

  it('says what a person needs next', () => {
    const api = one(deployment, 'AWS::ApiGatewayV2::Api').id;
    const url = `https://${api}.ApiEndpoint`;

    expect(deployment.outputs).toEqual({
      ApiUrl: url,
      Bucket: bucket.arn.replace('arn:aws:s3:::', ''),
      SigningKeyArn: signingKey.arn,
      PublicKeyCommand: `npm run --silent lifeboat -- public-key --key-id ${signingKey.arn}`,
      ...Object.fromEntries(
        controlPlanes.flatMap((name) => [
          [`WebhookUrl${name}`, `${url}/control-planes/${name}/events`],
          [`GrantUrl${name}`, `${url}/control-planes/${name}/fallback-config`],
          [
            `GrantArn${name}`,
            `arn:aws:execute-api:${region}:${account}:${api}/$default/GET/control-planes/${name}/fallback-config`,
          ],
          [`GrantFunctionArn${name}`, lambdaFunction(`Presign${name}`).arn],
          [`HookSecretArn${name}`, secret(name, 'HookSecret').arn],
          [`ClusterCertificateArn${name}`, secret(name, 'ClusterCertificate').arn],
        ]),
      ),
    });
  });

  it('tells control planes apart whose names differ in a hyphen only', () => {
    const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'] };

    const { outputs } = deploy({
      controlPlanes: { ab: unit, 'a-b': unit, a0b: unit, 'a--b': unit, '-ab': unit },
    });

    expect(Object.keys(outputs).filter((name) => name.startsWith('GrantUrl'))).toHaveLength(5);
  });

  it('fits into AWS with ten control planes of the longest names, as many readers as there may be, locks, and lockdown', () => {
    const names = Array.from({ length: 10 }, (_, index) => `${index}${'-a'.repeat(19)}b`);
    const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'] };

    const longest = (letter: string) => `arn:aws:iam::${account}:role/${letter.repeat(64)}`;
    const readerRoleTrust = Array.from({ length: 10 }, (_, index) => longest(String(index)));
    const largest = deploy({
      controlPlanes: Object.fromEntries(
        names.map((name, index) => [
          name,
          {
            ...unit,
            readerRoleTrust,
            fileReaderRoleArns: readerRoleTrust.slice(index, index < 3 ? index + 1 : index),
          },
        ]),
      ),
      objectLockDays: 30,
      lockdown: { breakGlassRoleArn: longest('a'), deploymentRoleArn: longest('b') },
    });

    const policyBytes = (type: string, property: string) =>
      ofType(largest, type).map(({ properties }) => JSON.stringify(properties[property]).length);
    const environmentBytes = ofType(largest, 'AWS::Lambda::Function').map(
      (resource) => JSON.stringify(environment(resource)).length,
    );
    expect(names[0]).toHaveLength(40);
    // S3 User Guide, "Bucket policies": 20 KB.
    expect(Math.max(...policyBytes('AWS::S3::BucketPolicy', 'PolicyDocument'))).toBeLessThan(20 * 1024);
    // KMS Developer Guide, "Resource quotas": 32 KB.
    expect(Math.max(...policyBytes('AWS::KMS::Key', 'KeyPolicy'))).toBeLessThan(32 * 1024);
    // IAM User Guide, "IAM and AWS STS quotas": 10,240 characters for the inline policies of a role.
    expect(Math.max(...policyBytes('AWS::IAM::Policy', 'PolicyDocument'))).toBeLessThan(10_240);
    // Ibid.: 2,048 characters for who may assume a role.
    expect(Math.max(...policyBytes('AWS::IAM::Role', 'AssumeRolePolicyDocument'))).toBeLessThan(2048);
    // Lambda Developer Guide, "Lambda quotas": 4 KB for all environment variables.
    expect(Math.max(...environmentBytes)).toBeLessThan(4 * 1024);
  });
});
