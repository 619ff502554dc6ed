import { describe, expect, it } from '@jest/globals';
import { inspectionCall } from '../../lambdas/inspect-event.ts';

const userArn = 'arn:aws:sts::111122223333:assumed-role/person/ann';
const event = (routeKey: unknown, method = 'GET') => ({
  routeKey,
  queryStringParameters: { view: 'status', route: 'revision-grant' },
  requestContext: { http: { method }, authorizer: { iam: { userArn } } },
});

describe('a call of the inspect function', () => {
  it.each(['inspect', 'revision-grant'])('is of the route %s that IAM has let it into', (route) => {
    expect(inspectionCall(event(`GET /control-planes/prod/${route}`))).toMatchObject({
      route,
      caller: userArn,
    });
  });

  it.each([
    ['another route', event('GET /control-planes/prod/fallback-config')],
    ['a route that only ends so', event('GET /control-planes/prod/not-inspect')],
    ['another method', event('GET /control-planes/prod/inspect', 'POST')],
    ['no route', event(undefined)],
    [
      'no caller',
      { ...event('GET /control-planes/prod/inspect'), requestContext: { http: { method: 'GET' } } },
    ],
    ['an invocation', { view: 'status' }],
  ])('is none with %s', (_what, given) => {
    expect(() => inspectionCall(given)).toThrow('of no route of the inspect function');
  });
});
