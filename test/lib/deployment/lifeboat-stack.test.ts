import { describe, expect, it } from '@jest/globals';
import {
  account,
  controlPlaneNames,
  deploy,
  environment,
  granted,
  ofType,
  one,
  region,
  rights,
  role,
  twoControlPlanes,
} from '../deployment.ts';

const deployment = deploy(twoControlPlanes);
const bucket = one(deployment, 'AWS::S3::Bucket');
const signingKey = one(deployment, 'AWS::KMS::Key', 'SigningKey');
const lambdaFunction = (...words: readonly string[]) => one(deployment, 'AWS::Lambda::Function', ...words);
const secret = (controlPlane: string, name: string) =>
  one(deployment, 'AWS::SecretsManager::Secret', `Export${controlPlane}${name}`);

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
      PublicKeyCommand: `npx --no-install lifeboat public-key --key-id ${signingKey.arn}`,
      ...Object.fromEntries(
        controlPlaneNames.flatMap((name) => [
          [`WebhookUrl${name}`, `${url}/control-planes/${name}/events`],
          [`GrantUrl${name}`, `${url}/control-planes/${name}/fallback-config`],
          [
            `GrantArn${name}`,
            `arn:aws:execute-api:${region}:${account}:${api}/$default/GET/control-planes/${name}/fallback-config`,
          ],
          [
            `InspectArn${name}`,
            `arn:aws:execute-api:${region}:${account}:${api}/$default/GET/control-planes/${name}/inspect`,
          ],
          [
            `RevisionGrantArn${name}`,
            `arn:aws:execute-api:${region}:${account}:${api}/$default/GET/control-planes/${name}/revision-grant`,
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

  it('fits into AWS with nine control planes of the longest names, as many readers as there may be, locks, and lockdown', () => {
    const names = Array.from({ length: 9 }, (_, index) => `${index}${'-a'.repeat(19)}b`);
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
      vaultMadeWith: { objectLock: true },
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

describe('a role', () => {
  it('has its rights from its own policy alone, a schedule’s and the inspect function’s from the one that stands in it', () => {
    const others = [
      ...ofType(deployment, 'AWS::IAM::Role').filter(
        ({ id, properties }) =>
          'ManagedPolicyArns' in properties ||
          'Policies' in properties !== /ScheduleRole|InspectRole/.test(id),
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
        ...controlPlaneNames.flatMap((controlPlane) => [
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
    const functions = Array.from({ length: 7 }, () => trust('lambda.amazonaws.com', {}));
    const schedules = Array.from({ length: 3 }, () =>
      trust('scheduler.amazonaws.com', {
        Condition: {
          StringEquals: {
            'aws:SourceAccount': account,
            'aws:SourceArn': `arn:aws:scheduler:${region}:${account}:schedule-group/default`,
          },
        },
      }),
    );
    expect(trusted).toHaveLength(10);
    expect(trusted).toEqual(expect.arrayContaining([...functions, ...schedules]));
    expect([...functions, ...schedules]).toEqual(expect.arrayContaining(trusted));
  });
});

describe('a control plane', () => {
  it.each([
    ['queues', 'AWS::SQS::Queue', 4],
    ['secrets', 'AWS::SecretsManager::Secret', 4],
    ['schedules', 'AWS::Scheduler::Schedule', 4],
    ['event sources', 'AWS::Lambda::EventSourceMapping', 2],
    ['functions, with the webhook function that all share', 'AWS::Lambda::Function', 7],
    ['roles, with that of the webhook function', 'AWS::IAM::Role', 10],
  ])('has its own %s', (_what, type, count) => {
    deployment.template.resourceCountIs(type, count);
  });

  it('finds no name of another one in its rights', () => {
    const ofProd = ['ExportRole', 'PresignRole', 'InspectRole'].flatMap((name) =>
      rights(deployment, role(deployment, name, 'prod')),
    );
    const ofStaging = ['ExportRole', 'PresignRole', 'InspectRole'].flatMap((name) =>
      rights(deployment, role(deployment, name, 'staging')),
    );

    expect(ofProd.filter((right) => right.includes('staging'))).toEqual([]);
    expect(ofStaging.filter((right) => right.includes('prod'))).toEqual([]);
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
    expect(rights(read, reader)).toEqual([`Allow execute-api:Invoke ${read.outputs['GrantArnprod']}`]);
    expect(read.outputs['ReaderRoleArnprod']).toBe(reader.arn);
  });
});
