import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readForwardProxy } from '../../../core/export/forward-proxy-secret.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { issue } from '../access/certificates.ts';

let aws: LocalAws;
let client: SecretsManagerClient;
let oddities: (string | undefined)[];
beforeAll(async () => {
  aws = await runLocalAws();
  client = new SecretsManagerClient(clientFor(aws, aws.secretsManager.endpoint));
});
beforeEach(() => {
  oddities = [];
});
afterAll(async () => {
  client.destroy();
  await aws.stop();
});

const url = new URL('https://proxy.example.com:3128');
const read = (value: string | Uint8Array) =>
  readForwardProxy(
    {
      secretsManager: client,
      secretId: aws.secretsManager.createSecret(crypto.randomUUID(), value),
    },
    url,
    (_secretId, oddity) => oddities.push(oddity),
  );
const credentials = { username: 'lifeboat', password: 'open: sesame ' };

describe('what a forward proxy needs, in its secret', () => {
  it('is credentials', async () => {
    await expect(read(JSON.stringify(credentials))).resolves.toEqual({ url, credentials });
    expect(oddities).toEqual([undefined]);
  });

  it('is a CA, whose line breaks were lost, too', async () => {
    const { pem } = await issue();
    const ca = pem.trim().replaceAll('\n', ' ');

    const proxies = [await read(JSON.stringify({ ca })), await read(JSON.stringify({ ...credentials, ca }))];

    expect(proxies).toEqual([
      { url, ca: pem },
      { url, credentials, ca: pem },
    ]);
    const said = 'JSON whose "ca" is PEM without its line breaks';
    expect(oddities).toEqual([said, said]);
  });

  it('may be stored as binary, and with a user name alone', async () => {
    const found = await read(Buffer.from('{"username":"lifeboat"}\n'));

    expect(found).toEqual({ url, credentials: { username: 'lifeboat', password: '' } });
    expect(oddities).toEqual(['binary']);
  });

  it.each([
    ['no JSON', 'lifeboat:sesame', /the secret is no JSON/],
    ['neither', '{"token":"sesame"}', /neither "username" and "password" nor "ca"/],
    ['a password alone', '{"password":"sesame"}', /a "password" and no "username"/],
    ['a password that is no text', '{"username":"a","password":7357}', /without a text for "password"/],
    ['a colon in the user name', '{"username":"sesame:a","password":"b"}', /a colon in "username"/],
    ['a CA that is none', '{"ca":"sesame"}', /the ca is no PEM/],
  ])('is refused with %s, and quoted nowhere', async (_, value, why) => {
    const error = await read(value).catch((reason: Error) => reason);

    expect(error).toMatchObject({
      name: 'ControlPlaneError',
      code: 'refused',
      message: expect.stringMatching(
        /^what secret arn:.* has for forward proxy proxy\.example\.com:3128 cannot be used/,
      ),
    });
    expect((error as Error).message).toMatch(why);
    expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toMatch(/sesame|7357/);
  });
});
