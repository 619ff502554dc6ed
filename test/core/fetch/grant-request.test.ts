import type { RequestListener, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type Clock, systemClock } from '../../../core/clock.ts';
import { type GrantRequest, requestGrant } from '../../../core/fetch/grant-request.ts';
import { systemRandom } from '../../../core/random-source.ts';
import { eventually } from '../../local/processes.ts';
import { identityOf, issue } from '../access/certificates.ts';
import { type AnsweringServer, answeringServer } from '../answering-server.ts';
import { manualClock } from '../manual-clock.ts';

/** That no request takes, on however busy a machine. */
const timeoutMs = 600_000;
const now = new Date('2026-11-23T04:00:00Z');
const clockAt = (instant: Date): Clock => ({ ...systemClock, now: () => instant });
const grant = {
  url: 'https://vault.invalid/prod/3.9.1/config.json?X-Amz-Signature=sesame',
  method: 'GET',
  expiresAt: '2026-11-23T04:02:00.000Z',
  controlPlane: 'prod',
  kongVersion: '3.9.1',
};

const servers: AnsweringServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function api(answer: RequestListener): Promise<AnsweringServer> {
  const server = await answeringServer(answer);
  servers.push(server);
  return server;
}

function asking(server: AnsweringServer, more: Partial<GrantRequest> = {}) {
  return requestGrant({
    endpoint: new URL(server.origin),
    controlPlane: 'prod',
    kongVersion: '3.9.1',
    authentication: {
      by: 'iam',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' },
    },
    timeoutMs,
    clock: clockAt(now),
    random: systemRandom,
    ...more,
  });
}

const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', date: now.toUTCString(), ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const failing = (code: string, words: RegExp) =>
  expect.objectContaining({ name: 'StandbyError', code, message: expect.stringMatching(words) });

