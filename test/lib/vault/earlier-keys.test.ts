import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { exportEnvironment } from '../../../lambdas/environment/export.ts';
import { unpackPublicKey } from '../../../lambdas/environment/public-keys.ts';
import {
  account,
  type Deployment,
  deploy,
  deployWithReplica,
  environment,
  granted,
  ofType,
  one,
  region,
  role,
  secondRegion,
  twoControlPlanes,
} from '../deployment.ts';
import type { Statement } from '../policy.ts';

const keyArn = (digit: number) =>
  `arn:aws:kms:${region}:${account}:key/${String(digit).repeat(8)}-89ab-cdef-0123-456789abcdef`;
const previousEncryptionKeyArns = [keyArn(1), keyArn(2)];

const uses = (policies: readonly Statement[], action: string) =>
  policies
    .filter(({ Effect, Action }) => Effect === 'Allow' && Action.includes(action))
    .map(({ Resource, Condition }) => ({ keys: Resource?.toSorted(), Condition }));

function throughVault(deployment: Deployment) {
  return {
    StringEquals: {
      'kms:EncryptionContext:aws:s3:arn': [one(deployment, 'AWS::S3::Bucket').arn],
      'kms:ViaService': [`s3.${region}.amazonaws.com`],
    },
  };
}

describe('a vault whose encryption key was changed', () => {
  it.each<[what: string, settings: object]>([
    ['from one of the deployer’s to one that is made', {}],
    ['from one of the deployer’s to another', { encryptionKeyArn: keyArn(0) }],
  ])('%s: exports and presigned URLs decrypt with both, through S3, for the vault', (_what, settings) => {
    const changed = deploy({ ...twoControlPlanes, ...settings, previousEncryptionKeyArns });
    const current = environment(one(changed, 'AWS::Lambda::Function', 'Exportprod'))['ENCRYPTION_KEY_ARN'];

    const decrypting = ['ExportRole', 'PresignRole'].flatMap((name) =>
      uses(granted(changed, role(changed, name, 'prod')), 'kms:Decrypt'),
    );

    const both = {
      keys: [current ?? '', ...previousEncryptionKeyArns].toSorted(),
      Condition: throughVault(changed),
    };
    expect(decrypting).toEqual([both, both]);
  });

  it('encrypts with the new one alone', () => {
    const changed = deploy({ ...twoControlPlanes, encryptionKeyArn: keyArn(0), previousEncryptionKeyArns });

    const encrypting = uses(granted(changed, role(changed, 'ExportRole', 'prod')), 'kms:GenerateDataKey');

    expect(encrypting).toEqual([{ keys: [keyArn(0)], Condition: throughVault(changed) }]);
    expect(JSON.stringify(one(changed, 'AWS::S3::BucketPolicy').properties)).not.toContain(keyArn(1));
    expect(JSON.stringify(one(changed, 'AWS::S3::Bucket').properties)).not.toContain(keyArn(1));
  });

  it('replicates what is under either, and the second region knows its own key only', () => {
    const { first, second } = deployWithReplica({ ...twoControlPlanes, previousEncryptionKeyArns });

    const replication = granted(first, one(first, 'AWS::IAM::Role', 'ReplicationRole'));

    expect(uses(replication, 'kms:Decrypt').at(0)).toEqual({
      keys: [...previousEncryptionKeyArns, one(first, 'AWS::KMS::Key', 'EncryptionKey').arn],
      Condition: throughVault(first),
    });
    expect(JSON.stringify(second.template.toJSON())).not.toContain(keyArn(1));
    expect(uses(granted(second, role(second, 'PresignRole', 'prod')), 'kms:Decrypt')).toMatchObject([
      { keys: [one(second, 'AWS::KMS::Key', 'EncryptionKey').arn] },
    ]);
    expect(second.stack.region).toBe(secondRegion);
  });

  it('has nothing made for the keys of before', () => {
    const [before, after] = [{}, { previousEncryptionKeyArns }].map((more) =>
      deploy({ ...twoControlPlanes, ...more }).resources.map(({ id }) => id),
    );

    expect(after).toEqual(before);
  });
});

describe('a vault whose signing key was changed', () => {
  const pems = [1, 2].map(() =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  const changed = deploy({
    ...twoControlPlanes,
    signingKeys: ['third', 'second', 'first'],
    retiredSigningKeys: pems,
  });
  const key = (start: string) => one(changed, 'AWS::KMS::Key', start).arn;
  const further = [key('VaultFurtherSigningKeysecond'), key('VaultSigningKey')];
  const variables = v.parse(
    exportEnvironment,
    environment(one(changed, 'AWS::Lambda::Function', 'Exportprod')),
  );

  it('tells its exports the keys that it still has, which they may ask for and not sign with', () => {
    const policies = granted(changed, role(changed, 'ExportRole', 'prod'));

    expect(variables).toMatchObject({
      SIGNING_KEY_ARN: key('VaultFurtherSigningKeythird'),
      FURTHER_SIGNING_KEY_ARNS: further,
    });
    expect(uses(policies, 'kms:Sign').map(({ keys }) => keys)).toEqual([
      [key('VaultFurtherSigningKeythird')],
    ]);
    expect(uses(policies, 'kms:GetPublicKey').map(({ keys }) => keys)).toEqual([
      [key('VaultFurtherSigningKeythird')],
      further,
    ]);
  });

  it('tells them the retired keys', () => {
    const told = variables.RETIRED_SIGNING_KEYS.map((packed) =>
      createPublicKey({ key: Buffer.from(unpackPublicKey(packed)), format: 'der', type: 'spki' }).export({
        type: 'spki',
        format: 'pem',
      }),
    );

    expect(told).toEqual(pems);
  });

  it('lets them ask for the keys from a private network, too', () => {
    const network = {
      vpcId: 'vpc-0000000a',
      availabilityZones: ['eu-central-1a'],
      subnetIds: ['subnet-0000000a'],
      securityGroupIds: ['sg-0000000a'],
      endpoints: { routeTableIds: ['rtb-0000000a'] },
    };
    const inside = deploy({
      controlPlanes: {
        prod: { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'], vpc: network },
      },
      signingKeys: ['second', 'first'],
    });

    const { properties } = one(inside, 'AWS::EC2::VPCEndpoint', 'EndpointsprodKms');

    expect(properties['PolicyDocument']).toMatchObject({
      Statement: [
        {
          Action: ['kms:GetPublicKey', 'kms:Sign'],
          Resource: one(inside, 'AWS::KMS::Key', 'VaultFurtherSigningKeysecond').arn,
        },
        { Action: 'kms:GetPublicKey', Resource: one(inside, 'AWS::KMS::Key', 'VaultSigningKey').arn },
      ],
    });
  });

  it('keeps the ids of its keys', () => {
    const keys = (of: Deployment) => ofType(of, 'AWS::KMS::Key').map(({ id }) => id);

    expect(keys(changed)).toEqual(expect.arrayContaining([...keys(deploy(twoControlPlanes))]));
  });
});
