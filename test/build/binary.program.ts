import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import packageJson from '../../package.json' with { type: 'json' };
import { sharedCertificate } from '../../simulators/kong/control-plane/certificates.ts';
import { goodFile, goodGrant, newSigningKey, startStandIn } from '../cli/published-file.ts';
import { type Ended, eventually, processes } from '../local/processes.ts';
import {
  configurationHash,
  fakeKong,
  noConfiguration,
  removeEverything,
  startNode,
  tableFor,
  temporaryDirectory,
} from '../simulators/kong/running-kong.ts';

// What a stock container has: no Node on its path, and no home.
const bare = { PATH: '/nowhere', HOME: '/nowhere', NODE_OPTIONS: '' };
const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
};
const key = newSigningKey();
const content = Buffer.from(
  JSON.stringify({ _format_version: '3.0', _transform: false, ...tableFor('http://127.0.0.1:9') }),
);
const children = processes();
let directory: string;
let binary: string;
let built: Ended;
let standIn: Awaited<ReturnType<typeof startStandIn>>;

const build = (parameters: readonly string[]) =>
  children.run(process.execPath, ['--import', 'tsx', 'build/build-binary.ts', ...parameters], {
    env: { TMPDIR: tmpdir() },
  });
const run = (parameters: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  children.run(binary, parameters, { env: { ...bare, ...env } });
const grantParameters = () => [
  ...['--control-plane', 'prod', '--kong-version', '3.9.1', '--endpoint', standIn.url],
  ...['--public-key', join(directory, 'signing-key.pem')],
];

beforeAll(async () => {
  directory = await temporaryDirectory();
  binary = join(directory, 'bin/lifeboat');
  await writeFile(join(directory, 'signing-key.pem'), key.pem);
  standIn = await startStandIn({ grant: goodGrant, file: () => goodFile(key, {}, content) });
  built = await build(['--output', binary]);
});

afterAll(async () => {
  await children.stop();
  await removeEverything();
  await standIn.stop();
});

describe('npm run build:binary', () => {
  it('makes one executable, leaves nothing else, and says what it runs on', async () => {
    expect(built).toMatchObject({ exitCode: 0, stdout: '' });
    expect(built.stderr).toMatch(
      new RegExp(`^built ${binary}: \\d+ MB, for Linux on ${process.arch} with glibc 2\\.\\d+ or newer\\n$`),
    );
    expect(await readdir(dirname(binary))).toEqual(['lifeboat']);
    expect((await stat(binary)).mode & 0o777).toBe(0o755);
  });

  it.each<readonly [string, () => string, RegExp]>([
    [
      'of a script',
      () => join(directory, 'signing-key.pem'),
      /cannot become the binary: it is no program of Linux/,
    ],
    ['that is not there', () => join(directory, 'node'), /cannot become the binary: ENOENT/],
    ['that is such a binary', () => binary, /cannot become the binary: it holds an application already/],
  ])('refuses a Node %s, and leaves the binary of before', async (_which, node, said) => {
    const before = await readFile(binary);

    const { exitCode, stderr } = await build(['--node', node(), '--output', binary]);

    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(said) });
    expect(before.equals(await readFile(binary))).toBe(true);
    expect(await readdir(dirname(binary))).toEqual(['lifeboat']);
  });
});

describe('the binary', () => {
  it('says its version', async () => {
    expect(await run(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    });
  });

  it('has the command line’s help and exit codes', async () => {
    const { stdout, stderr } = await run(['--help']);

    expect(stdout).toMatch(/^Usage: lifeboat /);
    expect(stdout).toContain('\nExit codes:\n');
    expect(stderr).toBe('');
    expect(await run(['fetch', '--no-such-option'])).toMatchObject({ exitCode: 2 });
  });

  it('is no Node', async () => {
    expect(await run(['--eval', 'process.exit(0)'])).toMatchObject({ exitCode: 2 });
  });

  it.each<readonly [string, () => Promise<Readonly<Record<string, string>>>]>([
    ['AWS credentials', async () => credentials],
    [
      'the cluster certificate',
      async () => {
        const { certificate, key: privateKey } = await sharedCertificate();
        return {
          LIFEBOAT_AUTH: 'cluster-certificate',
          KONG_CLUSTER_CERT: certificate,
          KONG_CLUSTER_CERT_KEY: privateKey,
        };
      },
    ],
  ])('fetches a file with %s', async (_how, variables) => {
    const output = join(await temporaryDirectory(), 'config.json');

    const ended = await run(['fetch', ...grantParameters(), '--output', output], await variables());

    expect(ended).toMatchObject({ exitCode: 0 });
    expect((await readFile(output)).equals(content)).toBe(true);
  });

  it('has the client of KMS', async () => {
    const ended = await run(['public-key', '--key-id', 'alias/signing'], {
      ...credentials,
      AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:9',
    });

    expect(ended).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('kms:GetPublicKey') });
  });

  it('seeds an empty node as standby', async () => {
    const node = await startNode(fakeKong);

    const standby = children.start(
      binary,
      ['standby', ...grantParameters(), '--prefix', node.prefix, '--after', '0', '--spread', '0'],
      { env: { ...bare, ...credentials } },
    );

    expect(await standby.ended).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('has loaded'),
    });
    expect(await eventually(async () => (await configurationHash(node)) !== noConfiguration)).toBe(true);
  });

  it('ends as standby when it is told to', async () => {
    const standby = children.start(
      binary,
      ['standby', ...grantParameters(), '--prefix', directory, '--status-url', 'http://127.0.0.1:9'],
      { env: { ...bare, ...credentials } },
    );
    await eventually(() => standby.stderr().includes('127.0.0.1:9'));

    standby.signal('SIGTERM');

    expect(await standby.ended).toMatchObject({ exitCode: 0 });
  });
});
