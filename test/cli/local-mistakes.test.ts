/** What is wrong on this machine is told before anything is sent, without what may be secret. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { issue } from '../core/access/certificates.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import { goodFile, goodGrant, goodStatus, newSigningKey, startStandIn } from './published-file.ts';

const key = newSigningKey();
const cluster = await issue();
const good = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
  AWS_SESSION_TOKEN: 'a-session-token',
};

let cli: Cli;
let standIn: Awaited<ReturnType<typeof startStandIn>>;
beforeAll(async () => {
  cli = await bundledCli();
  standIn = await startStandIn({
    grant: goodGrant,
    file: () => goodFile(key),
    status: () => goodStatus(key),
  });
});
beforeEach(() => {
  standIn.requests.length = 0;
});
afterAll(async () => {
  await standIn.stop();
  await cli.stop();
});

const fetchWith = (
  environment: Readonly<Record<string, string>>,
  options: Readonly<Record<string, string>> = {},
) => {
  const all = {
    'control-plane': 'prod',
    'kong-version': '3.9.1',
    endpoint: standIn.url,
    'public-key': key.pem,
    output: join(cli.directory, 'config.json'),
    ...options,
  };
  return cli.run(
    ['fetch', ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])],
    environment,
  );
};

/** Of PEM and its base64: no line of it may be anywhere. */
const secretLines = [cluster.keyPem, Buffer.from(cluster.keyPem).toString('base64')].flatMap((text) =>
  text.split('\n').filter((line) => line.length > 20 && !line.startsWith('-')),
);

function expectNothingTold(told: string, ...secrets: readonly string[]): void {
  for (const secret of [...secrets, ...secretLines.map((line) => line.slice(0, 20))]) {
    expect(told).not.toContain(secret);
  }
}

describe('credentials that cannot be sent', () => {
  it.each([
    ['AWS_ACCESS_KEY_ID', 'ASIAEXAMPLE\n', 'ends in a line break'],
    ['AWS_SECRET_ACCESS_KEY', 'a-secret-access-key\n', 'ends in a line break'],
    ['AWS_SECRET_ACCESS_KEY', 'a-secret-access-key\r\n', 'ends in a line break'],
    ['AWS_SESSION_TOKEN', 'a-session-token\n', 'ends in a line break'],
    ['AWS_SESSION_TOKEN', ' a-session-token', 'begins or ends with white space'],
    ['AWS_SESSION_TOKEN', 'a-session\ntoken', 'has white space in it'],
  ])('%s that is %j is refused with 3, and nothing is sent', async (name, value, words) => {
    const { exitCode, stderr } = await fetchWith({ ...good, [name]: value });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 3,
      stderr: expect.stringContaining(`${name} ${words}`),
    });
    expect(standIn.requests).toEqual([]);
    expectNothingTold(stderr, value.trim());
  });

  it.each(['eu-central-1\n', ' eu-central-1'])('a region that is %j is refused with 2', async (region) => {
    const { exitCode, stderr } = await fetchWith({ ...good, AWS_REGION: region });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(/AWS_REGION (ends|begins)/),
    });
    expect(standIn.requests).toEqual([]);
  });

  it('whose file is there and cannot be read are not called missing', async () => {
    const { exitCode, stderr } = await fetchWith({
      AWS_REGION: 'eu-central-1',
      AWS_SHARED_CREDENTIALS_FILE: cli.directory,
    });

    expect(exitCode).toBe(3);
    expect(stderr).toContain(`(${cli.directory} is there and cannot be read, EISDIR)`);
  });
});

