import { describe, expect, it } from '@jest/globals';

import { runLocalAws } from './running-local-aws.ts';

describe('startLocalAws', () => {
  it('says where its services are, by the variables of the SDKs', async () => {
    const aws = await runLocalAws();

    expect(aws.endpoints).toEqual({
      AWS_ENDPOINT_URL_S3: aws.s3.endpoint,
      AWS_ENDPOINT_URL_KMS: aws.kms.endpoint,
      AWS_ENDPOINT_URL_SQS: aws.sqs.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.secretsManager.endpoint,
      AWS_ENDPOINT_URL_LAMBDA: aws.lambda.endpoint,
      AWS_ENDPOINT_URL_CLOUDFORMATION: aws.cloudFormation.endpoint,
      AWS_ENDPOINT_URL_CLOUDWATCH: aws.cloudWatch.endpoint,
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: aws.logs.endpoint,
      AWS_ENDPOINT_URL_STS: expect.stringMatching(/^http:/),
    });
    expect(new Set(Object.values(aws.endpoints)).size).toBe(9);
    await aws.stop();
  });

  it('gives each principal credentials of its own', async () => {
    const aws = await runLocalAws();

    const [one, other] = [
      aws.identities.issue('arn:aws:iam::1:role/a'),
      aws.identities.issue('arn:aws:iam::1:role/a'),
    ];

    expect(one.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(one.accessKeyId).not.toBe(other.accessKeyId);
    expect(aws.identities.find(other.accessKeyId)).toBe(other);
    expect(aws.identities.find('ASIAXXXXXXXXXXXXXXXX')).toBeUndefined();
    await aws.stop();
  });
});
