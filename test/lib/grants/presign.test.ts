import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { presignEnvironment } from '../../../lambdas/environment/presign.ts';
import {
  account,
  deploy,
  environment,
  logRights,
  one,
  region,
  rights,
  role,
  twoControlPlanes,
} from '../deployment.ts';

const deployment = deploy(twoControlPlanes);
const bucket = one(deployment, 'AWS::S3::Bucket');
const encryptionKey = one(deployment, 'AWS::KMS::Key', 'EncryptionKey');
const lambdaFunction = (...words: readonly string[]) => one(deployment, 'AWS::Lambda::Function', ...words);
const files = `${bucket.arn}/prod/*/config.json`;

describe('the presign function of a control plane', () => {
  it('may read the files of its control plane, no more', () => {
    const may = rights(deployment, role(deployment, 'PresignRole', 'prod'));

    expect(may).toEqual(
      [
        `Allow s3:GetObject ${files}`,
        `Allow s3:GetObject ${bucket.arn}/status/prod.json`,
        `Allow s3:GetObjectVersion ${files}`,
        `Allow s3:ListBucket ${bucket.arn}`,
        `Allow kms:Decrypt ${encryptionKey.arn}`,
        ...logRights(deployment, 'Presignprod'),
      ].sort(),
    );
  });

  it('reads the settings of its control plane', () => {
    const read = v.parse(presignEnvironment, environment(lambdaFunction('Presignprod')));

    expect(read).toEqual({
      CONTROL_PLANE: 'prod',
      BUCKET: bucket.arn.replace('arn:aws:s3:::', ''),
      URL_SUFFIX: 'amazonaws.com',
      DUAL_STACK: false,
      DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
      URL_LIFETIME_SECONDS: 200,
      CLUSTER_CERTIFICATES: [],
      CLUSTER_AUTHORITIES: [],
      CLUSTER_COMMON_NAMES: [],
      // The drill's grants are told from a data plane's.
      API_ORIGIN: 'AWS::StackId',
      DRILL_ROLE_ARN: `arn:aws:iam::${account}:role/Lifeboat.prod.inspect.${region}`,
    });
  });
});
