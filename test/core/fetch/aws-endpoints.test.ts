import { expect, it } from '@jest/globals';
import { findApiRegion, findFunctionRegion, lambdaUrl } from '../../../core/fetch/aws-endpoints.ts';

it.each([
  ['eu-central-1', 'https://lambda.eu-central-1.amazonaws.com'],
  ['us-gov-west-1', 'https://lambda.us-gov-west-1.amazonaws.com'],
  ['cn-north-1', 'https://lambda.cn-north-1.amazonaws.com.cn'],
  ['eusc-de-east-1', 'https://lambda.eusc-de-east-1.amazonaws.eu'],
  ['us-iso-east-1', 'https://lambda.us-iso-east-1.c2s.ic.gov'],
  ['us-isob-east-1', 'https://lambda.us-isob-east-1.sc2s.sgov.gov'],
])('Lambda’s API in %s is at %s', (region, url) => {
  expect(lambdaUrl(region).origin).toBe(url);
});

it.each([
  ['eu-central-1', 'https://lambda.eu-central-1.api.aws'],
  ['cn-north-1', 'https://lambda.cn-north-1.api.amazonwebservices.com.cn'],
])('Lambda’s API with IPv6 in %s is at %s', (region, url) => {
  expect(lambdaUrl(region, true).origin).toBe(url);
});

it('finds a region in API Gateway’s own names only', () => {
  const names = [
    'abc.execute-api.eusc-de-east-1.amazonaws.eu',
    'abc.execute-api.eu-west-1.amazonaws.com.',
    'execute-api.example.com',
    'api.example.com',
  ];

  const regions = names.map((name) => findApiRegion(new URL(`https://${name}/`)));

  expect(regions).toEqual(['eusc-de-east-1', 'eu-west-1', undefined, undefined]);
});

it('finds a region in the ARN of a function only', () => {
  const arns = ['arn:aws-cn:lambda:cn-north-1:111122223333:function:f', 'arn:aws:s3:::bucket'];

  const regions = arns.map((arn) => findFunctionRegion(new URL(arn)));

  expect(regions).toEqual(['cn-north-1', undefined]);
});
