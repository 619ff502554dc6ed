import { describe, expect, it } from '@jest/globals';
import { deploy, ofType, one } from '../deployment.ts';

const network = {
  vpcId: 'vpc-0000000a',
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  subnetIds: ['subnet-0000000a', 'subnet-0000000b'],
  securityGroupIds: ['sg-0000000a'],
};
const endpoints = { routeTableIds: ['rtb-0000000a', 'rtb-0000000b'] };
const proxySecretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:proxy-AbCdEf';
const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'] };
const deployment = deploy({
  controlPlanes: {
    prod: { ...unit, proxyServer: 'http://proxy:3128', proxySecretArn, vpc: { ...network, endpoints } },
    staging: { ...unit, vpc: { ...network, securityGroupIds: ['sg-0000000a', 'sg-0000000b'] } },
    elsewhere: { ...unit, vpc: { ...network, vpcId: 'vpc-0000000b', securityGroupIds: ['sg-0000000c'] } },
  },
});

const made = ofType(deployment, 'AWS::EC2::VPCEndpoint');
const named = (name: string) => one(deployment, 'AWS::EC2::VPCEndpoint', `Endpointsprod${name}`);
const queue = (name: string) => one(deployment, 'AWS::SQS::Queue', `Export${name}Queue`).arn;
const certificate = (name: string) =>
  one(deployment, 'AWS::SecretsManager::Secret', `Export${name}ClusterCertificate`).arn;
const statement = (Action: unknown, Resource: unknown) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action, Resource }],
});

describe('private endpoints', () => {
  it('are made once, in the network that asks for them', () => {
    expect(made).toHaveLength(4);
    expect(made.map(({ properties }) => properties['VpcId'])).toEqual(made.map(() => 'vpc-0000000a'));
  });

  it.each<[string, string, object]>([
    [
      'Sqs',
      'sqs',
      statement(['sqs:ChangeMessageVisibility', 'sqs:SendMessage'], [queue('prod'), queue('staging')]),
    ],
    [
      'SecretsManager',
      'secretsmanager',
      statement('secretsmanager:GetSecretValue', [
        proxySecretArn,
        certificate('prod'),
        certificate('staging'),
      ]),
    ],
    [
      'Kms',
      'kms',
      statement(['kms:GetPublicKey', 'kms:Sign'], one(deployment, 'AWS::KMS::Key', 'SigningKey').arn),
    ],
  ])('for %s stand in its subnets, for what its exports call', (name, service, policy) => {
    const { properties } = named(name);

    expect(properties).toMatchObject({
      VpcEndpointType: 'Interface',
      PrivateDnsEnabled: true,
      ServiceName: `com.amazonaws.eu-central-1.${service}`,
      SubnetIds: network.subnetIds,
    });
    expect(properties['PolicyDocument']).toEqual(policy);
  });

  it('for S3 stand in its route tables, for the vault', () => {
    const bucket = one(deployment, 'AWS::S3::Bucket').arn;

    expect(named('S3').properties).toMatchObject({
      VpcEndpointType: 'Gateway',
      RouteTableIds: endpoints.routeTableIds,
      PolicyDocument: statement(
        [
          ...[
            's3:GetBucketVersioning',
            's3:GetObject',
            's3:GetObjectVersion',
            's3:ListBucket',
            's3:ListBucketVersions',
          ],
          ...['s3:PutObject', 's3:PutObjectRetention'],
        ],
        [bucket, `${bucket}/*`],
      ),
    });
  });

  it('are open to the exports of the network, each group once', () => {
    const group = one(deployment, 'AWS::EC2::SecurityGroup', 'Endpointsprod').properties;

    expect(group).toMatchObject({
      VpcId: 'vpc-0000000a',
      SecurityGroupIngress: ['sg-0000000a', 'sg-0000000b'].map((SourceSecurityGroupId) => ({
        SourceSecurityGroupId,
        IpProtocol: 'tcp',
        FromPort: 443,
        ToPort: 443,
      })),
    });
  });

  it('are not made unasked', () => {
    const without = deploy({ controlPlanes: { prod: { ...unit, vpc: network } } });

    expect(ofType(without, 'AWS::EC2::VPCEndpoint')).toEqual([]);
  });
});
