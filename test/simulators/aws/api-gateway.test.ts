import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import { type HttpApi, type IntegratedFunction, startHttpApi } from '../../../simulators/aws/api-gateway.ts';
import { type Identity, localIdentities } from '../../../simulators/aws/identities.ts';
import { testClock } from './running-local-aws.ts';
import { iamHeaders } from './signed-requests.ts';

type Event = APIGatewayProxyEventV2WithIAMAuthorizer;

const region = 'eu-central-1';
const identities = localIdentities();
const dataPlane = identities.issue('arn:aws:sts::000000000000:assumed-role/data-plane/local');
const events: Event[] = [];
const invocations: object[] = [];
const accessLog: unknown[] = [];
const clock = testClock();
let api: HttpApi;

/** Answers with its name, and keeps what it was given. */
function fakeFunction(name: string, fails = false): IntegratedFunction {
  return {
    arn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
    async invoke(event) {
      events.push(event as Event);
      if (fails) {
        throw new Error('the database password is hunter2');
      }
      return { statusCode: 202, headers: { 'x-function': name }, body: JSON.stringify({ name }) };
    },
  };
}

function lastEvent(): Event {
  const event = events.at(-1);
  if (event === undefined) {
    throw new Error('no function was called');
  }
  return event;
}

function bodyOf(event: Event): Buffer {
  return Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
}

beforeAll(async () => {
  api = await startHttpApi({
    region,
    accountId: '000000000000',
    identities,
    now: clock.now,
    guard: async (principal, { action, resourceArn, context }) => {
      invocations.push({ principal, action, resourceArn, context });
      return resourceArn.endsWith('function:closed') ? 'no permission' : undefined;
    },
  });
  for (const [key, authorization, integration] of [
    ['POST /control-planes/{controlPlane}/events', 'NONE', fakeFunction('webhook')],
    ['GET /control-planes/prod/fallback-config', 'AWS_IAM', fakeFunction('presign')],
    ['GET /control-planes/{controlPlane}/broken', 'NONE', fakeFunction('broken', true)],
    ['GET /closed', 'NONE', fakeFunction('closed')],
    ['GET /slow', 'NONE', fakeFunction('slow')],
  ] as const) {
    api.createRoute({ key, authorization, function: integration });
  }
  api.createStage({
    throttles: new Map([['GET /slow', { perSecond: 2, burst: 3 }]]),
    logFormat:
      '{"route":"$context.routeKey","status":"$context.status","caller":"$context.identity.userArn"}',
    log: (line) => accessLog.push(JSON.parse(line)),
  });
});

afterAll(async () => {
  await api.stop();
});

