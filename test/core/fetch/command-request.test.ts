import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { sendCommand } from '../../../core/fetch/command-request.ts';
import { type AnsweringServer, answeringServer } from '../answering-server.ts';

const servers: AnsweringServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function sending(answer: RequestListener, path = '') {
  const server = await answeringServer(answer);
  servers.push(server);
  const sent = sendCommand({
    endpoint: new URL(`${server.origin}${path}`),
    controlPlane: 'prod',
    command: 'unpin',
    body: { sees: 3, reason: 'mended', id: undefined },
    authentication: {
      by: 'iam',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    },
    // That no request takes, on however busy a machine.
    timeoutMs: 600_000,
    clock: systemClock,
  });
  return { server, sent };
}

const json =
  (status: number, body: unknown): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };

describe('sending a command', () => {
  it('is signed for API Gateway, and gives the answer', async () => {
    let body = '';
    const { server, sent } = await sending(async (request, response) => {
      body = await text(request);
      json(200, { revision: 4 })(request, response);
    }, '/base/');

    expect(await sent).toBe('{"revision":4}');
    const [request] = server.requests;
    expect(request?.method).toBe('POST');
    expect(request?.url).toBe('/base/control-planes/prod/commands/unpin');
    expect(request?.headers['authorization']).toMatch(/^AWS4-HMAC-SHA256 .*\/eu-central-1\/execute-api\//);
    expect(JSON.parse(body)).toEqual({ sees: 3, reason: 'mended' });
  });

  it.each([
    [403, 'denied'],
    [400, 'refused'],
    [404, 'refused'],
    [409, 'refused'],
    [422, 'refused'],
    [429, 'failed'],
    [500, 'failed'],
    [504, 'failed'],
  ])('that is answered with %d is %s, with the sentence of the answer', async (status, code) => {
    const { sent } = await sending(json(status, { detail: 'revision 9 is current' }));

    await expect(sent).rejects.toMatchObject({
      code,
      message: expect.stringContaining('revision 9 is current'),
    });
  });

  it('that another service does not know asks whether the endpoint is right', async () => {
    const { sent } = await sending(json(404, { message: 'Not Found' }));

    await expect(sent).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringMatching(
        /answered 404 to "unpin".* \(Not Found\)\. .*is this the right endpoint\?/,
      ),
    });
  });

  it.each(['', 'welcome', '[]'])('whose answer is %j is another service’s, too', async (body) => {
    const { sent } = await sending((_, response) => response.writeHead(200).end(body));

    await expect(sent).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('is this the right endpoint?'),
    });
  });

  it('that API Gateway forbids names each cause: key, region and the missing right', async () => {
    const { sent } = await sending(json(403, { message: 'Forbidden' }));

    await expect(sent).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(
        /signed with the access key AKID…MPLE for region eu-central-1\. If .* role needs execute-api:Invoke on \.\.\.\/POST\/control-planes\/prod\/commands\/unpin, and to be on the list$/,
      ),
    });
  });

  it.each([403, 404])('that a proxy answers with %d and a page has failed', async (status) => {
    const { sent } = await sending((_, response) => response.writeHead(status).end('<html>blocked</html>'));

    await expect(sent).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('neither AWS nor Lifeboat'),
    });
  });

  it('that nobody answers may be sent again', async () => {
    const { sent } = await sending((request) => request.destroy());

    await expect(sent).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('Send the same command again'),
    });
  });
});
