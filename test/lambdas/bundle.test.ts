import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundleFile, bundlesFolder } from '../../lib/functions/function-bundle.ts';

const run = promisify(execFile);

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-bundle-'));
});

afterAll(() => rm(directory, { recursive: true }));

/** That each run of tests builds beforehand. */
const builtFile = (entry: string) => join(bundlesFolder, entry, bundleFile);

describe('a bundle', () => {
  // What a function loads is its cold start. The presign function stands between a data plane and its file in
  // an outage; the webhook answers a control plane that waits.
  it.each([
    ['presign', 120_000],
    ['webhook', 270_000],
    ['listen', 350_000],
    ['export', 640_000],
  ])('of %s has at most %d bytes', async (entry, most) => {
    expect((await stat(builtFile(entry))).size).toBeLessThanOrEqual(most);
  });

  it.each(['webhook', 'export', 'listen'])('of %s has no way to other credentials', async (entry) => {
    const code = await readFile(builtFile(entry), 'utf8');
    expect(code).toContain('there are no AWS credentials');
    // Single sign-on, a token, and a process that is asked.
    const found = code.match(/GetRoleCredentials|AssumeRoleWithWebIdentity|child_process/g);
    expect(found).toBeNull();
  });

  it('says so where its environment has no credentials', async () => {
    const body = '{}';
    const event = {
      pathParameters: { controlPlane: 'prod' },
      headers: {
        'content-type': 'application/json',
        'x-kong-signature': `sha256=${createHmac('sha256', 'sesame').update(body).digest('hex')}`,
      },
      body,
    };
    const script =
      `const { handler } = await import(${JSON.stringify(pathToFileURL(builtFile('webhook')).href)});` +
      `await handler(${JSON.stringify(event)}).catch(({ message }) => console.log(message));`;

    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
      env: {
        HOME: directory,
        AWS_REGION: 'eu-central-1',
        POWERTOOLS_SERVICE_NAME: 'test',
        CONTROL_PLANES:
          '{"prod":{"queueUrl":"https://sqs.eu-central-1.amazonaws.com/0/q.fifo","secretId":"s"}}',
        COALESCING_WINDOW_SECONDS: '1',
        ACCEPT_SHA1: 'true',
      },
    });

    expect(stdout).toContain('NoCredentialsInEnvironment');
  });
});