describe('an endpoint', () => {
  it.each(['/', '//', '///'])('that ends in %s is asked, and no other host', async (slashes) => {
    const { exitCode, stderr } = await fetchWith(good, { endpoint: `${standIn.url}${slashes}` });

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(standIn.requests[0]?.path).toBe('/control-planes/prod/fallback-config?kongVersion=3.9.1');
  });

  it.each([
    ['an option', true],
    ['a variable', false],
  ])('with a password in it is refused without it, as %s', async (_what, isOption) => {
    const endpoint = 'https://user:my-secret@api.example';

    const { exitCode, stderr } = isOption
      ? await fetchWith(good, { endpoint })
      : await cli.run(['fetch'], { ...good, LIFEBOAT_ENDPOINT: endpoint });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining("'--endpoint <url>' is invalid"),
    });
    expectNothingTold(stderr, 'my-secret', 'user');
  });

  const presign = { endpoint: 'arn:aws:lambda:eu-central-1:111122223333:function:presign' };

  it.each(['AWS_ENDPOINT_URL_LAMBDA', 'AWS_ENDPOINT_URL'])(
    'of Lambda in %s that is none is refused with 2',
    async (variable) => {
      const { exitCode, stderr } = await fetchWith(
        { ...good, [variable]: 'lambda.example/my-secret' },
        presign,
      );

      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: expect.stringContaining(`${variable}: an https://`),
      });
      expectNothingTold(stderr, 'my-secret');
    },
  );

  it('of all services is asked as Lambda’s, and is nothing to the HTTP API', async () => {
    await fetchWith({ ...good, AWS_ENDPOINT_URL: standIn.url }, presign);
    const api = await fetchWith({ ...good, AWS_ENDPOINT_URL: 'http://emulator:4566' });

    expect(standIn.requests[0]?.path).toMatch(/^\/2015-03-31\/functions\/.*presign\/invocations$/);
    expect(api).toMatchObject({ exitCode: 0 });
  });
});

describe('a proxy whose password is not read as it was meant', () => {
  it.each(['http://svc:100%my-secret@127.0.0.1:9', 'http://svc:2024#my-secret@127.0.0.1:9'])(
    'is refused with 2: %s',
    async (proxy) => {
      const { exitCode, stderr } = await fetchWith({ ...good, HTTPS_PROXY: proxy });

      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: expect.stringMatching(/^lifeboat: HTTPS_PROXY .*percent-encoded/),
      });
      expectNothingTold(stderr, 'my-secret', 'svc', '2024');
    },
  );
});

describe('a pinned key', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const crlf = (text: string) => text.replaceAll('\n', '\r\n');
  const blanks = (text: string) => text.trim().replaceAll('\n', ' ');

  it.each<[string, () => string]>([
    ['PEM', () => key.pem],
    ['base64 of PEM', () => base64(key.pem)],
    ['PEM with CRLF', () => crlf(key.pem)],
    ['base64 of PEM with CRLF', () => base64(crlf(key.pem))],
    ['PEM whose line breaks became blanks', () => blanks(key.pem)],
  ])('is taken as %s, in its option and in a file', async (_what, make) => {
    const file = join(cli.directory, 'pinned');
    const given = make();
    await writeFile(file, given);

    const option = await fetchWith(good, { 'public-key': given });
    const inFile = await cli.run(['fetch'], {
      ...good,
      LIFEBOAT_CONTROL_PLANE: 'prod',
      LIFEBOAT_KONG_VERSION: '3.9.1',
      LIFEBOAT_ENDPOINT: standIn.url,
      LIFEBOAT_OUTPUT: join(cli.directory, 'config.json'),
      LIFEBOAT_PUBLIC_KEY_FILE: file,
    });

    expect([option.stderr, inFile.stderr]).toEqual(['', '']);
    expect([option.exitCode, inFile.exitCode]).toEqual([0, 0]);
  });

  it.each<[string, string, RegExp]>([
    ['is empty', '', /it is empty/],
    ['has a line break alone', '\n', /it is empty/],
    ['is a certificate', cluster.pem, /it holds a certificate/],
    ['is a private key', cluster.keyPem, /it holds a private key/],
    ['is a key and a private key', `${key.pem}${cluster.keyPem}`, /it holds a private key/],
    ['is cut off', key.pem.slice(0, 80), /no PEM public key/],
    ['is something else', '{"kid": "x"}', /not PEM/],
  ])('whose file %s is refused with 2, and nothing of it is told', async (_what, text, words) => {
    const file = join(cli.directory, 'pinned');
    await writeFile(file, text);

    const { exitCode, stderr } = await fetchWith(good, { 'public-key': file });

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(words) });
    expectNothingTold(stderr);
    expect(standIn.requests).toEqual([]);
  });

  it.each([
    ['as PEM', cluster.keyPem],
    ['as base64 of PEM', base64(cluster.keyPem)],
    ['as DER without its frame', cluster.keyPem.replace(/-----.*-----|\n/g, '')],
  ])('that is a private key %s is no file’s name, and nothing of it is told', async (_how, given) => {
    const { exitCode, stderr } = await fetchWith(good, { 'public-key': given });

    expect(exitCode).toBe(2);
    expectNothingTold(stderr, given.slice(0, 30));
  });

  it.each([
    ['a directory', () => cli.directory, /neither a readable file \(EISDIR\)/],
    ['a device without an end', () => '/dev/zero', /more than 1048576 bytes/],
  ])('in %s is refused with 2', async (_what, path, words) => {
    const { exitCode, stderr } = await fetchWith(good, { 'public-key': path() });

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(words) });
  });
});

