import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type App, CfnParameter, Duration, Fn, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { OUTDIR_ENV } from 'aws-cdk-lib/cx-api';
import type { LifeboatControlPlaneProps } from '../../../lib/deployment/control-plane-props.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import type { LifeboatProps } from '../../../lib/deployment/lifeboat-props.ts';
import { LifeboatReplica, type LifeboatReplicaProps } from '../../../lib/replica/lifeboat-replica.ts';
import { parseSettings } from '../../../lib/settings/settings.ts';
import { newApp } from '../app.ts';
import { account, annotations, failure, region, secondRegion } from '../deployment.ts';

const prod = { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] };
const keyArn = (last: string) =>
  `arn:aws:kms:${region}:${account}:key/01234567-89ab-cdef-0123-45678900000${last}`;
const secretArn = `arn:aws:secretsmanager:${region}:${account}:secret:kong/cluster-AbCdEf`;
const topicArn = `arn:aws:sns:${region}:${account}:on-call`;
const certificateArn = `arn:aws:acm:${region}:${account}:certificate/0`;
const policyArn = `arn:aws:iam::${account}:policy/boundary`;

type Given<Props> = Props | ((stack: Stack) => Props);

/** A Lifeboat with one control plane in a stack of somebody else. */
function make(
  deployment: Given<Partial<LifeboatProps>>,
  unit: Given<Partial<LifeboatControlPlaneProps>> = {},
  app = newApp({ '@aws-cdk/core:enablePartitionLiterals': true }),
) {
  const stack = new Stack(app, 'Gateway', { env: { account, region } });
  const of = <Props>(given: Given<Props>) =>
    typeof given === 'function' ? (given as (stack: Stack) => Props)(stack) : given;
  const lifeboat = new Lifeboat(stack, 'Lifeboat', {
    ...of(deployment),
    controlPlanes: { prod: { ...prod, ...of(unit) } },
  });
  return { stack, lifeboat, errors: annotations(stack, 'error').join('\n') };
}

const resourcesOf = (template: Template, type: string) => Object.entries(template.findResources(type));

