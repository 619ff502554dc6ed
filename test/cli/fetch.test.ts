import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { verifyManifest } from '../../core/vault/manifest.ts';
import { exampleCertificate } from '../../policy/example-certificate.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { issue } from '../core/access/certificates.ts';
import { type Ended, processes } from '../local/processes.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import {
  type Answer,
  type Answers,
  content,
  goodFile,
  goodGrant,
  goodStatus,
  newSigningKey,
  startStandIn,
  urlSecret,
} from './published-file.ts';

const secretAccessKey = 'a-secret-access-key';
const sessionToken = 'a-session-token';
const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: sessionToken,
};
const key = newSigningKey();
const goodAnswers: Answers = { grant: goodGrant, file: () => goodFile(key), status: () => goodStatus(key) };
const answers: Answers = { ...goodAnswers };
const problem = (status: number, detail: string) => ({ status, body: JSON.stringify({ status, detail }) });

let cli: Cli;
let standIn: Awaited<ReturnType<typeof startStandIn>>;
let output: string;
let publicKey: string;

beforeAll(async () => {
  cli = await bundledCli();
  standIn = await startStandIn(answers);
  output = join(cli.directory, 'config.json');
  publicKey = join(cli.directory, 'signing-key.pem');
  await writeFile(publicKey, key.pem);
});

beforeEach(async () => {
  Object.assign(answers, goodAnswers);
  await rm(output, { force: true });
  await rm(`${output}.manifest.json`, { force: true });
});

afterAll(async () => {
  await standIn.stop();
  await cli.stop();
});

/** All that is needed, with what the test gives otherwise. An option of `undefined` is left out. */
function parameters(changed: Readonly<Record<string, string | undefined>> = {}): readonly string[] {
  const options = {
    'control-plane': 'prod',
    'kong-version': '3.9.1',
    endpoint: standIn.url,
    'public-key': publicKey,
    output,
    ...changed,
  };
  return [
    'fetch',
    ...Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
  ];
}

const fetchWith = (changed: Readonly<Record<string, string | undefined>> = {}): Promise<Ended> =>
  cli.run(parameters(changed), credentials);

