import { describe, expect, it } from '@jest/globals';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { exportEnvironment } from '../../../lambdas/environment/export.ts';
import { account, deploy, environment, ofType, one, region, twoControlPlanes } from '../deployment.ts';
import type { Statement } from '../policy.ts';

const deployment = deploy(twoControlPlanes);
const key = `arn:aws:kms:${region}:${account}:key/01234567-89ab-cdef-0123-456789abcdef`;
const own = deploy({
  ...twoControlPlanes,
  bucketName: 'example-lifeboat',
  encryptionKeyArn: key,
  vaultMadeWith: { bucketName: 'example-lifeboat', encryptionKeyArn: key },
  lockdown: {
    breakGlassRoleArn: `arn:aws:iam::${account}:role/break-glass`,
    deploymentRoleArn: `arn:aws:iam::${account}:role/deployment`,
  },
});

describe('a vault with a name and a key of the deployer’s', () => {
  it('has both', () => {
    own.template.hasResourceProperties('AWS::S3::Bucket', {
      BucketName: 'example-lifeboat',
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { KMSMasterKeyID: key } }],
      },
    });
    expect(
      v.parse(exportEnvironment, environment(one(own, 'AWS::Lambda::Function', 'Exportprod'))),
    ).toMatchObject({ ENCRYPTION_KEY_ARN: key });
    expect(ofType(own, 'AWS::KMS::Key').map(({ id }) => id)).toEqual([
      expect.stringMatching(/^VaultSigningKey/),
      expect.stringMatching(/^LogKey/),
    ]);
  });

  it('says what the policy of the key needs', () => {
    const statements = JSON.parse(own.outputs['EncryptionKeyStatements'] ?? '');

    expect(statements.map(({ Effect, Sid }: Statement) => `${Effect} ${Sid}`)).toEqual([
      'Allow LifeboatDecrypts',
      'Allow ExportEncrypts',
      'Deny OnlyLifeboatDecrypts',
      'Deny OnlyExportEncrypts',
      'Deny OnlyThroughS3',
      'Deny NobodyReEncrypts',
      'Deny OnlyKeepersChangeKey',
    ]);
    Annotations.fromStack(own.stack).hasInfo(
      '/Lifeboat/Default/Vault',
      Match.stringLikeRegexp(`the policy of ${key} is yours`),
    );
    expect(deployment.outputs).not.toHaveProperty('EncryptionKeyStatements');
  });
});