describe('constructs and durations of CDK', () => {
  it('say the same as text and numbers', () => {
    const key = (stack: Stack, last: string) => kms.Key.fromKeyArn(stack, `Key${last}`, keyArn(last));
    const secret = (stack: Stack, id: string) =>
      secretsmanager.Secret.fromSecretCompleteArn(stack, id, secretArn);

    const { lifeboat, errors } = make(
      (stack) => ({
        urlLifetime: Duration.minutes(3),
        coalescingWindow: Duration.seconds(2),
        scheduleInterval: Duration.hours(1),
        settleTime: Duration.millis(9000),
        clockTolerance: Duration.seconds(3),
        minimumInterval: Duration.seconds(6),
        noncurrentVersionExpiration: Duration.days(40),
        objectLockDuration: Duration.hours(48),
        logRetentionDays: logs.RetentionDays.SIX_MONTHS,
        alarmTopic: sns.Topic.fromTopicArn(stack, 'Topic', topicArn),
        encryptionKey: key(stack, '1'),
        vaultMadeWith: { objectLock: true, encryptionKey: key(stack, '2') },
        previousEncryptionKeys: [kms.Key.fromKeyArn(stack, 'Before', keyArn('2'))],
        signingKeys: ['first', 'second'],
        existingSigningKeys: { second: key(stack, '3') },
        permissionsBoundary: iam.ManagedPolicy.fromManagedPolicyArn(stack, 'Policy', policyArn),
        domain: {
          name: 'lifeboat.example.com',
          certificate: acm.Certificate.fromCertificateArn(stack, 'Certificate', certificateArn),
          hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
            hostedZoneId: 'Z0123456789',
            zoneName: 'example.com',
          }),
        },
      }),
      (stack) => ({
        clusterCertificateSecret: secret(stack, 'Certificates'),
        proxyServer: 'http://proxy.example.com:3128',
        proxySecret: secret(stack, 'Proxy'),
        eventHookSecret: secret(stack, 'Hook'),
        vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
          vpcId: 'vpc-0000000a',
          availabilityZones: ['eu-central-1a', 'eu-central-1b'],
          privateSubnetIds: ['subnet-0000000a', 'subnet-0000000b'],
          privateSubnetRouteTableIds: ['rtb-0000000a', 'rtb-0000000b'],
        }),
        securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-0000000a')],
        vpcEndpoints: true,
      }),
    );

    expect(errors).toBe('');
    expect(lifeboat.settings).toEqual(
      parseSettings({
        urlLifetimeSeconds: 180,
        coalescingWindowSeconds: 2,
        scheduleMinutes: 60,
        settleSeconds: 9,
        clockToleranceSeconds: 3,
        minimumIntervalSeconds: 6,
        noncurrentVersionDays: 40,
        objectLockDays: 2,
        logRetentionDays: 180,
        alarmTopicArn: topicArn,
        encryptionKeyArn: keyArn('1'),
        vaultMadeWith: { objectLock: true, encryptionKeyArn: keyArn('2') },
        previousEncryptionKeyArns: [keyArn('2')],
        signingKeys: ['first', 'second'],
        signingKeyArns: { second: keyArn('3') },
        permissionsBoundaryArn: policyArn,
        domain: { name: 'lifeboat.example.com', certificateArn, hostedZoneId: 'Z0123456789' },
        controlPlanes: {
          prod: {
            ...prod,
            clusterCertificateSecretArn: secretArn,
            proxyServer: 'http://proxy.example.com:3128',
            proxySecretArn: secretArn,
            eventHookSecretArn: secretArn,
            vpc: {
              vpcId: 'vpc-0000000a',
              availabilityZones: ['eu-central-1a', 'eu-central-1b'],
              subnetIds: ['subnet-0000000a', 'subnet-0000000b'],
              securityGroupIds: ['sg-0000000a'],
              endpoints: { routeTableIds: ['rtb-0000000a', 'rtb-0000000b'] },
            },
          },
        },
      }),
    );
  });

  it('are told by what they have: an app may have a second copy of aws-cdk-lib', () => {
    const { lifeboat, errors } = make({
      alarmTopic: { topicArn } as sns.ITopic,
      urlLifetime: { toSeconds: () => 100, isUnresolved: () => false } as unknown as Duration,
    });

    expect(errors).toBe('');
    expect(lifeboat.settings).toMatchObject({ alarmTopicArn: topicArn, urlLifetimeSeconds: 100 });
  });

  it('of the same stack are used as CDK uses them: networks, a key, a secret with a key of its own', () => {
    const { stack, lifeboat, errors } = make(
      (scope) => {
        const encryptionKey = new kms.Key(scope, 'Key');
        return { encryptionKey, vaultMadeWith: { encryptionKey } };
      },
      (scope) => ({
        vpc: new ec2.Vpc(scope, 'Vpc', {
          maxAzs: 2,
          natGateways: 0,
          restrictDefaultSecurityGroup: false,
          subnetConfiguration: [
            { name: 'public', subnetType: ec2.SubnetType.PUBLIC },
            { name: 'kong', subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
          ],
        }) as ec2.IVpc,
        vpcSubnets: { subnetGroupName: 'kong' },
        vpcEndpoints: true,
        clusterCertificateSecret: secretsmanager.Secret.fromSecretNameV2(scope, 'ByName', 'kong/cluster'),
        eventHookSecret: new secretsmanager.Secret(scope, 'Hook', {
          encryptionKey: new kms.Key(scope, 'HookKey'),
        }) as secretsmanager.ISecret,
      }),
    );
    const template = Template.fromStack(stack);

    expect(errors).toBe('');
    expect(lifeboat.vault.encryptionKeyStatements).toEqual([]);
    const [[, key] = ['', {}]] = resourcesOf(template, 'AWS::KMS::Key').filter(([id]) =>
      id.startsWith('Key'),
    );
    expect(JSON.stringify(key)).toContain('.prod.export.eu-central-1');
    const [[, exporter] = ['', {}]] = resourcesOf(template, 'AWS::Lambda::Function').filter(([id]) =>
      id.startsWith('LifeboatExportprod'),
    );
    const subnets = (stack.node.findChild('Vpc') as ec2.Vpc).isolatedSubnets;
    const [[group] = ['none']] = resourcesOf(template, 'AWS::EC2::SecurityGroup').filter(([id]) =>
      id.startsWith('LifeboatSecurityGroupprod'),
    );
    expect(exporter).toMatchObject({
      Properties: {
        VpcConfig: {
          SubnetIds: subnets.map(({ subnetId }) => stack.resolve(subnetId)),
          SecurityGroupIds: [{ 'Fn::GetAtt': [group, 'GroupId'] }],
        },
      },
    });
    const policies = (type: string, id: string) =>
      JSON.stringify(resourcesOf(template, type).filter(([each]) => each.includes(id)));
    // A secret that is known by its name: only the six characters at its end are open.
    expect(policies('AWS::IAM::Policy', 'ExportRoleprod')).toContain('secret:kong/cluster-??????');
    expect(policies('AWS::EC2::VPCEndpoint', 'SecretsManager')).toContain('secret:kong/cluster-??????');
    expect(JSON.stringify(exporter)).toContain('secret:kong/cluster"');
    // The webhook may use the key of the secret that it reads, through Secrets Manager.
    expect(policies('AWS::KMS::Key', 'HookKey')).toMatch(/kms:Decrypt.*kms:ViaService.*LifeboatIntakeRole/);
  });

  it.each<[what: string, deployment: object, unit: object, sentence: string]>([
    [
      'text for a construct',
      { alarmTopic: topicArn },
      {},
      '- alarmTopic: a topic of CDK (sns.ITopic) is expected: as text or number it is alarmTopicArn',
    ],
    [
      'a number for a duration',
      { settleTime: 7 },
      {},
      '- settleTime: a Duration of CDK is expected: as text or number it is settleSeconds',
    ],
    [
      'a construct twice',
      { alarmTopic: { topicArn }, alarmTopicArn: topicArn },
      {},
      '- alarmTopic: alarmTopicArn says the same: keep one of them',
    ],
    [
      'a construct of another kind',
      { encryptionKey: { topicArn } },
      {},
      '- encryptionKey: a key of CDK (kms.IKey) is expected',
    ],
    [
      'one key for a list',
      { previousEncryptionKeys: { keyArn: keyArn('1') } },
      {},
      '- previousEncryptionKeys: a list of keys',
    ],
    [
      'a FIFO topic',
      { alarmTopic: { topicArn, fifo: true } },
      {},
      '- alarmTopic: CloudWatch alarms notify no FIFO topic',
    ],
    [
      'too short a duration',
      { urlLifetime: Duration.seconds(59) },
      {},
      '- urlLifetime: at least 60 seconds are expected',
    ],
    [
      'half an hour of days',
      { objectLockDuration: Duration.hours(12) },
      {},
      '- objectLockDuration: a whole number of days is expected',
    ],
    [
      'a duration that is a parameter',
      {
        settleTime: Duration.seconds(
          new CfnParameter(new Stack(newApp()), 'P', { type: 'Number' }).valueAsNumber,
        ),
      },
      {},
      '- settleTime: a Duration is expected whose length is known at synth',
    ],
    [
      'a number that is a parameter',
      { settleSeconds: new CfnParameter(new Stack(newApp()), 'P', { type: 'Number' }).valueAsNumber },
      {},
      '- settleSeconds: a number of seconds is expected that is known at synth',
    ],
    [
      'an alias for a key',
      { encryptionKey: { keyArn: `arn:aws:kms:${region}:${account}:alias/a` } },
      {},
      '- encryptionKey: the ARN of a KMS key is expected, not of an alias',
    ],
    [
      'a key of another region',
      { previousEncryptionKeys: [{ keyArn: keyArn('1').replace(region, secondRegion) }] },
      {},
      '- previousEncryptionKeys.0: the key is in eu-west-1, but the stack is in eu-central-1',
    ],
    [
      'a zone that the name is not of',
      {
        domain: {
          name: 'lifeboat.example.com',
          certificateArn,
          hostedZone: { hostedZoneId: 'Z1', zoneName: 'ample.com' },
        },
      },
      {},
      '- domain.hostedZone: lifeboat.example.com is no name of the zone ample.com',
    ],
    [
      'subnets without their network',
      {},
      { vpcSubnets: {} },
      '- controlPlanes.prod.vpcSubnets: it is about the network of vpc, and there is none',
    ],
    [
      'groups as text',
      {},
      {
        vpc: { vpcId: 'vpc-0000000a', selectSubnets: () => ({ subnets: [] }) },
        securityGroups: ['sg-0000000a'],
      },
      '- controlPlanes.prod.securityGroups: a list of security groups of CDK',
    ],
    [
      'a secret as text',
      {},
      { eventHookSecret: secretArn },
      '- controlPlanes.prod.eventHookSecret: a secret of CDK (secretsmanager.ISecret) is expected: as text or number it is eventHookSecretArn',
    ],
    [
      'a list of which nobody knows the length',
      {},
      { customPlugins: Fn.split(',', Fn.importValue('plugins')) },
      '- controlPlanes.prod.customPlugins: a list of plugin names is expected whose length is known at synth',
    ],
  ])(
    'are refused with a sentence about the property that was given: %s',
    (_what, deployment, unit, sentence) => {
      expect(
        failure(() => {
          throw new Error(make(deployment, unit).errors);
        }),
      ).toContain(sentence);
    },
  );

  it('are taken by a replica, too', () => {
    const app = newApp();
    const { lifeboat } = make({}, {}, app);
    const second = new Stack(app, 'Second', { env: { account, region: secondRegion } });
    const props: Omit<LifeboatReplicaProps, 'lifeboat'> = {
      alarmTopic: sns.Topic.fromTopicAttributes(second, 'Topic', { topicArn, keyArn: keyArn('9') }),
    };

    new LifeboatReplica(second, 'Lifeboat', { lifeboat, ...props });

    expect(annotations(second, 'error')).toEqual([
      expect.stringContaining('- alarmTopic: the topic is in eu-central-1, but the stack is in eu-west-1'),
    ]);
    expect(annotations(second, 'warning').join()).toContain('alarms reach nobody unless the policy');
  });
});

