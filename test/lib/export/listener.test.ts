import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { endOfRun } from '../../../core/listen/relay.ts';
import { listenEnvironment } from '../../../lambdas/environment/listen.ts';
import {
  account,
  deploy,
  environment,
  logRights,
  ofType,
  one,
  region,
  rights,
  role,
  twoControlPlanes,
} from '../deployment.ts';

const { prod, staging } = twoControlPlanes.controlPlanes;
const deployment = deploy({
  ...twoControlPlanes,
  controlPlanes: { prod: { ...prod, listen: true }, staging: { ...staging, listen: true } },
  reservedConcurrency: { listen: 2 },
});
const without = deploy(twoControlPlanes);
const onlyProd = deploy({
  ...twoControlPlanes,
  controlPlanes: { prod: { ...prod, listen: true }, staging },
});

const listener = (controlPlane: string) =>
  one(deployment, 'AWS::Lambda::Function', `Listen${controlPlane}Function`);
const queue = one(deployment, 'AWS::SQS::Queue', 'ExportprodQueue');
const certificate = one(deployment, 'AWS::SecretsManager::Secret', 'ExportprodClusterCertificate');
const idsOf = ({ resources }: typeof deployment) => resources.map(({ id }) => id);

describe('the listener of a control plane', () => {
  it('may read the certificate, ring at the queue of its control plane and log, no more', () => {
    expect(rights(deployment, role(deployment, 'ListenprodRole'))).toEqual(
      [
        `Allow secretsmanager:GetSecretValue ${certificate.arn}`,
        `Allow secretsmanager:DescribeSecret ${certificate.arn}`,
        `Allow sqs:SendMessage ${queue.arn}`,
        ...logRights(deployment, 'Listenprod'),
      ].sort(),
    );
  });

  it('is small, may run for 15 minutes, and is never called twice for one event', () => {
    expect(listener('prod').properties).toMatchObject({
      MemorySize: 128,
      Timeout: 900,
      ReservedConcurrentExecutions: 2,
      Environment: { Variables: expect.objectContaining({ NODE_OPTIONS: '--max-semi-space-size=1' }) },
    });
    expect(one(deployment, 'AWS::Lambda::EventInvokeConfig', 'Listenprod').properties).toEqual({
      FunctionName: listener('prod').id,
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  it('reads the settings of its control plane, and is told apart by the vault', () => {
    const bucket = one(deployment, 'AWS::S3::Bucket').arn.replace('arn:aws:s3:::', '');

    expect(v.parse(listenEnvironment, environment(listener('prod')))).toEqual({
      CONTROL_PLANE: 'prod',
      CLUSTER_ENDPOINT: 'kong-cp.example.com:8005',
      CLUSTER_MTLS: 'shared',
      CLUSTER_SERVER_NAME: '',
      CLUSTER_CERTIFICATE_SECRET: certificate.arn,
      PROXY_SERVER: '',
      PROXY_SECRET: '',
      DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
      CUSTOM_PLUGINS: ['my-plugin'],
      WASM_FILTERS: ['my-filter', 'other-filter'],
      MAX_FRAME_MIB: 128,
      QUEUE_URL: `https://sqs.${region}.amazonaws.com/${account}/${queue.arn.split(':').at(-1)}`,
      NODE_SEED: `${bucket}/prod`,
    });
  });

  it('is in the network of a private control plane, as the export is', () => {
    const networkOf = (name: string) =>
      one(deployment, 'AWS::Lambda::Function', `${name}Function`).properties['VpcConfig'];

    expect(networkOf('Listenprod')).toBeUndefined();
    expect(networkOf('Listenstaging')).toEqual(networkOf('Exportstaging'));
    expect(networkOf('Listenstaging')).toBeDefined();
  });

  it('is called every 14 minutes by a schedule that may call it, and nothing else', () => {
    const { properties } = one(deployment, 'AWS::Scheduler::Schedule', 'Listenprod');
    const ofSchedule = role(deployment, 'ListenprodScheduleRole');

    expect(properties).toMatchObject({
      ScheduleExpression: 'rate(14 minutes)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: {
        Arn: listener('prod').arn,
        RoleArn: ofSchedule.arn,
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      },
    });
    expect(rights(deployment, ofSchedule)).toEqual([`Allow lambda:InvokeFunction ${listener('prod').arn}`]);
  });

  it('ends each run before the schedule begins the next one', () => {
    const { Target } = one(deployment, 'AWS::Scheduler::Schedule', 'Listenprod').properties as {
      readonly Target: { readonly Input: string };
    };
    const event = JSON.parse(Target.Input.replace('<aws.scheduler.scheduled-time>', '2026-11-23T04:00:00Z'));

    const end = endOfRun(event, new Date('2026-11-23T04:00:59Z'), 900_000);

    expect(end).toEqual(new Date('2026-11-23T04:13:55Z'));
  });
});

describe('a deployment', () => {
  it('has nothing of it where nobody asked for it', () => {
    expect(idsOf(without).filter((id) => /listen/i.test(id))).toEqual([]);
    expect(idsOf(onlyProd).filter((id) => /listen.*staging/i.test(id))).toEqual([]);
  });

  it('gets eight resources and an alarm with each, and keeps all that it had', () => {
    const added = idsOf(onlyProd).filter((id) => !idsOf(without).includes(id));

    expect(idsOf(without).filter((id) => !idsOf(onlyProd).includes(id))).toEqual([]);
    expect(added.filter((id) => id.startsWith('Listenprod'))).toHaveLength(7);
    expect(added.filter((id) => id.startsWith('OperationsNotListeningprod'))).toHaveLength(1);
    expect(added).toHaveLength(8);
  });

  it('has the same policy on the vault with it', () => {
    const policyOf = (of: typeof deployment) =>
      ofType(of, 'AWS::S3::BucketPolicy').map(({ properties }) => properties);

    expect(policyOf(onlyProd)).toEqual(policyOf(without));
  });
});
