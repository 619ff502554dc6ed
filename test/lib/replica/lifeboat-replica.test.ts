import { describe, expect, it } from '@jest/globals';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as v from 'valibot';
import { presignEnvironment } from '../../../lambdas/environment/presign.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import { LifeboatReplica, type LifeboatReplicaProps } from '../../../lib/replica/lifeboat-replica.ts';
import { newApp } from '../app.ts';
import {
  account,
  deploy,
  deployWithReplica,
  granted,
  ofType,
  one,
  type Resource,
  region,
  rights,
  secondRegion,
  twoControlPlanes,
} from '../deployment.ts';

const { first, second } = deployWithReplica(twoControlPlanes);
const controlPlanes = ['prod', 'staging'] as const;
const vault = one(first, 'AWS::S3::Bucket');
const bucket = one(second, 'AWS::S3::Bucket');
const replicationRole = one(first, 'AWS::IAM::Role', 'ReplicationRole');
const roleArn = `arn:aws:iam::${account}:role/Lifeboat-to-${secondRegion}`;

/** What the first stack reads of the second one, by the value that is there. */
const fromSecond = (value: string) => {
  const [id] = Object.entries(second.outputs).find(
    ([name, each]) => name.startsWith('Replica') && each === value,
  ) ?? ['no output'];
  return `{LifeboatReplica.${id} in ${secondRegion}}`;
};
const bucketElsewhere = fromSecond(bucket.arn);
const keyElsewhere = fromSecond(one(second, 'AWS::KMS::Key', 'EncryptionKey').arn);

const replication = v.object({
  ReplicationConfiguration: v.object({
    Role: v.string(),
    Rules: v.array(v.record(v.string(), v.unknown())),
  }),
});
const rulesOf = ({ properties }: Resource) => v.parse(replication, properties).ReplicationConfiguration;

describe('the rules of the vault', () => {
  it('have S3 copy the files of each control plane, encrypted with the key of the second region, and their statuses', () => {
    const { Role, Rules } = rulesOf(vault);

    expect(Role).toBe(replicationRole.arn);
    expect(Rules).toEqual(
      [...controlPlanes, 'status'].map((first, index) => ({
        Id: first,
        Priority: index + 1,
        Status: 'Enabled',
        Filter: { Prefix: `${first}/` },
        SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
        Destination: {
          Bucket: bucketElsewhere,
          EncryptionConfiguration: { ReplicaKmsKeyID: keyElsewhere },
          // What is measured raises alarms.
          ...(first === 'status' ? {} : { Metrics: { Status: 'Enabled' } }),
        },
        // What is marked as deleted here is not there.
        DeleteMarkerReplication: { Status: 'Disabled' },
      })),
    );
  });

  it('ask for Replication Time Control when they are told to', () => {
    const timed = deployWithReplica(twoControlPlanes, { timeControl: true });

    const { Rules } = rulesOf(one(timed.first, 'AWS::S3::Bucket'));
    expect(Rules[0]).toMatchObject({
      Destination: {
        Metrics: { Status: 'Enabled', EventThreshold: { Minutes: 15 } },
        ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } },
      },
    });
    // It is paid for by the byte, and a status is never waited for.
    expect(Rules.at(-1)).toMatchObject({
      Id: 'status',
      Destination: expect.not.objectContaining({ ReplicationTime: expect.anything() }),
    });
  });

  it('are not there without a replica', () => {
    const alone = one(deploy(twoControlPlanes), 'AWS::S3::Bucket');

    expect(alone.properties).not.toHaveProperty('ReplicationConfiguration');
  });
});

