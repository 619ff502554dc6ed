import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findRegion } from '../../cli/options.ts';

describe('the region that a request is signed for', () => {
  const known = process.env['AWS_REGION'];
  beforeEach(() => {
    process.env['AWS_REGION'] = 'eu-central-1';
  });
  afterEach(() => {
    process.env['AWS_REGION'] = known;
  });

  it.each([
    ['https://abc.execute-api.eu-west-1.amazonaws.com', undefined, 'eu-west-1'],
    ['https://abc.execute-api.cn-north-1.amazonaws.com.cn', undefined, 'cn-north-1'],
    ['https://abc.execute-api.us-gov-west-1.amazonaws.com', undefined, 'us-gov-west-1'],
    ['https://abc.execute-api.eusc-de-east-1.amazonaws.eu', undefined, 'eusc-de-east-1'],
    ['https://abc.execute-api.us-iso-east-1.c2s.ic.gov', undefined, 'us-iso-east-1'],
    ['https://abc.execute-api.eu-west-1.api.aws', undefined, 'eu-west-1'],
    // Not API Gateway's own names: the suffix is another partition's, or nobody's.
    ['https://abc.execute-api.eu-west-1.amazonaws.com.cn', undefined, 'eu-central-1'],
    ['https://abc.execute-api.eu-west-1.example.com', undefined, 'eu-central-1'],
    // One of several endpoints: --region is about those that do not tell.
    ['https://abc.execute-api.eu-west-1.amazonaws.com', 'us-east-1', 'eu-west-1'],
    ['https://lifeboat.example.com', 'us-east-1', 'us-east-1'],
    ['https://lifeboat.example.com', undefined, 'eu-central-1'],
    ['https://lifeboat.example.com', '', 'eu-central-1'],
    ['arn:aws-eusc:lambda:eusc-de-east-1:111122223333:function:presign', 'us-east-1', 'eusc-de-east-1'],
    ['arn:aws:lambda:eu-west-1:111122223333:function:presign', 'us-east-1', 'eu-west-1'],
  ])('of %s with --region %s is %s', (endpoint, asked, expected) => {
    expect(findRegion(new URL(endpoint), asked)).toBe(expected);
  });
});