describe('lifeboat fetch', () => {
  it('writes the verified file for its owner alone, and says what it is', async () => {
    const { exitCode, stdout, stderr } = await fetchWith();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toBe(
      `${output}: revision 7 of control plane "prod" for Kong 3.9.1, exported 2026-11-23T00:00:01.000Z, ` +
        `0 entities, ${content.length} bytes, verified as current 4 minutes before\n`,
    );
    expect(await readFile(output)).toEqual(content);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
  });

  it('prints the manifest as one JSON object with --json', async () => {
    const { stdout } = await cli.run([...parameters(), '--json'], credentials);

    expect(JSON.parse(stdout)).toMatchObject({
      file: output,
      controlPlane: 'prod',
      kongVersion: '3.9.1',
      revision: 7,
      size: content.length,
      exportedAt: '2026-11-23T00:00:01.000Z',
      verifiedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('refuses an old file that was put back, and says what to do', async () => {
    answers.status = () => goodStatus(key, { revision: 8 });

    const { exitCode, stdout, stderr } = await fetchWith();

    expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: '' });
    expect(stderr).toMatch(/returned revision 7.*revision 8 is published.*docs\/runbook.md/);
    await expect(stat(output)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes a file without a status, with a warning, and without one with --max-unverified-age it does not', async () => {
    answers.status = () => ({ status: 404, body: '' });

    const taken = await fetchWith();
    const refused = await fetchWith({ 'max-unverified-age': '12h' });

    expect([taken.exitCode, taken.stderr]).toEqual([0, expect.stringContaining('nobody can tell')]);
    expect(taken.stdout).toMatch(/bytes, verified\n$/);
    expect([refused.exitCode, refused.stderr]).toEqual([6, expect.stringContaining('--max-unverified-age')]);
  });

  it.each([
    ['5m', 0],
    ['4m', 6],
    ['200', 6],
  ])('with --max-unverified-age %s for a file verified 250 s before: %d', async (age, expected) => {
    const { exitCode } = await cli.run(parameters(), { ...credentials, LIFEBOAT_MAX_UNVERIFIED_AGE: age });

    expect(exitCode).toBe(expected);
  });

  it('takes every option that names something from LIFEBOAT_* variables', async () => {
    const { exitCode, stderr } = await cli.run(['fetch'], {
      ...credentials,
      LIFEBOAT_CONTROL_PLANE: 'prod',
      LIFEBOAT_KONG_VERSION: '3.9.1',
      LIFEBOAT_ENDPOINT: standIn.url,
      LIFEBOAT_PUBLIC_KEY: publicKey,
      LIFEBOAT_OUTPUT: output,
    });

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await readFile(output)).toEqual(content);
  });

  it('lets an option win over its variable', async () => {
    const { exitCode, stderr } = await cli.run(parameters({ 'control-plane': 'NOT-A-NAME' }), {
      ...credentials,
      LIFEBOAT_CONTROL_PLANE: 'prod',
    });

    expect(exitCode).toBe(2);
    expect(stderr).toContain("option '--control-plane <name>' is invalid. a control plane name has");
  });

  it('writes what db_import takes with --for-import, once the published file is verified', async () => {
    const table = {
      services: [{ id: 'a' }],
      workspaces: [{ name: 'default' }],
      parameters: [],
      _comment: 'x',
    };
    answers.file = () => goodFile(key, {}, Buffer.from(JSON.stringify(table)));
    answers.status = () => goodStatus(key, { revision: 6 });

    const { exitCode, stdout, stderr } = await cli.run([...parameters(), '--for-import'], credentials);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('verified as current 4 minutes before; written for kong config db_import');
    expect(JSON.parse(await readFile(output, 'utf8'))).toEqual({ services: [{ id: 'a' }], _comment: 'x' });
  });

  it('warns with --for-import of keys that would be valid for ever', async () => {
    const table = {
      keyauth_credentials: [
        { id: 'a', ttl: 1795722532 },
        { id: 'b', ttl: null },
      ],
    };
    answers.file = () => goodFile(key, {}, Buffer.from(JSON.stringify(table)));

    const { exitCode, stderr } = await cli.run([...parameters(), '--for-import'], credentials);

    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^lifeboat: 1 entities have a ttl, which kong config db_import drops/);
    expect(JSON.parse(await readFile(output, 'utf8'))).toEqual(table);
  });

  it.each<[what: string, table: object, signer: typeof key, words: RegExp]>([
    ['several workspaces', { workspaces: [{ name: 'a' }, { name: 'b' }] }, key, /several workspaces.*backup/],
    ['a signature of somebody else', { workspaces: [] }, newSigningKey(), /is not trusted here/],
  ])('writes nothing with --for-import for %s', async (_, table, signer, words) => {
    const before = await readdir(cli.directory);
    answers.file = () => goodFile(signer, {}, Buffer.from(JSON.stringify(table)));

    const { exitCode, stderr } = await cli.run([...parameters(), '--for-import'], credentials);

    expect(exitCode).toBe(6);
    expect(stderr).toMatch(words);
    expect(await readdir(cli.directory)).toEqual(before);
  });

  it('signs its request for the region that --region names', async () => {
    await fetchWith({ region: 'us-east-1' });

    expect(standIn.requests.at(-2)?.authorization).toMatch(/\/us-east-1\/execute-api\/aws4_request/);
    expect(standIn.requests.at(-1)).toMatchObject({ authorization: undefined });
  });

  it('accepts either of two pinned keys', async () => {
    const both = join(cli.directory, 'both.pem');
    await writeFile(both, `${newSigningKey().pem}\n# the old one\n${key.pem}`);

    const { exitCode } = await fetchWith({ 'public-key': both });

    expect(exitCode).toBe(0);
  });

  it('needs no AWS credentials with a cluster certificate, given as Kong takes it', async () => {
    const cluster = await issue();
    const [certificateFile, keyFile] = ['cluster.crt', 'cluster.key'].map((name) =>
      join(cli.directory, name),
    );
    await writeFile(String(certificateFile), cluster.pem);
    await writeFile(String(keyFile), cluster.keyPem);
    const base64 = (pem: string) => Buffer.from(pem).toString('base64');
    const oneLine = (pem: string) => pem.trim().replaceAll('\n', '\\n');
    const ways: readonly Readonly<Record<string, string>>[] = [
      { KONG_CLUSTER_CERT: String(certificateFile), KONG_CLUSTER_CERT_KEY: String(keyFile) },
      { KONG_CLUSTER_CERT: cluster.pem, KONG_CLUSTER_CERT_KEY: cluster.keyPem },
      { KONG_CLUSTER_CERT: base64(cluster.pem), KONG_CLUSTER_CERT_KEY: base64(cluster.keyPem) },
      // Which Kong would not take, and which harms nobody.
      { KONG_CLUSTER_CERT: oneLine(cluster.pem), KONG_CLUSTER_CERT_KEY: oneLine(cluster.keyPem) },
      { KONG_CLUSTER_CERT_FILE: String(certificateFile), KONG_CLUSTER_CERT_KEY_FILE: String(keyFile) },
    ];

    for (const way of ways) {
      const { exitCode, stderr } = await cli.run(parameters(), {
        LIFEBOAT_AUTH: 'cluster-certificate',
        ...way,
      });

      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const { authorization, body = '' } = standIn.requests.at(-2) ?? {};
      expect(authorization).toBeUndefined();
      const { assertion } = JSON.parse(body) as { readonly assertion: string };
      expect(decodeProtectedHeader(assertion).x5c).toEqual([cluster.certificate.raw.toString('base64')]);
    }
  });

  it('takes the value of each variable from a file that its twin names', async () => {
    const file = async (name: string, value: string) => {
      const path = join(cli.directory, `${name}.value`);
      await writeFile(path, `${value}\n`);
      return path;
    };

    const { exitCode, stderr } = await cli.run(['fetch'], {
      ...credentials,
      LIFEBOAT_CONTROL_PLANE_FILE: await file('control-plane', 'prod'),
      LIFEBOAT_KONG_VERSION_FILE: await file('version', '3.9.1'),
      LIFEBOAT_ENDPOINT_FILE: await file('endpoint', standIn.url),
      LIFEBOAT_PUBLIC_KEY_FILE: publicKey,
      LIFEBOAT_OUTPUT_FILE: await file('output', output),
      // Set to nothing, as manifests do.
      LIFEBOAT_CONTROL_PLANE: '',
    });

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await readFile(output)).toEqual(content);
  });

  it('tries its endpoints in order, and says where the file is from', async () => {
    const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
    await stop();

    const { exitCode, stderr } = await fetchWith({
      endpoint: `http://127.0.0.1:${port}, ${standIn.url}`,
    });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: `lifeboat: the file is from ${standIn.url}: the grant endpoint http://127.0.0.1:${port} did not answer (ECONNREFUSED)\n`,
    });
  });

  it('says what each of its endpoints had to say, and ends with the code of the last', async () => {
    const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
    await stop();
    answers.file = () => goodFile(newSigningKey());

    const { exitCode, stderr } = await cli.run(
      [...parameters({ endpoint: `http://127.0.0.1:${port}` }), '--endpoint', standIn.url],
      credentials,
    );

    expect(exitCode).toBe(6);
    expect(stderr).toMatch(/did not answer \(ECONNREFUSED\); then .*is not trusted here/);
  });

  it('tells of its options, variables and credentials with --help', async () => {
    const { exitCode, stdout, stderr } = await cli.run(['fetch', '--help']);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const word of [
      'LIFEBOAT_CONTROL_PLANE',
      'LIFEBOAT_KONG_VERSION',
      'LIFEBOAT_ENDPOINT',
      'LIFEBOAT_PUBLIC_KEY',
      'LIFEBOAT_OUTPUT',
      'LIFEBOAT_AUTH',
      'KONG_CLUSTER_CERT',
      'KONG_CLUSTER_CERT_KEY',
      '_FILE',
      '--max-bytes',
      '--timeout',
      '--json',
      'AWS chain',
    ]) {
      expect(stdout).toContain(word);
    }
  });
});