describe('what CDK is still to look up', () => {
  const lookUp = (stack: Stack) => ({
    vpc: () => ec2.Vpc.fromLookup(stack, 'Vpc', { vpcName: 'shared' }),
    parameter: (name: string) => ssm.StringParameter.valueFromLookup(stack, name),
  });
  const listIds = ({ vpcId, privateSubnets, stack }: ec2.IVpc) => ({
    vpcId,
    availabilityZones: privateSubnets.map(({ availabilityZone }) => availabilityZone),
    subnetIds: privateSubnets.map(({ subnetId }) => subnetId),
    securityGroupIds: [
      ec2.SecurityGroup.fromLookupById(stack, 'Group', 'sg-0123456789abcdef0').securityGroupId,
    ],
    endpoints: { routeTableIds: privateSubnets.map(({ routeTable }) => routeTable.routeTableId) },
  });
  /** As the `cdk` command runs an app. */
  const missing = (app: App) => {
    process.env[OUTDIR_ENV] = app.outdir;
    try {
      return app.synth().manifest.missing?.map(({ provider }) => provider);
    } finally {
      delete process.env[OUTDIR_ENV];
    }
  };

  it('passes, as a construct and as text, and CDK learns what to look up', () => {
    const app = newApp();
    const { errors } = make(
      (stack) => ({
        alarmTopicArn: lookUp(stack).parameter('/topic'),
        encryptionKey: kms.Key.fromLookup(stack, 'Key', { aliasName: 'alias/vault' }),
        vaultMadeWith: {
          encryptionKeyArn: kms.Key.fromLookup(stack, 'Same', { aliasName: 'alias/vault' }).keyArn,
        },
        retiredSigningKeys: [lookUp(stack).parameter('/retired')],
        domain: {
          name: 'lifeboat.example.com',
          certificateArn: lookUp(stack).parameter('/certificate'),
          hostedZone: route53.HostedZone.fromLookup(stack, 'Zone', { domainName: 'example.com' }),
        },
      }),
      (stack) => ({
        clusterEndpoint: `${lookUp(stack).parameter('/host')}:8005`,
        dataPlaneVersions: [lookUp(stack).parameter('/version')],
        clusterCertificateSecretArn: lookUp(stack).parameter('/secret'),
        fileReaderRoleArns: [lookUp(stack).parameter('/reader')],
        dataPlaneAuth: { clusterCertificate: { certificates: [lookUp(stack).parameter('/pem')] } } as never,
        vpc: listIds(lookUp(stack).vpc()),
      }),
      app,
    );

    expect(errors).toBe('');
    expect(missing(app)).toEqual(
      expect.arrayContaining(['vpc-provider', 'hosted-zone', 'ssm', 'security-group', 'key-provider']),
    );
  });

  it('is learnt also where a setting is wrong, and all that is wrong is said at once', () => {
    const app = newApp();
    const { stack, errors } = make(
      {},
      (scope) => ({
        vpc: lookUp(scope).vpc(),
        vpcSubnets: { subnetGroupName: 'kong' },
        clusterEndpoint: 'nonsense',
      }),
      app,
    );
    new Lifeboat(stack, 'Other', {
      controlPlanes: { prod },
      urlLifetimeSeconds: 1,
      settleSeconds: 0,
    } as never);

    expect(errors).toContain('- controlPlanes.prod.clusterEndpoint: host and port');
    expect(annotations(stack, 'error')).toHaveLength(2);
    expect(annotations(stack, 'error')[1]).toMatch(
      /Gateway\/Other.*\n- urlLifetimeSeconds: .*\n- settleSeconds: /,
    );
    expect(missing(app)).toEqual(['vpc-provider']);
  });

  it('is nothing that leaves a template of wrong settings where no cdk command reads the errors', () => {
    const app = newApp();
    const { stack } = make({ bucketName: 'example-lifeboat' }, { clusterEndpoint: 'nonsense' }, app);

    const said = failure(() => app.synth());

    expect(said).toContain('- controlPlanes.prod.clusterEndpoint: host and port');
    expect(existsSync(join(app.outdir, stack.templateFile))).toBe(false);
  });

  it('ends the app where nothing can be built of the settings, with the sentences', () => {
    // A list is no object whose names are 0, 1, 2.
    expect(failure(() => new Lifeboat(new Stack(newApp()), 'L', { controlPlanes: [prod] as never }))).toMatch(
      /\n- controlPlanes: an object is expected, with a section for each control plane by its name/,
    );
    expect(failure(() => make({ urlLifetimeSeconds: '5' as never }))).toMatch(
      /the settings of Gateway\/Lifeboat are wrong:\n- urlLifetimeSeconds: a number of seconds/,
    );
    // It is of the right type, and CDK itself refuses it.
    expect(
      failure(() => make({ bucketName: 'No Bucket', vaultMadeWith: { bucketName: 'No Bucket' } })),
    ).toContain('- bucketName: the name of a bucket is expected');
  });

  it('is no certificate that CloudFormation alone will know', () => {
    const { errors } = make((stack) => ({
      retiredSigningKeys: [ssm.StringParameter.valueForStringParameter(stack, '/pem')],
    }));

    expect(errors).toContain('- retiredSigningKeys.0: it is read at synth, so it must be known there');
  });
});

