import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { grantCall } from '../../lambdas/grant-event.ts';

function event(method: string, more: object = {}, context: object = {}): APIGatewayProxyEventV2 {
  return {
    queryStringParameters: { kongVersion: '3.9.1' },
    requestContext: { http: { method }, ...context },
    isBase64Encoded: false,
    ...more,
  } as unknown as APIGatewayProxyEventV2;
}

describe('a grant is asked for', () => {
  it('by the route that IAM guards, which says who', () => {
    const call = grantCall(event('GET', {}, { authorizer: { iam: { userArn: 'arn:aws:sts::1:a/b' } } }));

    expect(call).toEqual({ way: 'iam', asked: { kongVersion: '3.9.1' }, caller: 'arn:aws:sts::1:a/b' });
  });

  it.each([
    ['as text', 'ü{}', false],
    ['in base64', 'w7x7fQ==', true],
  ])('by assertion, with a body %s', (_, body, isBase64Encoded) => {
    const call = grantCall(event('POST', { body, isBase64Encoded }));

    expect(call).toEqual({ way: 'assertion', asked: { kongVersion: '3.9.1' }, body: Buffer.from('ü{}') });
  });

  it('by assertion, without any body or query', () => {
    const call = grantCall(event('POST', { queryStringParameters: undefined }));

    expect(call).toEqual({ way: 'assertion', asked: {}, body: Buffer.alloc(0) });
  });

  it('by invoking the function', () => {
    const call = grantCall({ kongVersion: '3.9.1', versionId: 'v' });

    expect(call).toEqual({ way: 'invocation', asked: { kongVersion: '3.9.1', versionId: 'v' } });
  });

  it.each([
    ['no payload', null],
    ['a text', 'kongVersion'],
    ['a list', []],
    ['half an event of the API', { requestContext: null }],
    ['an event of the API without a method', { requestContext: { http: {} } }],
    ['a body that is no text', event('POST', { body: { length: 1 } })],
    ['a query that is no object', event('GET', { queryStringParameters: 'kongVersion=3.9.1' })],
    ['a caller that is no text', event('GET', {}, { authorizer: { iam: { userArn: {} } } })],
    ['a caller longer than any', event('GET', {}, { authorizer: { iam: { userArn: 'x'.repeat(2049) } } })],
  ])('by invoking it, and nothing fails, with %s', (_, sent) => {
    expect(grantCall(sent)).toEqual({ way: 'invocation', asked: {} });
  });
});