describe('a cluster certificate', () => {
  const by = { LIFEBOAT_AUTH: 'cluster-certificate' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const crlf = (text: string) => text.replaceAll('\n', '\r\n');

  it.each<[string, (text: string) => string]>([
    ['PEM with CRLF', crlf],
    ['base64 of PEM with CRLF', (text) => base64(crlf(text))],
    ['base64 in lines', (text) => base64(text).replace(/.{76}/g, '$&\n')],
  ])('is taken with its key as %s', async (_what, make) => {
    const { exitCode, stderr } = await fetchWith({
      ...by,
      KONG_CLUSTER_CERT: make(cluster.pem),
      KONG_CLUSTER_CERT_KEY: make(cluster.keyPem),
    });

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('with CRLF is taken with its key from files', async () => {
    const [certificate, privateKey] = [join(cli.directory, 'crlf.crt'), join(cli.directory, 'crlf.key')];
    await writeFile(certificate, crlf(cluster.pem));
    await writeFile(privateKey, crlf(cluster.keyPem));

    const { exitCode, stderr } = await fetchWith({
      ...by,
      KONG_CLUSTER_CERT: certificate,
      KONG_CLUSTER_CERT_KEY: privateKey,
    });

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it.each([
    ['a reference', '{vault://env/my-secret}', /reference to one of Kong’s vaults/],
    ['cut off', cluster.keyPem.slice(0, 120), /no whole PEM/],
    ['cut off, in base64', base64(cluster.keyPem).slice(0, 120), /--cluster-cert/],
    ['without its frame', cluster.keyPem.replace(/-----.*-----|\n/g, ''), /neither a readable file/],
  ])('whose key is %s is refused with 2, and nothing of it is told', async (_what, given, words) => {
    const { exitCode, stderr } = await fetchWith({
      ...by,
      KONG_CLUSTER_CERT: cluster.pem,
      KONG_CLUSTER_CERT_KEY: given,
    });

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(words) });
    expectNothingTold(stderr, 'my-secret');
  });

  it('whose key stands where its file’s name should is refused without a word of it', async () => {
    const { exitCode, stderr } = await fetchWith({
      ...by,
      KONG_CLUSTER_CERT: cluster.pem,
      KONG_CLUSTER_CERT_KEY_FILE: base64(cluster.keyPem),
    });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining(
        'KONG_CLUSTER_CERT_KEY_FILE must name a readable file (it holds PEM itself)',
      ),
    });
    expectNothingTold(stderr);
  });

  it('whose key is given to an option that there is not is not told', async () => {
    const { exitCode, stderr } = await fetchWith(good, { [`cluster-key=${base64(cluster.keyPem)}`]: '' });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining("unknown option '--cluster-key'"),
    });
    expectNothingTold(stderr);
  });
});