describe('asking for a grant', () => {
  it('gives what was granted', async () => {
    const server = await api(json(200, { ...grant, more: 'than we know' }));

    await expect(asking(server)).resolves.toEqual(grant);
  });

  it('is signed for API Gateway, with the session token', async () => {
    const server = await api(json(200, grant));

    await asking(server);

    const [request] = server.requests;
    expect(request?.method).toBe('GET');
    expect(request?.url).toBe('/control-planes/prod/fallback-config?kongVersion=3.9.1');
    expect(request?.headers).toMatchObject({
      host: server.origin.replace('http://', ''),
      'x-amz-date': '20261123T040000Z',
      'x-amz-security-token': 'token',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261123\/eu-central-1\/execute-api\/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$/,
      ),
    });
  });

  it('asks for a version of the file, signed with the rest', async () => {
    const server = await api(json(200, { ...grant, versionId: 'v-1' }));

    await asking(server, { versionId: 'v-1' });

    expect(server.requests[0]?.url).toBe(
      '/control-planes/prod/fallback-config?kongVersion=3.9.1&versionId=v-1',
    );
  });

  it.each(['/stage', '/stage/', '/stage//'])('keeps the path %s of the endpoint', async (path) => {
    const server = await api(json(200, grant));

    await asking(server, { endpoint: new URL(`${server.origin}${path}`) });

    expect(server.requests[0]?.url).toBe('/stage/control-planes/prod/fallback-config?kongVersion=3.9.1');
  });

  it.each(['/', '//', '///'])('asks the host of the endpoint, whose path is %s', async (path) => {
    const server = await api(json(200, grant));

    await asking(server, { endpoint: new URL(`${server.origin}${path}`) });

    expect(server.requests[0]?.url).toBe('/control-planes/prod/fallback-config?kongVersion=3.9.1');
  });

  it.each(['1970-01-01T00:00:10Z', '2019-12-31T23:59:59Z'])(
    'tells that the clock says %s, and sends nothing',
    async (time) => {
      const server = await api(json(200, grant));

      await expect(asking(server, { clock: clockAt(new Date(time)) })).rejects.toEqual(
        failing('denied', /clock says (1970|2019).*: set it/),
      );
      expect(server.requests).toEqual([]);
    },
  );

  it('says what a refused request was signed with', async () => {
    const server = await api(json(403, { message: 'Forbidden' }));
    const expiration = new Date('2026-11-23T05:00:00Z');
    const credentials = { accessKeyId: 'ASIAEXAMPLEKEY12', secretAccessKey: 'secret', expiration };

    const error = await asking(server, {
      authentication: { by: 'iam', region: 'us-east-1', credentials },
    }).catch((reason: Error) => reason);

    expect(error).toEqual(
      failing(
        'denied',
        /access key ASIA…EY12, which ends at 2026-11-23T05:00:00.000Z, for region us-east-1.*--region.*execute-api:Invoke/,
      ),
    );
    expect(String(error)).not.toMatch(/secret|EXAMPLE/);
  });

  it.each([
    [400, 'unreachable', /answered 400/],
    [401, 'denied', /execute-api:Invoke .*\/GET\/control-planes\/prod\/fallback-config/],
    [403, 'denied', /execute-api:Invoke .*\/GET\/control-planes\/prod\/fallback-config/],
    [404, 'no-file', /Check --control-plane and --kong-version|is this the right endpoint\?/],
    [429, 'unreachable', /answered 429/],
    [500, 'unreachable', /answered 500/],
    [503, 'unreachable', /answered 503/],
  ])('answered %d is %s, with what API Gateway or our function said', async (status, code, words) => {
    const gateway = await api(json(status, { message: 'Too Many Requests' }));
    const own = await api(
      json(
        status,
        { type: 'about:blank', title: 'No', status, detail: 'there are 3.8.1' },
        {
          'content-type': 'application/problem+json',
        },
      ),
    );
    const silent = await api(json(status, ''));

    const errors = await Promise.all(
      [gateway, own, silent].map((server) => asking(server).catch((error: Error) => error)),
    );

    expect(errors).toEqual([failing(code, words), failing(code, words), failing(code, words)]);
    // API Gateway's own, of a path that the API does not have, is not ours.
    expect(errors.map((error) => /right endpoint/.test((error as Error).message))).toEqual([
      status === 404,
      false,
      status === 404,
    ]);
    expect(
      errors.map((error) => /\((?<said>[^()]*)\)/.exec((error as Error).message)?.groups?.['said']),
    ).toEqual(['Too Many Requests', 'there are 3.8.1', undefined]);
  });

  it.each([401, 403, 404, 407])('answered %d by a page is no refusal of ours', async (status) => {
    const server = await api(json(status, '\n<!DOCTYPE html><html>blocked</html>'));

    await expect(asking(server)).rejects.toEqual(
      failing('unreachable', new RegExp(`answered ${status} .*neither AWS nor Lifeboat.*proxy`)),
    );
  });

  it('quotes no more than 500 characters of what was said', async () => {
    const server = await api(json(503, { message: 'x'.repeat(501) }));

    const error = await asking(server).catch((reason: Error) => reason);

    expect((error as Error).message).toContain(`(${'x'.repeat(500)})`);
  });

  it.each([
    ['240 s ahead', 240, undefined],
    ['241 s ahead', 241, '241 s ahead'],
    ['240 s behind', -240, undefined],
    ['241 s behind', -241, '241 s behind'],
  ])('refused while the clock is %s names the clock: %s', async (_, seconds, named) => {
    const server = await api(json(403, { message: 'Forbidden' }));

    const error = await asking(server, { clock: clockAt(new Date(now.getTime() + seconds * 1000)) }).catch(
      (reason: Error) => reason,
    );

    expect(/clock is (.*?),/.exec((error as Error).message)?.[1]).toBe(named);
  });

  it('refused by a server without a date does not guess at clocks', async () => {
    const server = await api(json(403, {}, { date: 'soon' }));

    await expect(asking(server)).rejects.toEqual(failing('denied', /^(?!.*clock)/));
  });

  it.each([
    ['no JSON', '<html>'],
    ['an empty answer', ''],
    ['another object', { hello: 'world' }],
    ['no URL', { ...grant, url: 'config.json?X-Amz-Signature=sesame' }],
    ['a URL of plain HTTP', { ...grant, url: grant.url.replace('https', 'http') }],
    ['another method', { ...grant, method: 'PUT' }],
    ['a version that is none', { ...grant, kongVersion: '3' }],
  ])('does not take %s for a grant, and quotes nothing of it', async (_, body) => {
    const server = await api(json(200, body));

    const error = await asking(server).catch((reason: Error) => reason);

    expect(error).toEqual(failing('unreachable', /not a grant.*--endpoint/));
    expect(String(error)).not.toContain('sesame');
  });

  it.each([301, 302, 307])(
    'does not follow a redirect (%d): its signature is for one host',
    async (status) => {
      const other = await api(json(200, grant));
      const server = await api((_, response) => response.writeHead(status, { location: other.origin }).end());

      await expect(asking(server)).rejects.toEqual(
        failing('unreachable', /did not answer \(unexpected redirect\)/),
      );
      expect(other.requests).toEqual([]);
    },
  );

  it.each([
    [64 * 1024, 'unreachable', /not a grant/],
    [64 * 1024 + 1, 'unreachable', /larger than 65536 bytes/],
  ])('reads %d bytes: %s', async (size, code, words) => {
    const server = await api(json(200, ' '.repeat(size)));

    await expect(asking(server)).rejects.toEqual(failing(code, words));
  });

  it('ends an answer that does not end', async () => {
    let hungUp: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      hungUp = resolve;
    });
    const server = await api((_, response) => {
      response.on('close', () => hungUp());
      endlessly(response);
    });

    await expect(asking(server)).rejects.toEqual(failing('unreachable', /larger than/));
    await closed;
  });

  it.each<[title: string, answer: RequestListener]>([
    ['nobody answers', () => undefined],
    ['the answer stops in its middle', (_, response) => void response.writeHead(200).write('{')],
  ])('gives up in time when %s', async (_, answer) => {
    const server = await api(answer);
    const clock = manualClock(now);
    const failure = expect(asking(server, { clock })).rejects.toEqual(failing('unreachable', /timeout/i));
    await eventually(() => server.requests.length > 0);

    await clock.advance(timeoutMs);

    await failure;
  });

  it('says so when nobody listens', async () => {
    const server = await api(json(200, grant));
    await server.stop();

    await expect(asking(server)).rejects.toEqual(failing('unreachable', /did not answer \(ECONNREFUSED\)/));
  });

  it('says so when there are no credentials', async () => {
    const server = await api(json(200, grant));

    const request = asking(server, {
      authentication: {
        by: 'iam',
        region: 'eu-central-1',
        credentials: () => Promise.reject(new Error('Could not load credentials')),
      },
    });

    await expect(request).rejects.toEqual(
      failing('denied', /cannot be signed with the AWS credentials.*Could not load credentials/),
    );
    expect(server.requests).toEqual([]);
  });
});