const post = (path: string, body: Buffer | string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${api.url}${path}`, { method: 'POST', body, headers: { ...headers } });

describe('routes', () => {
  it('gives a request to the function of its route, with the parameter of its path', async () => {
    const response = await post('/control-planes/prod/events', '{}', { 'Content-Type': 'application/json' });

    expect(response.status).toBe(202);
    expect(response.headers.get('x-function')).toBe('webhook');
    expect(await response.json()).toEqual({ name: 'webhook' });
    expect(lastEvent()).toMatchObject({
      version: '2.0',
      routeKey: 'POST /control-planes/{controlPlane}/events',
      rawPath: '/control-planes/prod/events',
      pathParameters: { controlPlane: 'prod' },
      headers: { 'content-type': 'application/json' },
      requestContext: { http: { method: 'POST', path: '/control-planes/prod/events' } },
    });
  });

  it('decodes a path parameter, and does not take an encoded slash for a separator', async () => {
    await post('/control-planes/a%2Fb%20%C3%BC/events', '');

    expect(lastEvent().pathParameters).toEqual({ controlPlane: 'a/b ü' });
  });

  it.each([
    ['another path', 'POST', '/elsewhere'],
    ['another method', 'PUT', '/control-planes/prod/events'],
    ['a segment too many', 'POST', '/control-planes/prod/events/more'],
    ['a segment too few', 'POST', '/control-planes/events'],
    ['an empty parameter', 'POST', '/control-planes//events'],
    ['an unsigned request that has no route', 'GET', '/control-planes/other/fallback-config'],
  ])('answers 404 to %s, as API Gateway words it', async (_what, method, path) => {
    const callsBefore = events.length;

    const response = await fetch(`${api.url}${path}`, { method });

    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ message: 'Not Found' });
    expect(events).toHaveLength(callsBefore);
  });

  it('answers 400 to a path parameter that is not percent-encoded', async () => {
    const response = await post('/control-planes/%zz/events', '{}');

    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ message: 'Bad Request' });
  });

  it('tells nothing of why a function failed', async () => {
    const response = await fetch(`${api.url}/control-planes/prod/broken`);

    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toEqual({ message: 'Internal Server Error' });
  });
});

describe('bodies', () => {
  it.each([
    ['text', Buffer.from('{"name":"Grüße"}')],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0x80])],
    ['a byte order mark', Buffer.from('\u{feff}{}')],
    ['nothing', Buffer.alloc(0)],
  ])('arrive unchanged: %s', async (_what, body) => {
    await post('/control-planes/prod/events', body, { 'content-type': 'application/json' });

    expect(bodyOf(lastEvent())).toEqual(body);
  });

  it.each<[content: string, type: string, body: Buffer, isBase64Encoded: boolean]>([
    ['JSON', 'Application/JSON; charset=utf-8', Buffer.from('{"a":"ü"}'), false],
    ['what only calls itself JSON', 'application/json', Buffer.from([0xff]), true],
    ['what may be bytes', 'application/octet-stream', Buffer.from('{}'), true],
    ['nothing', 'application/json', Buffer.alloc(0), false],
  ])('are text for the function where they are JSON: %s', async (_what, type, body, isBase64Encoded) => {
    await post('/control-planes/prod/events', body, { 'content-type': type });

    expect(lastEvent().isBase64Encoded).toBe(isBase64Encoded);
  });

  it('reach the function up to the size that Lambda takes of the whole event', async () => {
    const json = { 'content-type': 'application/json' };
    await post('/control-planes/prod/events', Buffer.alloc(5_000_000, 'x'), json);
    const room = 6 * 1024 * 1024 - Buffer.byteLength(JSON.stringify(lastEvent()));
    // A quotation mark has two bytes in the event, and this one's length has as many digits as that one's.
    const bodies = [
      'x'.repeat(5_000_000 + room),
      'x'.repeat(5_000_000 + room + 1),
      `${'x'.repeat(5_000_000 + room - 1)}"`,
    ];

    const statuses: number[] = [];
    for (const body of bodies) {
      const response = await post('/control-planes/prod/events', Buffer.from(body), json);
      statuses.push(response.status);
      await response.body?.cancel();
    }

    expect(statuses).toEqual([202, 500, 500]);
  });

  it.each([
    [10 * 1024 * 1024, 500],
    [10 * 1024 * 1024 + 1, 413],
  ])('of %d bytes are answered with %d by the gateway itself', async (sizeBytes, status) => {
    const before = events.length;

    const response = await post('/control-planes/prod/events', Buffer.alloc(sizeBytes));

    expect(response.status).toBe(status);
    expect(events).toHaveLength(before);
    await response.body?.cancel();
  });

  it('that break off harm nobody', async () => {
    const broken = httpRequest(`${api.url}/control-planes/prod/events`, {
      method: 'POST',
      headers: { 'content-length': 100 },
    });
    broken.on('error', () => undefined);
    broken.write('half');
    await new Promise((resolve) => setTimeout(resolve, 20));
    broken.destroy();

    const next = await post('/control-planes/prod/events', '{}');

    expect(next.status).toBe(202);
  });
});

describe('query parameters', () => {
  it('are decoded, and joined by commas where one is given twice', async () => {
    await post('/control-planes/prod/events?kongVersion=3.9.1&tag=a%26b&tag=c+d&empty=', '{}');

    expect(lastEvent().queryStringParameters).toEqual({ kongVersion: '3.9.1', tag: 'a&b,c d', empty: '' });
    expect(lastEvent().rawQueryString).toBe('kongVersion=3.9.1&tag=a%26b&tag=c%20d&empty=');
  });

  it('are absent where there are none', async () => {
    await post('/control-planes/prod/events', '{}');

    expect(lastEvent()).not.toHaveProperty('queryStringParameters');
  });
});

describe('IAM authorization', () => {
  const granted = '/control-planes/prod/fallback-config?kongVersion=3.9.1';

  const headersFor = (identity: Identity, more: Readonly<Record<string, unknown>> = {}) =>
    iamHeaders({ url: `${api.url}${granted}`, identity, region, ...more });

  it('lets a signed request in, and says whose it is', async () => {
    const response = await fetch(`${api.url}${granted}`, { headers: await headersFor(dataPlane) });

    expect(response.status).toBe(202);
    expect(lastEvent().requestContext.authorizer.iam).toMatchObject({
      userArn: dataPlane.principalArn,
      accessKey: dataPlane.accessKeyId,
    });
    expect(lastEvent().queryStringParameters).toEqual({ kongVersion: '3.9.1' });
  });

  it.each([
    ['an unsigned request', async () => ({})],
    [
      'a signature that was changed',
      async () => {
        const headers = await headersFor(dataPlane);
        const authorization = headers['authorization'] ?? '';
        const last = authorization.endsWith('0') ? '1' : '0';
        return { ...headers, authorization: `${authorization.slice(0, -1)}${last}` };
      },
    ],
    ['a signature for another service', () => headersFor(dataPlane, { service: 's3' })],
    ['a signature for another region', () => headersFor(dataPlane, { region: 'us-east-1' })],
    ['a signature for another method', () => headersFor(dataPlane, { method: 'POST' })],
    [
      'a signature for another version',
      () => headersFor(dataPlane, { url: `${api.url}${granted.replace('3.9.1', '3.8.1')}` }),
    ],
    [
      'a signature of six minutes ago',
      () => headersFor(dataPlane, { signingDate: new Date(Date.now() - 6 * 60 * 1000) }),
    ],
    ['a stranger’s key', () => headersFor(localIdentities().issue(dataPlane.principalArn))],
    [
      'another session token',
      async () => ({ ...(await headersFor(dataPlane)), 'x-amz-security-token': 'another' }),
    ],
  ] as const)('answers 403 to %s', async (_what, headers) => {
    const callsBefore = events.length;

    const response = await fetch(`${api.url}${granted}`, { headers: { ...(await headers()) } });

    expect(response.status).toBe(403);
    expect(await response.json()).toEqual({ message: 'Forbidden' });
    expect(events).toHaveLength(callsBefore);
  });
});