describe('a warning', () => {
  const warningsIn = (where: string, props: Partial<LifeboatProps> = {}) => {
    const stack = new Stack(newApp(), 'Gateway', { env: { account, region: where } });
    new Lifeboat(stack, 'Lifeboat', { controlPlanes: { prod }, ...props });
    return annotations(stack, 'warning').join('\n');
  };
  const heard = { runbookUrl: 'https://wiki.example.com/lifeboat' };

  it('tells of alarms that notify nobody, and of a runbook that is nowhere', () => {
    const quiet = warningsIn('us-east-1');

    expect(quiet).toContain(
      'alarms change their state and notify nobody: name a standard SNS topic in alarmTopicArn',
    );
    expect(quiet).toContain(
      'alarms lead to https://lifeboat.example.com/docs/runbook.md, which does not exist',
    );
    expect(warningsIn(region, { ...heard, alarmTopicArn: topicArn })).toBe('');
  });

  it.each([
    ['eu-centrl-1', 'did you mean eu-central-1?'],
    ['eusc-de-east-1', undefined],
    ['us-isob-east-1', undefined],
    ['cn-northwest-1', undefined],
    ['us-gov-west-1', undefined],
    ['xx-moon-base-9', 'CDK knows no region xx-moon-base-9: A newer one'],
  ])('tells of a region that is misspelt, in any partition: %s', (where, sentence) => {
    const warnings = warningsIn(where, heard);

    expect(warnings.includes('CDK knows no region')).toBe(sentence !== undefined);
    expect(warnings).toContain(sentence ?? '');
  });

  const encrypted = (masterKey: (stack: Stack) => kms.IKey) =>
    make((stack) => ({ alarmTopic: new sns.Topic(stack, 'Topic', { masterKey: masterKey(stack) }) }));
  const letsAlarms = {
    Effect: 'Allow',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    Resource: '*',
  };

  it('is not needed of an encrypted topic whose key the app makes: alarms may use that', () => {
    const { stack } = encrypted((scope) => new kms.Key(scope, 'TopicKey'));

    const [, key] =
      resourcesOf(Template.fromStack(stack), 'AWS::KMS::Key').find(([id]) => id.startsWith('TopicKey')) ?? [];
    expect(key?.['Properties'].KeyPolicy.Statement).toContainEqual(letsAlarms);
    expect(annotations(stack, 'warning').join()).not.toContain('alarms reach nobody');
  });

  it.each<[what: string, key: (stack: Stack) => kms.IKey]>([
    ['another app’s', (scope) => kms.Key.fromKeyArn(scope, 'TopicKey', keyArn('9'))],
    ['AWS’s own', (scope) => kms.Alias.fromAliasName(scope, 'TopicKey', 'alias/aws/sns')],
  ])('tells of an encrypted topic whose key is %s, and what its policy needs', (_whose, key) => {
    const { stack } = encrypted(key);

    const said = annotations(stack, 'warning').join();
    const [, statement = '{}'] = /the policy of the topic’s key has (\{.*?\}): it is not/.exec(said) ?? [];
    expect(JSON.parse(statement)).toEqual(letsAlarms);
  });

  it('tells of functions in public subnets', () => {
    const { stack } = make({}, (scope) => ({
      vpc: new ec2.Vpc(scope, 'Vpc', {
        natGateways: 0,
        maxAzs: 1,
        restrictDefaultSecurityGroup: false,
      }) as ec2.IVpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
    }));

    expect(annotations(stack, 'warning').join()).toContain('the export of prod would run in public subnets');
  });
});
