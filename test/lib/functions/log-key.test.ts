import { describe, expect, it } from '@jest/globals';
import { account, deploy, ofType, one, region, twoControlPlanes } from '../deployment.ts';

const deployment = deploy(twoControlPlanes);

describe('the logs', () => {
  const logKey = one(deployment, 'AWS::KMS::Key', 'LogKey');

  it('are encrypted, each group of them', () => {
    const keys = ofType(deployment, 'AWS::Logs::LogGroup').map(({ properties }) => properties['KmsKeyId']);

    expect(keys).toEqual(Array.from({ length: 8 }, () => logKey.arn));
  });

  it('are left to CloudWatch’s own encryption where that is set', () => {
    const without = deploy({ ...twoControlPlanes, logKey: false });

    expect(ofType(without, 'AWS::KMS::Key').filter(({ id }) => id.startsWith('LogKey'))).toEqual([]);
    expect(
      ofType(without, 'AWS::Logs::LogGroup').filter(({ properties }) => 'KmsKeyId' in properties),
    ).toEqual([]);
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
                'kms:EncryptionContext:aws:logs:arn': [
                  `arn:aws:logs:${region}:${account}:log-group:Lifeboat-*`,
                  `arn:aws:logs:${region}:${account}:log-group:/aws/vendedlogs/lifeboat/Lifeboat/*`,
                ],
              },
            },
          },
        ],
      },
    });
  });
});
