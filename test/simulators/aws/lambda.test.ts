import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../../core/access/sha256.ts';
import { ACCOUNT_ID, clientFor, REGION, runLocalAws } from './running-local-aws.ts';

interface Invocation {
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
  readonly service?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

describe('the local Lambda', () => {
  const events: unknown[] = [];
  let aws: Awaited<ReturnType<typeof runLocalAws>>;

  beforeAll(async () => {
    aws = await runLocalAws();
    aws.lambda.createFunction('echo', async (event) => {
      events.push(event);
      return event;
    });
    aws.lambda.createFunction('broken', async () => {
      throw new Error('the database password is hunter2');
    });
  });
  afterAll(() => aws.stop());

  async function call({ path, method = 'POST', body = '{}', service = 'lambda', headers = {} }: Invocation) {
    const { endpoint, ...identity } = clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_LAMBDA);
    const url = new URL(path ?? '/2015-03-31/functions/echo/invocations', endpoint);
    const signed = await new SignatureV4({ service, ...identity, sha256: Sha256 }).sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { ...headers, host: url.host },
      ...(method === 'GET' ? {} : { body }),
    });
    const { host: _, ...others } = signed.headers;
    const response = await fetch(url, { method, headers: others, ...(method === 'GET' ? {} : { body }) });
    return { response, text: await response.text() };
  }

  it.each([
    [6 * 1024 * 1024, 200],
    [6 * 1024 * 1024 + 1, 413],
  ])('answers an event of %d bytes with %d', async (sizeBytes, status) => {
    const { response } = await call({
      path: '/2015-03-31/functions/echo/invocations',
      body: JSON.stringify('x'.repeat(sizeBytes - 2)),
    });

    expect(response.status).toBe(status);
  });

  it.each([
    ['name', 'echo'],
    ['ARN', encodeURIComponent(`arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:echo`)],
  ])('runs a function by its %s, and answers what it answers', async (_, name) => {
    const { response, text } = await call({
      path: `/2015-03-31/functions/${name}/invocations`,
      body: '{"kongVersion":"3.9.1"}',
    });

    expect([response.status, text]).toEqual([200, '{"kongVersion":"3.9.1"}']);
    expect(response.headers.has('x-amz-function-error')).toBe(false);
    expect(events.at(-1)).toEqual({ kongVersion: '3.9.1' });
  });

  it('gives a function null where there is no payload', async () => {
    await call({ body: '' });

    expect(events.at(-1)).toBeNull();
  });

  it('says by a header that a function has failed, and nothing of why', async () => {
    const { response, text } = await call({ path: '/2015-03-31/functions/broken/invocations' });

    expect([response.status, response.headers.get('x-amz-function-error')]).toEqual([200, 'Unhandled']);
    expect(text).not.toContain('hunter2');
  });

  it.each<[string, Invocation, number, string]>([
    [
      'a function that is not there',
      { path: '/2015-03-31/functions/other/invocations' },
      404,
      'ResourceNotFoundException',
    ],
    ['a payload that is no JSON', { body: '{' }, 400, 'InvalidRequestContentException'],
    ['a signature for another service', { service: 's3' }, 403, 'InvalidSignatureException'],
    ['another operation', { method: 'GET', path: '/2015-03-31/functions/echo' }, 501, 'NotImplemented'],
    [
      'an invocation without waiting',
      { headers: { 'x-amz-invocation-type': 'Event' } },
      501,
      'NotImplemented',
    ],
    ['a qualifier', { path: '/2015-03-31/functions/echo/invocations?Qualifier=1' }, 501, 'NotImplemented'],
  ])('answers as Lambda does, or says that it cannot, to %s', async (_, invocation, status, type) => {
    const before = events.length;

    const { response, text } = await call(invocation);

    expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([status, type]);
    expect(JSON.parse(text)).toEqual({ Message: expect.any(String) });
    expect(events).toHaveLength(before);
  });

  it('takes no unsigned request', async () => {
    const response = await fetch(`${aws.lambda.endpoint}/2015-03-31/functions/echo/invocations`, {
      method: 'POST',
      body: '{}',
    });

    expect(response.status).toBe(403);
    await response.body?.cancel();
  });
});