describe('asking with a cluster certificate', () => {
  const asserting = async (server: AnsweringServer, more: Partial<GrantRequest> = {}) => {
    const identity = identityOf(await issue());
    return asking(server, { authentication: { by: 'cluster-certificate', identity }, ...more });
  };

  it('sends an assertion for this control plane, and no AWS signature', async () => {
    const bodies: string[] = [];
    const server = await api(async (request, response) => {
      bodies.push(await text(request));
      json(200, grant)(request, response);
    });

    await expect(asserting(server, { versionId: 'v-1' })).resolves.toEqual(grant);

    const [request] = server.requests;
    expect([request?.method, request?.url]).toEqual([
      'POST',
      '/control-planes/prod/fallback-config?kongVersion=3.9.1&versionId=v-1',
    ]);
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(request?.headers.authorization).toBeUndefined();
    const { assertion } = JSON.parse(bodies[0] ?? '') as { readonly assertion: string };
    expect(decodeJwt(assertion)).toMatchObject({
      aud: '/control-planes/prod/fallback-config',
      iat: now.getTime() / 1000,
    });
  });

  it.each([401, 403])('refused with %d says what the deployment must name', async (status) => {
    const server = await api(json(status, { detail: 'no' }));

    await expect(asserting(server)).rejects.toEqual(
      failing('denied', /answered \d+ .*\(no\).*dataPlaneAuth must name this cluster certificate/),
    );
  });

  it.each([
    ['9 s ahead', 9, undefined],
    ['10 s ahead', 10, '10 s ahead'],
    ['an hour behind', -3600, '3600 s behind'],
  ])('refused while the clock is %s names the clock: %s', async (_, seconds, named) => {
    const server = await api(json(401, {}));

    const error = await asserting(server, { clock: clockAt(new Date(now.getTime() + seconds * 1000)) }).catch(
      (reason: Error) => reason,
    );

    expect(/clock is (.*?),/.exec((error as Error).message)?.[1]).toBe(named);
  });
});