describe('the replication role', () => {
  const objects = (of: string) =>
    controlPlanes.flatMap((controlPlane) => [
      `${of}/${controlPlane}/*/config.json`,
      `${of}/status/${controlPlane}.json`,
    ]);
  const vaultKey = one(first, 'AWS::KMS::Key', 'EncryptionKey').arn;

  it('reads files and statuses in the vault, writes them in the replica, and uses both keys for that; no more', () => {
    const may = rights(first, replicationRole);

    expect(may).toEqual(
      [
        `Allow s3:GetReplicationConfiguration ${vault.arn}`,
        `Allow s3:ListBucket ${vault.arn}`,
        ...objects(vault.arn).flatMap((object) => [
          `Allow s3:GetObjectVersionForReplication ${object}`,
          `Allow s3:GetObjectVersionAcl ${object}`,
          `Allow s3:GetObjectVersionTagging ${object}`,
        ]),
        `Allow kms:Decrypt ${vaultKey}`,
        ...objects(bucketElsewhere).map((object) => `Allow s3:ReplicateObject ${object}`),
        `Allow kms:Encrypt ${keyElsewhere}`,
        `Allow kms:GenerateDataKey ${keyElsewhere}`,
        `Allow kms:Decrypt ${keyElsewhere}`,
      ].sort(),
    );
  });

  it('uses each key through S3 of its region, for its bucket', () => {
    const conditions = granted(first, replicationRole)
      .filter(({ Action }) => Action.some((action) => action.startsWith('kms:')))
      .map(({ Condition }) => Condition);

    expect(conditions).toEqual([
      {
        StringEquals: {
          'kms:EncryptionContext:aws:s3:arn': [vault.arn],
          'kms:ViaService': [`s3.${region}.amazonaws.com`],
        },
      },
      {
        StringEquals: {
          'kms:EncryptionContext:aws:s3:arn': [bucketElsewhere],
          'kms:ViaService': [`s3.${secondRegion}.amazonaws.com`],
        },
      },
    ]);
  });

  it('is S3’s, and has the name that the second region lets in', () => {
    expect(replicationRole.properties).toMatchObject({
      RoleName: `Lifeboat-to-${secondRegion}`,
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Principal: { Service: 's3.amazonaws.com' },
            Condition: { StringEqualsIfExists: { 'aws:SourceAccount': account } },
          },
        ],
      },
    });
    expect(JSON.stringify(one(second, 'AWS::S3::BucketPolicy').properties)).toContain(`"${roleArn}"`);
  });

  it('reads locks, too, where versions are locked, and the replica takes them', () => {
    const locked = deployWithReplica({
      ...twoControlPlanes,
      objectLockDays: 30,
      vaultMadeWith: { objectLock: true },
    });

    const may = rights(locked.first, one(locked.first, 'AWS::IAM::Role', 'ReplicationRole'));
    expect(may).toEqual(
      expect.arrayContaining(
        objects(one(locked.first, 'AWS::S3::Bucket').arn).flatMap((object) => [
          `Allow s3:GetObjectRetention ${object}`,
          `Allow s3:GetObjectLegalHold ${object}`,
        ]),
      ),
    );
    expect(one(locked.second, 'AWS::S3::Bucket').properties).toMatchObject({ ObjectLockEnabled: true });
    expect(bucket.properties).not.toHaveProperty('ObjectLockEnabled');
  });

  it('is in the statements that a key of the deployer’s needs', () => {
    const encryptionKeyArn = `arn:aws:kms:${region}:${account}:key/01234567-89ab-cdef-0123-456789abcdef`;
    const own = deployWithReplica({
      ...twoControlPlanes,
      encryptionKeyArn,
      vaultMadeWith: { encryptionKeyArn },
    });

    const statements = JSON.parse(own.first.outputs['EncryptionKeyStatements'] ?? '');

    const naming = statements
      .filter((statement: object) => JSON.stringify(statement).includes(`role/Lifeboat-to-${secondRegion}`))
      .map(({ Sid }: { readonly Sid: string }) => Sid);
    expect(naming).toEqual(['LifeboatDecrypts', 'OnlyLifeboatDecrypts']);
    // That key is of the first region.
    expect(one(own.second, 'AWS::S3::Bucket').properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            ServerSideEncryptionByDefault: {
              KMSMasterKeyID: one(own.second, 'AWS::KMS::Key', 'EncryptionKey').arn,
            },
          },
        ],
      },
    });
  });
});