describe('a function', () => {
  it('is invoked as API Gateway, by the route’s ARN', async () => {
    await post('/control-planes/prod/events', '{}');

    expect(invocations.at(-1)).toEqual({
      principal: 'apigateway.amazonaws.com',
      action: 'lambda:InvokeFunction',
      resourceArn: `arn:aws:lambda:${region}:000000000000:function:webhook`,
      context: {
        'aws:SourceArn': `arn:aws:execute-api:${region}:000000000000:local/$default/POST/control-planes/{controlPlane}/events`,
      },
    });
  });

  it('that the API may not invoke is an error of the gateway', async () => {
    const callsBefore = events.length;

    const response = await fetch(`${api.url}/closed`);

    expect([response.status, await response.json()]).toEqual([500, { message: 'Internal Server Error' }]);
    expect(events).toHaveLength(callsBefore);
  });
});

it('takes the route without a parameter before one with a parameter that fits, too', async () => {
  const other = await startHttpApi({ region, accountId: '000000000000', identities, now: clock.now });
  for (const key of ['GET /{name}/events', 'GET /prod/events']) {
    other.createRoute({ key, authorization: 'NONE', function: fakeFunction(key) });
  }
  other.createStage({ throttles: new Map(), logFormat: '', log: () => undefined });

  const answers = [];
  for (const path of ['/prod/events', '/other/events']) {
    answers.push((await fetch(`${other.url}${path}`)).headers.get('x-function'));
  }
  await other.stop();

  expect(answers).toEqual(['GET /prod/events', 'GET /{name}/events']);
});

describe('a throttle', () => {
  it('lets a burst through, and then as many as it gives per second', async () => {
    const ask = async (times: number) => {
      const answers = [];
      for (let time = 0; time < times; time += 1) {
        answers.push((await fetch(`${api.url}/slow`)).status);
      }
      return answers;
    };

    const burst = await ask(4);
    clock.advanceSeconds(1);
    const later = await ask(3);

    expect(burst).toEqual([202, 202, 202, 429]);
    expect(later).toEqual([202, 202, 429]);
  });

  it('of the stage is one for each route that has none of its own', async () => {
    const other = await startHttpApi({ region, accountId: '000000000000', identities, now: clock.now });
    for (const key of ['GET /one', 'GET /two', 'GET /own']) {
      other.createRoute({ key, authorization: 'NONE', function: fakeFunction('answers') });
    }
    other.createStage({
      throttles: new Map([['GET /own', { perSecond: 1, burst: 2 }]]),
      defaultThrottle: { perSecond: 1, burst: 1 },
      logFormat: '',
      log: () => undefined,
    });

    const statuses = [];
    for (const path of ['/one', '/one', '/two', '/two', '/own', '/own', '/own']) {
      statuses.push((await fetch(`${other.url}${path}`)).status);
    }
    await other.stop();

    expect(statuses).toEqual([202, 429, 202, 429, 202, 202, 429]);
  });
});

describe('the stage', () => {
  it('logs each answer in its format', async () => {
    await fetch(`${api.url}/nowhere`);
    await fetch(`${api.url}/closed`);

    expect(accessLog.slice(-2)).toEqual([
      { route: '-', status: '404', caller: '-' },
      { route: 'GET /closed', status: '500', caller: '-' },
    ]);
  });

  it('that names a route which does not exist is refused, and without one nobody is answered', async () => {
    const other = await startHttpApi({ region, accountId: '000000000000', identities, now: clock.now });
    other.createRoute({ key: 'GET /here', authorization: 'NONE', function: fakeFunction('here') });
    const stage = { logFormat: '', log: () => undefined };

    const before = await fetch(`${other.url}/here`);
    const wrong = () =>
      other.createStage({ ...stage, throttles: new Map([['GET /there', { perSecond: 1, burst: 1 }]]) });

    expect(before.status).toBe(404);
    expect(wrong).toThrow('Unable to find Route by key GET /there');
    other.createStage({ ...stage, throttles: new Map() });
    expect((await fetch(`${other.url}/here`)).status).toBe(202);
    await other.stop();
  });
});

it('frees its port, and hangs up on whoever is connected', async () => {
  const short = await startHttpApi({
    region,
    accountId: '000000000000',
    identities,
    now: () => new Date(),
  });
  await (await fetch(short.url)).text();

  await short.stop();

  await expect(fetch(short.url)).rejects.toThrow();
});