describe('asking a function', () => {
  const arn = 'arn:aws:lambda:eu-west-1:111122223333:function:Lifeboat-Presign';
  const invoking = (server: AnsweringServer, more: Partial<GrantRequest> = {}) =>
    asking(server, { endpoint: new URL(arn), lambdaEndpoint: new URL(server.origin), ...more });

  it('invokes it through Lambda’s own API, signed for its region', async () => {
    const bodies: string[] = [];
    const server = await api(async (request, response) => {
      bodies.push(await text(request));
      json(200, grant)(request, response);
    });

    await expect(invoking(server, { versionId: 'v-1' })).resolves.toEqual(grant);

    const [request] = server.requests;
    expect([request?.method, request?.url]).toEqual([
      'POST',
      `/2015-03-31/functions/${encodeURIComponent(arn)}/invocations`,
    ]);
    expect(request?.headers).toMatchObject({
      'x-amz-invocation-type': 'RequestResponse',
      authorization: expect.stringContaining('/20261123/eu-west-1/lambda/aws4_request'),
    });
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([
      { kongVersion: '3.9.1', versionId: 'v-1' },
    ]);
  });

  it.each<[title: string, answer: RequestListener, code: string, words: RegExp]>([
    [
      'a problem of ours',
      json(200, { type: 'about:blank', status: 404, detail: 'there is 3.8.1' }),
      'no-file',
      /answered 404 .*there is 3\.8\.1/,
    ],
    [
      'a failed function',
      json(200, { errorMessage: 'out of memory' }, { 'x-amz-function-error': 'Unhandled' }),
      'unreachable',
      /answered 500 .*out of memory/,
    ],
    [
      'a refusal of IAM',
      json(403, { Message: 'User is not authorized' }),
      'denied',
      /not authorized.*lambda:InvokeFunction on arn:aws:lambda/,
    ],
    ['a throttle', json(429, { message: 'Rate Exceeded.' }), 'unreachable', /answered 429 .*Rate Exceeded/],
    ['nonsense', json(200, '<html>'), 'unreachable', /not a grant/],
  ])('has the messages of the API: %s', async (_, answer, code, words) => {
    const server = await api(answer);

    await expect(invoking(server)).rejects.toEqual(failing(code, words));
  });

  it('names the clock that is an hour off', async () => {
    const server = await api(json(403, { message: 'Signature expired' }));

    await expect(invoking(server, { clock: clockAt(new Date(now.getTime() - 3_600_000)) })).rejects.toEqual(
      failing('denied', /clock is 3600 s behind/),
    );
  });

  it('is not for cluster certificates', async () => {
    const server = await api(json(200, grant));
    const identity = identityOf(await issue());

    const request = invoking(server, { authentication: { by: 'cluster-certificate', identity } });

    await expect(request).rejects.toEqual(failing('denied', /AWS credentials only/));
    expect(server.requests).toEqual([]);
  });
});

function endlessly(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(10_000)));
    response.once('drain', more);
  };
  response.writeHead(200);
  more();
}
