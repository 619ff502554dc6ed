import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { grantCall, isDrillCall } from '../../lambdas/grant-event.ts';

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

describe('a drill asks for a grant', () => {
  const stackId = 'arn:aws:cloudformation:eu-central-1:111122223333:stack/Lifeboat/8a3f2c10-1b2c-11f0';
  const environment = {
    DRILL_ROLE_ARN: 'arn:aws:iam::111122223333:role/Lifeboat.prod.inspect.eu-central-1',
    API_ORIGIN: stackId,
  };
  const drillCaller = 'arn:aws:sts::111122223333:assumed-role/Lifeboat.prod.inspect.eu-central-1/Inspect';
  const dataPlane = 'arn:aws:sts::111122223333:assumed-role/data-plane/i-0a';
  const stage = (origin: unknown) => ({ stageVariables: { origin } });
  const signedBy = (userArn: unknown) => ({ authorizer: { iam: { userArn } } });
  const isDrill = (sent: object, known = environment) => {
    const call = grantCall(sent);
    return call.way === 'iam' && isDrillCall(call, known);
  };

  it('where its role has signed, and the API passed it on', () => {
    expect(isDrill(event('GET', stage(stackId), signedBy(drillCaller)))).toBe(true);
  });

  it.each<[what: string, sent: object]>([
    ['a data plane by the API', event('GET', stage(stackId), signedBy(dataPlane))],
    ['an event that was made up, without the API’s stage', event('GET', {}, signedBy(drillCaller))],
    ['one with a guessed stage', event('GET', stage('Lifeboat'), signedBy(drillCaller))],
    ['one with the stage of another stack', event('GET', stage(stackId.slice(0, -1)), signedBy(drillCaller))],
    ['one with a stage that is no text', event('GET', stage([stackId]), signedBy(drillCaller))],
    ['one without a caller', event('GET', stage(stackId))],
    [
      'one of another account’s role of that name',
      event('GET', stage(stackId), signedBy(drillCaller.replace('1111', '2222'))),
    ],
    [
      'one of a role whose name only begins so',
      event('GET', stage(stackId), signedBy(drillCaller.replace('/Inspect', '-2/Inspect'))),
    ],
    ['an invocation', { kongVersion: '3.9.1', ...stage(stackId) }],
    ['an assertion', event('POST', { body: '{}', ...stage(stackId) }, signedBy(drillCaller))],
  ])('and nobody else passes for it: %s', (_, sent) => {
    expect(isDrill(sent)).toBe(false);
  });

  it('nowhere where none are played', () => {
    const none = { ...environment, DRILL_ROLE_ARN: '' };

    for (const caller of [drillCaller, dataPlane, '']) {
      expect(isDrill(event('GET', stage(stackId), signedBy(caller)), none)).toBe(false);
    }
  });
});