describe('the manifest beside the file', () => {
  const saved = () => readFile(`${output}.manifest.json`, 'utf8').then(JSON.parse);

  it('is the signed one, with the id of its key, for the owner alone', async () => {
    const { stdout } = await cli.run([...parameters(), '--json'], credentials);

    const { signedManifest, keyId } = await saved();
    const trusted = await key.verificationKey();
    expect(await verifyManifest(signedManifest, [trusted])).toMatchObject({ revision: 7 });
    expect(keyId).toBe(trusted.keyId);
    expect((await stat(`${output}.manifest.json`)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(stdout)).toMatchObject({ manifestFile: `${output}.manifest.json` });
  });

  it.each([['--no-manifest'], ['--for-import']])('is not there with %s', async (option) => {
    const { exitCode, stderr } = await cli.run([...parameters(), option], credentials);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    await expect(saved()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('keeps no data plane from its file where it cannot be saved', async () => {
    const inItsPlace = `${output}.manifest.json`;
    await mkdir(inItsPlace);
    const { exitCode, stderr } = await fetchWith();
    await rmdir(inItsPlace);

    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: `lifeboat: the manifest was not saved, and the file was: ${inItsPlace} is a directory: name a file in it\n`,
    });
    expect(await readFile(output)).toEqual(content);
  });
});

describe('--output -', () => {
  let held: string;
  beforeAll(async () => {
    held = await mkdtemp(join(cli.directory, 'held-'));
  });
  const fetchToStdout = (...more: readonly string[]) =>
    cli.run([...parameters({ output: '-' }), ...more], { ...credentials, TMPDIR: held });

  it('writes the file and nothing else to standard output, and leaves nothing on the disk', async () => {
    const { exitCode, stdout, stderr } = await fetchToStdout();

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: content.toString('utf8') });
    expect(stderr).toMatch(
      /^standard output: revision 7 of control plane "prod".* as current 4 minutes before\n$/,
    );
    expect(await readdir(held)).toEqual([]);
  });

  it('says with --json what it is on standard error, and writes for an import as well', async () => {
    answers.file = () => goodFile(key, {}, Buffer.from('{"services":[],"workspaces":[{}]}'));
    answers.status = () => goodStatus(key, { revision: 6 });

    const { stdout, stderr } = await fetchToStdout('--json', '--for-import');

    expect(stdout).toBe('{"services":[]}');
    expect(JSON.parse(stderr)).toMatchObject({ file: '-', revision: 7 });
  });

  it.each<[what: string, exitCode: number, file: () => Promise<Answer>]>([
    [
      'that is changed at its end',
      6,
      async () => ({ ...(await goodFile(key)), body: gzipSync(`${content.subarray(0, -1)} `) }),
    ],
    ['that breaks off', 5, async () => ({ ...(await goodFile(key)), cutAfterBytes: 40 })],
    ['of a stranger', 6, () => goodFile(newSigningKey())],
  ])('writes no byte of a file %s', async (_what, code, file) => {
    answers.file = file;

    const { exitCode, stdout } = await fetchToStdout();

    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    expect(await readdir(held)).toEqual([]);
  });

  it('ends well where nobody wants the rest of it', async () => {
    const large = Buffer.from(JSON.stringify({ services: [], _comment: 'x'.repeat(2 ** 20) }));
    answers.file = () => goodFile(key, {}, large);
    const children = processes();
    const pipe = 'set -o pipefail; "$@" | head -c 10';

    const ended = await children.run(
      'bash',
      ['-c', pipe, 'bash', process.execPath, cli.file, ...parameters({ output: '-' })],
      { env: { ...credentials, TMPDIR: held, PATH: process.env['PATH'] ?? '' } },
    );

    await children.stop();
    expect(ended).toMatchObject({ exitCode: 0, stdout: '{"services' });
  });

  it('holds the file nowhere where that cannot be, and says so', async () => {
    const { exitCode, stdout, stderr } = await cli.run(parameters({ output: '-' }), {
      ...credentials,
      TMPDIR: join(held, 'no'),
    });

    expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' });
    expect(stderr).toMatch(/cannot be held in .*held-\w+\/no until it is verified \(ENOENT\).*TMPDIR/);
  });
});