describe('the replica', () => {
  it('stays when its stack goes, key and all', () => {
    const kept = [bucket, one(second, 'AWS::KMS::Key', 'EncryptionKey')];

    expect(kept.map(({ deletionPolicy }) => deletionPolicy)).toEqual([
      'RetainExceptOnCreate',
      'RetainExceptOnCreate',
    ]);
    expect(second.stack.terminationProtection).toBe(true);
  });

  it('loses noncurrent versions only, as the vault does', () => {
    const { Rules } = v.parse(
      v.object({ Rules: v.array(v.record(v.string(), v.unknown())) }),
      bucket.properties['LifecycleConfiguration'],
    );

    const keys = new Set(Rules.flatMap(Object.keys));
    expect(Rules.map(({ Id }) => Id)).toEqual(['history-prod', 'history-staging', 'status', 'uploads']);
    expect(keys).toEqual(
      new Set(['Id', 'Prefix', 'Status', 'NoncurrentVersionExpiration', 'AbortIncompleteMultipartUpload']),
    );
  });

  it('has a presign function for each control plane, and no other', () => {
    const functions = ofType(second, 'AWS::Lambda::Function').map(({ properties }) => {
      const { Environment } = v.parse(
        v.object({ Environment: v.object({ Variables: v.record(v.string(), v.string()) }) }),
        properties,
      );
      return v.parse(presignEnvironment, Environment.Variables);
    });

    expect(functions).toMatchObject([
      { CONTROL_PLANE: 'prod', BUCKET: bucket.arn.replace('arn:aws:s3:::', ''), URL_LIFETIME_SECONDS: 200 },
      { CONTROL_PLANE: 'staging', BUCKET: bucket.arn.replace('arn:aws:s3:::', '') },
    ]);
    expect(ofType(second, 'AWS::SQS::Queue')).toEqual([]);
    expect(ofType(second, 'AWS::SecretsManager::Secret')).toEqual([]);
  });

  it('gives grants to signed callers, and takes no hooks', () => {
    const routes = ofType(second, 'AWS::ApiGatewayV2::Route').map(({ properties }) => [
      properties['RouteKey'],
      properties['AuthorizationType'],
    ]);

    expect(routes).toEqual(
      controlPlanes.map((name) => [`GET /control-planes/${name}/fallback-config`, 'AWS_IAM']),
    );
  });

  it('says what a person needs next', () => {
    const api = one(second, 'AWS::ApiGatewayV2::Api').id;

    expect(second.outputs).toMatchObject({
      ApiUrl: `https://${api}.ApiEndpoint`,
      Bucket: bucket.arn.replace('arn:aws:s3:::', ''),
      GrantUrlprod: `https://${api}.ApiEndpoint/control-planes/prod/fallback-config`,
      GrantArnprod: `arn:aws:execute-api:${secondRegion}:${account}:${api}/$default/GET/control-planes/prod/fallback-config`,
    });
  });

  it('has tags, boundary, concurrency, lockdown and data events of its Lifeboat, and a name and a domain of its own', () => {
    const boundary = `arn:aws:iam::${account}:policy/boundary`;
    const keeper = (name: string) => `arn:aws:iam::${account}:role/${name}`;
    const certificateArn = (of: string) => `arn:aws:acm:${of}:${account}:certificate/0`;

    const told = deployWithReplica(
      {
        ...twoControlPlanes,
        bucketName: 'first-vault',
        vaultMadeWith: { bucketName: 'first-vault' },
        tags: { team: 'gateway' },
        permissionsBoundaryArn: boundary,
        reservedConcurrency: { presign: 20 },
        lockdown: { breakGlassRoleArn: keeper('break-glass'), deploymentRoleArn: keeper('deployment') },
        dataEvents: true,
        domain: { name: 'one.example.com', certificateArn: certificateArn(region) },
      },
      {
        bucketName: 'second-vault',
        domain: { name: 'two.example.com', certificateArn: certificateArn(secondRegion) },
      },
    );

    const roles = [
      ...ofType(told.second, 'AWS::IAM::Role'),
      one(told.first, 'AWS::IAM::Role', 'ReplicationRole'),
    ];
    const tags = expect.arrayContaining([{ Key: 'team', Value: 'gateway' }]);
    expect(roles).toHaveLength(3);
    for (const { properties } of roles) {
      expect(properties).toMatchObject({ PermissionsBoundary: boundary, Tags: tags });
    }
    for (const { properties } of ofType(told.second, 'AWS::Lambda::Function')) {
      expect(properties).toMatchObject({ ReservedConcurrentExecutions: 20, Tags: tags });
    }
    expect(one(told.second, 'AWS::S3::Bucket', 'Replica').properties).toMatchObject({
      BucketName: 'second-vault',
    });
    expect(JSON.stringify(one(told.second, 'AWS::S3::BucketPolicy', 'Replica').properties)).toContain(
      'OnlyKeepersChangeVault',
    );
    expect(JSON.stringify(one(told.second, 'AWS::KMS::Key', 'EncryptionKey').properties)).toContain(
      'OnlyKeepersChangeKey',
    );
    expect(ofType(told.second, 'AWS::CloudTrail::Trail')).toHaveLength(1);
    expect(told.second.outputs['ApiUrl']).toBe('https://two.example.com');
    expect(told.first.outputs['ApiUrl']).toBe('https://one.example.com');
  });
});

describe('two stacks', () => {
  const env = (of: string | undefined, owner = account) =>
    of === undefined ? {} : { env: { account: owner, region: of } };
  const unit = { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] };

  function inApp(
    regions: readonly [string | undefined, string | undefined],
    props: Omit<LifeboatReplicaProps, 'lifeboat'> = {},
    { owner = account, name = 'First', hasReaderRole = true } = {},
  ) {
    // No flag says how stacks refer to one another.
    const app = newApp();
    const stacks = [
      new Stack(app, name, env(regions[0])),
      new Stack(app, 'Second', env(regions[1], owner)),
    ] as const;
    const lifeboat = new Lifeboat(stacks[0], 'Lifeboat', {
      controlPlanes: { prod: { ...unit, ...(hasReaderRole ? { readerRoleTrust: ['444455556666'] } : {}) } },
    });
    return {
      app,
      stacks,
      lifeboat,
      replica: new LifeboatReplica(stacks[1], 'Lifeboat', { lifeboat, ...props }),
    };
  }

  it('are deployed in the order in which one reads of the other, by CloudFormation’s own means', () => {
    // Whose grant in the second region would be a reference of CDK's own.
    const { app, stacks } = inApp([region, secondRegion], {}, { hasReaderRole: false });

    const assembly = app.synth();

    const dependencies = (index: 0 | 1) =>
      assembly
        .getStackByName(stacks[index].stackName)
        .dependencies.map(({ id }) => id)
        .filter((id) => !id.endsWith('.assets'));
    expect([dependencies(0), dependencies(1)]).toEqual([['Second'], []]);
    for (const stack of stacks) {
      const types = Object.values(Template.fromStack(stack).toJSON()['Resources']).map(
        (resource) => (resource as { readonly Type: string }).Type,
      );
      expect(types.filter((type) => type.startsWith('Custom::'))).toEqual([]);
      expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain('Fn::ImportValue');
    }
  });

  it('let a role ask in both regions, and the reader role of other accounts, too', () => {
    const { stacks, lifeboat, replica } = inApp([region, secondRegion]);
    const dataPlane = new iam.Role(stacks[0], 'DataPlane', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });

    lifeboat.grantBootstrap(dataPlane, 'prod');
    replica.grantBootstrap(dataPlane, 'prod');

    const policies = Object.entries(Template.fromStack(stacks[0]).findResources('AWS::IAM::Policy'))
      .map(([id, policy]) => [id, JSON.stringify(policy)] as const)
      .filter(([, text]) => text.includes('execute-api:Invoke'));
    expect(policies.map(([id]) => id.replace(/DefaultPolicy.*/, ''))).toEqual([
      expect.stringMatching(/^LifeboatReaderRoleprod/),
      'DataPlane',
    ]);
    for (const [, text] of policies) {
      expect(text).toContain(`:execute-api:${region}:${account}:`);
      expect(text).toContain(`:execute-api:${secondRegion}:${account}:`);
      expect(text).toMatch(/\{"Fn::GetStackOutput":\{"StackName":"Second","Region":"eu-west-1"/);
    }
  });

  it('say in outputs what people need of the second one, and in properties, unless told not to', () => {
    const { stacks, replica } = inApp([region, secondRegion]);
    const silent = inApp([region, secondRegion], { outputs: false });
    const outputsOf = (stack: Stack | undefined) =>
      Object.entries(Template.fromStack(stack as Stack).findOutputs('*'))
        // The first stack reads the others.
        .flatMap(([id, { Value }]) => (/^(Publish|LifeboatReplica)/.test(id) ? [] : [[id, Value]]));

    expect(Object.fromEntries(outputsOf(stacks[1]))).toEqual(
      stacks[1]?.resolve({
        LifeboatApiUrl: replica.apiUrl,
        LifeboatBucket: replica.bucketName,
        LifeboatGrantUrlprod: replica.units.get('prod')?.grantUrl,
        LifeboatGrantArnprod: replica.units.get('prod')?.grantArn,
        LifeboatGrantFunctionArnprod: replica.units.get('prod')?.grantFunctionArn,
      }),
    );
    expect(outputsOf(silent.stacks[1])).toEqual([]);
  });

  it('name the control planes there are, when another one is asked for', () => {
    const { stacks, replica } = inApp([region, secondRegion]);
    const dataPlane = new iam.Role(stacks[0], 'DataPlane', { assumedBy: new iam.AccountRootPrincipal() });

    const grant = () => replica.grantBootstrap(dataPlane, 'dev');

    expect(grant).toThrow('there is no control plane "dev" in Second/Lifeboat: choose one of prod');
  });

  it.each<[string, () => unknown, string]>([
    [
      'of one region',
      () => inApp([region, region]),
      'it is in eu-central-1, like the vault, so one outage would affect both',
    ],
    [
      'of which one’s region is not known',
      () => inApp([undefined, secondRegion]),
      'the regions of both stacks must be known',
    ],
    [
      'of two accounts',
      () => inApp([region, secondRegion], {}, { owner: '999988887777' }),
      'it is in another account than the vault',
    ],
    [
      'whose replica is told what is its Lifeboat’s',
      () => inApp([region, secondRegion], { urlLifetimeSeconds: 5 } as object),
      '- urlLifetimeSeconds: there is no such setting here: remove it, or choose one of domain, alarmTopicArn, bucketName, timeControl',
    ],
    [
      'with names that make one that IAM does not take',
      () => inApp([region, secondRegion], {}, { name: 'x'.repeat(43) }),
      'but IAM accepts at most 64 characters: give the stack a shorter name',
    ],
  ])('are refused with a sentence: %s', (_what, make, sentence) => {
    expect(make).toThrow(sentence);
  });

  const certificateArn = (of: string) => `arn:aws:acm:${of}:${account}:certificate/0`;

  it.each<[string, object, object]>([
    ['bucketName', { bucketName: 'vault', vaultMadeWith: { bucketName: 'vault' } }, { bucketName: 'vault' }],
    [
      'domain.name',
      { domain: { name: 'lifeboat.example.com', certificateArn: certificateArn(region) } },
      { domain: { name: 'lifeboat.example.com', certificateArn: certificateArn(secondRegion) } },
    ],
  ])('have each its own %s', (setting, ofFirst, ofSecond) => {
    const make = () => deployWithReplica({ ...twoControlPlanes, ...ofFirst }, ofSecond);

    expect(make).toThrow(`\n- ${setting}: the first region uses this name: choose another one`);
  });

  it('take a name that just fits', () => {
    // With "-Lifeboat-to-eu-west-1" behind it: 64.
    const { stacks } = inApp([region, secondRegion], {}, { name: 'x'.repeat(42) });

    Template.fromStack(stacks[0]).hasResourceProperties('AWS::IAM::Role', {
      RoleName: `${'x'.repeat(42)}-Lifeboat-to-eu-west-1`,
    });
  });

  it('have no second replica', () => {
    const { app, lifeboat } = inApp([region, secondRegion]);
    const third = new Stack(app, 'Third', env('us-east-1'));

    const make = () => new LifeboatReplica(third, 'Lifeboat', { lifeboat });

    expect(make).toThrow('Third/Lifeboat cannot be created: First/Lifeboat already has a replica');
  });

  it('fit into AWS with nine control planes of the longest names, as many readers as there may be, locks, and lockdown', () => {
    const keeper = (letter: string) => `arn:aws:iam::${account}:role/${letter.repeat(64)}`;
    const readers = Array.from({ length: 3 }, (_, index) => keeper(String(index)));
    const names = Array.from({ length: 9 }, (_, index) => `${index}${'-a'.repeat(19)}b`);

    const largest = deployWithReplica({
      controlPlanes: Object.fromEntries(
        names.map((name, index) => [
          name,
          { ...unit, fileReaderRoleArns: readers.slice(index, index < 3 ? index + 1 : index) },
        ]),
      ),
      objectLockDays: 30,
      vaultMadeWith: { objectLock: true },
      lockdown: { breakGlassRoleArn: keeper('a'), deploymentRoleArn: keeper('b') },
    });

    const bytes = (type: string, property: string) =>
      [largest.first, largest.second].flatMap((of) =>
        ofType(of, type).map(({ properties }) => JSON.stringify(properties[property]).length),
      );
    // As in the test of one stack, which says whose limits these are.
    expect(Math.max(...bytes('AWS::S3::BucketPolicy', 'PolicyDocument'))).toBeLessThan(20 * 1024);
    expect(Math.max(...bytes('AWS::KMS::Key', 'KeyPolicy'))).toBeLessThan(32 * 1024);
    expect(Math.max(...bytes('AWS::IAM::Policy', 'PolicyDocument'))).toBeLessThan(10_240);
  });
});