it('says on a terminal how Kong is given the file', async () => {
  const terminal = join(cli.directory, 'terminal.cjs');
  await writeFile(terminal, 'process.stdout.isTTY = true;');
  const onTerminal = { ...credentials, NODE_OPTIONS: `--require ${terminal}` };

  const plain = await cli.run(parameters({ output: join(cli.directory, "it's.json") }), onTerminal);
  const forImport = await cli.run([...parameters(), '--for-import'], onTerminal);
  const json = await cli.run([...parameters(), '--json'], onTerminal);

  expect(plain.stderr).toContain(
    `KONG_DATABASE=off KONG_DECLARATIVE_CONFIG='${join(cli.directory, "it'\\''s.json")}' kong start`,
  );
  expect(forImport.stderr).toContain(`kong config db_import ${output}\n`);
  expect(json.stderr).toBe('');
});

describe('exit code 2', () => {
  it.each<readonly [string, Readonly<Record<string, string | undefined>>, string]>([
    [
      'no control plane',
      { 'control-plane': undefined },
      '--control-plane (LIFEBOAT_CONTROL_PLANE) is missing',
    ],
    ['no version', { 'kong-version': undefined }, '--kong-version (LIFEBOAT_KONG_VERSION) is missing'],
    [
      'no endpoint',
      { endpoint: undefined },
      '--endpoint (LIFEBOAT_ENDPOINT) or --stack (LIFEBOAT_STACK) is missing',
    ],
    ['no public key', { 'public-key': undefined }, '--public-key (LIFEBOAT_PUBLIC_KEY) is missing'],
    ['no output', { output: undefined }, '--output (LIFEBOAT_OUTPUT) is missing'],
    ['a name with a slash', { 'control-plane': '../prod' }, '1 to 40 characters out of a-z'],
    ['a name of 41 characters', { 'control-plane': 'a'.repeat(41) }, '1 to 40 characters out of a-z'],
    ['a version that is not full', { 'kong-version': '3.9' }, 'a full Kong version'],
    ['an endpoint that is no URL', { endpoint: 'lifeboat' }, 'an https:// URL is expected'],
    ['an endpoint of another scheme', { endpoint: 'ftp://127.0.0.1/' }, 'an https:// URL is expected'],
    ['plain HTTP over a network', { endpoint: 'http://192.0.2.1/' }, 'an https:// URL is expected'],
    [
      'plain HTTP to a host that only begins like this one',
      { endpoint: 'http://127.0.0.1.example/' },
      'an https:// URL is expected',
    ],
    ['no byte at all', { 'max-bytes': '0' }, 'a whole number from 1 to'],
    ['a day and a second', { timeout: '86401' }, 'a whole number from 1 to 86400 is expected'],
    ['a fraction', { timeout: '1.5' }, 'a whole number from 1 to 86400 is expected'],
    [
      'an ARN of something else',
      { endpoint: 'arn:aws:s3:::vault' },
      'an https:// URL is expected, of a host, a port and a path',
    ],
    [
      'the version of a function',
      { endpoint: 'arn:aws:lambda:eu-central-1:111122223333:function:presign:1' },
      'an https:// URL is expected, of a host, a port and a path',
    ],
    ['another way to say who asks', { auth: 'basic' }, 'Allowed choices are iam, cluster-certificate'],
    [
      'no cluster certificate',
      { auth: 'cluster-certificate' },
      'needs --cluster-cert and --cluster-cert-key',
    ],
    [
      'a cluster certificate for a function',
      { auth: 'cluster-certificate', endpoint: 'arn:aws:lambda:eu-central-1:111122223333:function:presign' },
      'takes AWS credentials only',
    ],
    [
      'a cluster certificate that is not there',
      { auth: 'cluster-certificate', 'cluster-cert': '/no/cluster.crt', 'cluster-cert-key': 'package.json' },
      '--cluster-cert is neither a readable file (ENOENT) nor PEM nor base64 of PEM',
    ],
    [
      'a cluster certificate that is none',
      { auth: 'cluster-certificate', 'cluster-cert': 'package.json', 'cluster-cert-key': 'package.json' },
      'is not PEM: it must begin with -----BEGIN',
    ],
    [
      'a key that is none',
      {
        auth: 'cluster-certificate',
        'cluster-cert': exampleCertificate,
        'cluster-cert-key': exampleCertificate,
      },
      'the key is a certificate: perhaps certificate and key were exchanged',
    ],
    ['an unknown option', { quiet: 'yes' }, "unknown option '--quiet'"],
    [
      'a public key that is not there',
      { 'public-key': '/no/key.pem' },
      '--public-key is neither a readable file (ENOENT) nor PEM',
    ],
    ['a public key that is none', { 'public-key': 'package.json' }, 'the file of --public-key is not PEM'],
  ])('%s', async (_what, changed, sentence) => {
    const { exitCode, stdout, stderr } = await fetchWith(changed);

    expect(exitCode).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stdout).toBe('');
  });

  it.each([
    ['of another kind', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey, 'P-256'],
    [
      'of another curve',
      () => generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey,
      'not on the curve P-256',
    ],
  ])('a public key %s', async (_what, make, sentence) => {
    const file = join(cli.directory, 'other.pem');
    await writeFile(file, make().export({ format: 'pem', type: 'spki' }));

    const { exitCode, stderr } = await fetchWith({ 'public-key': file });

    expect(exitCode).toBe(2);
    expect(stderr).toContain(sentence);
  });

  it('a key that is not what it seems, of which nothing is repeated', async () => {
    const { exitCode, stderr } = await fetchWith({
      auth: 'cluster-certificate',
      'cluster-cert': exampleCertificate,
      'cluster-cert-key': 'c2VjcmV0IGtleSBpbiBhIGZvcm0gdGhhdCBub2JvZHkga25vd3M=',
    });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('--cluster-cert-key'),
    });
    expect(stderr).not.toContain('c2VjcmV0');
  });

  it.each([
    [{ LIFEBOAT_ENDPOINT: 'https://a.example', LIFEBOAT_ENDPOINT_FILE: 'package.json' }, 'are both set'],
    [
      { LIFEBOAT_ENDPOINT_FILE: '/no/such/file' },
      'LIFEBOAT_ENDPOINT_FILE must name a readable file (ENOENT)',
    ],
  ])('a variable and its file: %j', async (variables, sentence) => {
    const { exitCode, stderr } = await cli.run(parameters(), { ...credentials, ...variables });

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(sentence) });
  });

  it('a key where the name of its file should be, of which nothing is repeated', async () => {
    const { exitCode, stderr } = await cli.run(parameters(), {
      ...credentials,
      KONG_CLUSTER_CERT_KEY_FILE: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----',
    });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('KONG_CLUSTER_CERT_KEY_FILE must name a readable file'),
    });
    expect(stderr).not.toContain('c2VjcmV0');
  });

  it('no region', async () => {
    const { AWS_REGION: _left, ...others } = credentials;

    const { exitCode, stderr } = await cli.run(parameters(), others);

    expect(exitCode).toBe(2);
    expect(stderr).toBe('lifeboat: no AWS region: give --region or set AWS_REGION\n');
  });
});

describe('exit codes by cause', () => {
  const forbidden = { status: 403, body: '{"message":"Forbidden"}' };
  const s3Error = (status: number, code: string) => ({
    status,
    body: `<Error><Code>${code}</Code><Message>no</Message></Error>`,
  });

  it.each<readonly [number, string, Partial<Answers>, string]>([
    [3, 'the gateway refuses', { grant: () => forbidden }, 'execute-api:Invoke'],
    [
      3,
      'this machine’s clock is wrong',
      { grant: () => ({ ...forbidden, headers: { date: new Date(Date.now() - 600_000).toUTCString() } }) },
      'clock is 6',
    ],
    [3, 'the vault refuses', { file: () => s3Error(403, 'AccessDenied') }, '403 (AccessDenied)'],
    [4, 'there is no such version', { grant: () => problem(404, 'there are files for 3.8.1') }, '3.8.1'],
    [4, 'nothing was published', { file: () => s3Error(404, 'NoSuchKey') }, 'nothing was published yet'],
    [5, 'the endpoint fails', { grant: () => problem(500, 'it failed') }, 'answered 500'],
    [
      5,
      'the endpoint throttles for longer than there is time',
      { grant: () => ({ status: 429, body: '{}', headers: { 'retry-after': '600' } }) },
      'raise the throttle',
    ],
    [5, 'the endpoint is another one', { grant: () => ({ status: 200, body: '<html>' }) }, 'is not a grant'],
    [5, 'the vault fails', { file: () => s3Error(500, 'InternalError') }, '500 (InternalError)'],
    [
      5,
      'the download breaks off',
      { file: async () => ({ ...(await goodFile(key)), cutAfterBytes: 20 }) },
      'was interrupted',
    ],
    [6, 'nobody signed', { file: () => ({ status: 200, body: content }) }, 'has no manifest'],
    [6, 'somebody else signed', { file: () => goodFile(newSigningKey()) }, 'is not trusted here'],
    [
      6,
      'it belongs to another control plane',
      { file: () => goodFile(key, { controlPlane: 'test' }) },
      'belongs to control plane "test"',
    ],
    [
      6,
      'it is for newer nodes',
      { file: () => goodFile(key, { kongVersion: '3.9.2' }) },
      'was made for Kong 3.9.2',
    ],
    [6, 'it was changed', { file: () => goodFile(key, { sha256: '0'.repeat(64) }) }, 'was changed after'],
  ])('%d when %s, and nothing is written', async (code, _what, changed, sentence) => {
    Object.assign(answers, changed);

    const { exitCode, stdout, stderr } = await fetchWith();

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(sentence) });
    expect(stderr).toMatch(/^lifeboat: .*\n$/);
    expect(stdout).toBe('');
    for (const secret of [urlSecret, '/vault/', secretAccessKey, sessionToken, 'Signature=']) {
      expect(stderr).not.toContain(secret);
    }
    const left = await readdir(cli.directory);
    expect(left.filter((name) => name.includes('config.json'))).toEqual([]);
  });

  it('0 when it was throttled at first, which it says once, with the time of its next attempt', async () => {
    const { grant } = answers;
    let asked = 0;
    answers.grant = (url) => {
      asked += 1;
      return asked < 3 ? { status: 429, body: '{"message":"Too Many Requests"}' } : grant(url);
    };

    const { exitCode, stderr } = await fetchWith();

    const [first, second, ...more] = stderr.trimEnd().split('\n');
    expect(exitCode).toBe(0);
    expect(first).toMatch(/answered 429 .*\(Too Many Requests\).* \(next attempt in \d(\.\d)? s\)$/);
    expect(second).toMatch(/^lifeboat: still throttled \(next attempt in \d(\.\d)? s\)$/);
    expect(more).toEqual([]);
  });

  it('3 without credentials', async () => {
    const { exitCode, stderr } = await cli.run(parameters(), { AWS_REGION: 'eu-central-1' });

    expect(exitCode).toBe(3);
    expect(stderr).toContain('no AWS credentials were found');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]'])('5 when nobody listens on this machine’s %s', async (host) => {
    const { port, stop } = await listen(createServer(), '127.0.0.1', 0);
    await stop();

    const { exitCode, stderr } = await fetchWith({ endpoint: `http://${host}:${port}` });

    expect(exitCode).toBe(5);
    expect(stderr).toContain('did not answer');
  });

  it('5 when the answer takes longer than --timeout', async () => {
    answers.grant = () => new Promise(() => undefined);

    const { exitCode, stderr } = await fetchWith({ timeout: '1' });

    expect({ exitCode, stderr }).toMatchObject({ exitCode: 5 });
  });

  it.each([
    [content.length, 0],
    [content.length - 1, 6],
  ])('with --max-bytes %d is %d', async (maxBytes, code) => {
    const { exitCode } = await fetchWith({ 'max-bytes': String(maxBytes) });

    expect(exitCode).toBe(code);
  });

  it('6 leaves the file of before where it is', async () => {
    await writeFile(output, 'what was there');
    answers.file = () => goodFile(newSigningKey());

    const { exitCode } = await fetchWith();

    expect(exitCode).toBe(6);
    expect(await readFile(output, 'utf8')).toBe('what was there');
  });

  it.each([
    ['is a directory', () => cli.directory, 7, 'is a directory: name a file in it'],
    ['is a device', () => '/dev/null', 7, 'is a device'],
    ['ends in a slash', () => `${output}/`, 2, 'the name of a file is expected'],
  ])('when the output %s, and nothing is asked for', async (_what, place, code, words) => {
    const asked = standIn.requests.length;

    const { exitCode, stderr } = await fetchWith({ output: place() });

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(words) });
    expect(standIn.requests.length).toBe(asked);
  });

  it.each([
    ['a pipe that nobody reads', 'exec > >(true); sleep 0.3', 0, ''],
    ['a full disk', 'exec > /dev/full', 7, 'its result cannot be printed (ENOSPC)'],
  ])('has the file, where what it prints goes to %s', async (_what, redirect, code, words) => {
    const shell = processes();
    const command = [process.execPath, cli.file, ...parameters()].map((part) => `'${part}'`).join(' ');

    const { exitCode, stderr } = await shell.run('bash', ['-c', `${redirect}; ${command}`], {
      env: { ...credentials, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    });
    await shell.stop();

    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(words) });
    expect(await readFile(output)).toEqual(content);
  });

  it('has its exit code where nobody reads what went wrong', async () => {
    answers.file = () => goodFile(newSigningKey());
    const shell = processes();
    const command = [process.execPath, cli.file, ...parameters()].map((part) => `'${part}'`).join(' ');

    const { exitCode } = await shell.run('bash', ['-c', `exec 2> >(true) > >(true); sleep 0.3; ${command}`], {
      env: credentials,
    });
    await shell.stop();

    expect(exitCode).toBe(6);
  });

  it('7 when the output cannot be written', async () => {
    const { exitCode, stderr } = await fetchWith({ output: join(cli.directory, 'no/such/config.json') });

    expect(exitCode).toBe(7);
    expect(stderr).toContain('cannot be written (ENOENT)');
  });
});
