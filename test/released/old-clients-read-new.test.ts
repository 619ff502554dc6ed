import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { readUnverifiedManifest, signManifest } from '../../core/vault/manifest.ts';
import { type Listening, listen } from '../../simulators/kong/control-plane/listening.ts';
import { type Ended, processes } from '../local/processes.ts';
import { controlPlaneName, dataPlaneVersion, startPublishing } from './publishing.ts';
import { readFixture, readReleasedClient, releasedVersions } from './released-fixtures.ts';

const key = `${controlPlaneName}/${dataPlaneVersion}/config.json`;
const credentials = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
};
const children = processes();

let directory: string;
let publishing: Awaited<ReturnType<typeof startPublishing>>;
let api: Listening;
/** What a later version adds to its grants. */
let addedToGrant: object;
let askedWith: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-old-client-'));
  publishing = await startPublishing();
  await publishing.publish();
  const server = createServer(async (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://api');
    const asked = { kongVersion: searchParams.get('kongVersion') ?? undefined };
    askedWith.push(request.method ?? '');
    const answer =
      request.method === 'POST'
        ? (await publishing.grantByAssertion(await buffer(request), asked)).answer
        : await publishing.grant(asked);
    response
      .writeHead('status' in answer ? answer.status : 200)
      .end(JSON.stringify({ ...answer, ...addedToGrant }));
  });
  api = await listen(server, '127.0.0.1', 0);
  await writeFile(join(directory, 'signing-key.pem'), await publishing.publicKeyPem());
  const { certificate, key: clusterKey } = publishing.controlPlane.certificates;
  await writeFile(join(directory, 'cluster.crt'), certificate);
  await writeFile(join(directory, 'cluster.key'), clusterKey);
});

beforeEach(() => {
  addedToGrant = {};
  askedWith = [];
});

afterAll(async () => {
  await children.stop();
  await Promise.all([api.stop(), publishing.stop()]);
  await rm(directory, { recursive: true });
});

/** The same fields in another order, with one that old clients do not know. */
async function republishExtended(): Promise<void> {
  const { bytes, metadata } = await publishing.readObject(key);
  const { controlPlane, ...manifest } = readUnverifiedManifest(metadata['manifest'] ?? '');
  const extended = { added: { deeply: true }, ...manifest, controlPlane };
  await publishing.s3.send(
    new PutObjectCommand({
      Bucket: publishing.bucket,
      Key: key,
      Body: bytes,
      ContentEncoding: 'gzip',
      Metadata: { manifest: await signManifest(extended, publishing.signer) },
    }),
  );
}

describe.each(releasedVersions())('the command line of %s', (version) => {
  const { bundle, ending } = readReleasedClient(version);
  const client = () => join(directory, `lifeboat-${version}${ending}`);
  const output = () => join(directory, `config-${version}.json`);

  beforeAll(() => writeFile(client(), bundle));
  beforeEach(() => rm(output(), { force: true }));

  const run = (parameters: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> =>
    children.run(process.execPath, [client(), ...parameters], {
      env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...env },
    });
  const fetchFile = (more: readonly string[] = [], env: Readonly<Record<string, string>> = credentials) =>
    run(
      [
        ...['fetch', '--control-plane', controlPlaneName, '--kong-version', dataPlaneVersion, '--json'],
        ...['--endpoint', `http://127.0.0.1:${api.port}`, '--public-key', join(directory, 'signing-key.pem')],
        ...['--output', output(), ...more],
      ],
      env,
    );

  it('says its version', async () => {
    const { stdout } = await run(['--version'], {});

    expect(stdout.trim()).toBe(version);
  });

  it.each([
    ['AWS credentials', [], credentials, 'GET'],
    [
      'its cluster certificate',
      ['--auth', 'cluster-certificate'],
      { KONG_CLUSTER_CERT: 'cluster.crt', KONG_CLUSTER_CERT_KEY: 'cluster.key' },
      'POST',
    ],
  ])('fetches and verifies what is published today, with %s', async (_how, parameters, env, method) => {
    const files = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        name,
        value.startsWith('cluster.') ? join(directory, value) : value,
      ]),
    );

    const { exitCode, stdout, stderr } = await fetchFile(parameters, files);

    const { bytes } = await publishing.readObject(key);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(askedWith).toEqual([method]);
    expect(JSON.parse(stdout)).toMatchObject({ controlPlane: controlPlaneName, revision: 1 });
    expect(await readFile(output())).toEqual(gunzipSync(bytes));
  });

  it('prints the signing key for the data planes to pin', async () => {
    const { parameters, env } = publishing.publicKeyCommand;

    const { exitCode, stdout } = await run(parameters, env);

    expect(exitCode).toBe(0);
    expect(stdout).toBe(await publishing.publicKeyPem());
  });

  it('takes a grant and a manifest with fields that it does not know', async () => {
    await republishExtended();
    addedToGrant = { added: { deeply: true } };

    const { exitCode, stdout, stderr } = await fetchFile();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ controlPlane: controlPlaneName, revision: 1 });
  });

  it('refuses what is signed with a key that it has not pinned', async () => {
    const publicKey = join(directory, `other-${version}.pem`);
    await writeFile(publicKey, readFixture(version, 'publicKey'));

    const { exitCode, stderr } = await fetchFile(['--public-key', publicKey]);

    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('not trusted');
  });
});

/**
 * What the export of 0.1.0 takes for a status: JSON of a certain form, and everything else for none. It comes
 * back when a deployment is rolled back.
 */
const statusFileOf010 = v.pipe(v.string(), v.parseJson(), v.object({ controlPlane: v.string() }));

describe('the status that is written today', () => {
  it('is as good as none for the export of 0.1.0, which goes on from the file then', async () => {
    const { bytes } = await publishing.readObject(`status/${controlPlaneName}.json`);

    expect(v.safeParse(statusFileOf010, bytes.toString('utf8')).success).toBe(false);
  });
});

describe.each(releasedVersions())('the shell client of %s', (version) => {
  it.each([
    ['what is published today', false],
    ['a grant and a manifest with fields that it does not know', true],
  ])('fetches and verifies %s', async (_what, isExtended) => {
    if (isExtended) {
      await republishExtended();
      addedToGrant = { added: { deeply: true } };
    }
    const script = join(directory, `lifeboat-fetch-${version}.sh`);
    const output = join(directory, `config-${version}-shell.json`);
    await writeFile(script, readFixture(version, 'shellClient'));
    await rm(output, { force: true });

    const { exitCode, stderr } = await children.run('bash', [script], {
      env: {
        LIFEBOAT_ENDPOINT: `http://127.0.0.1:${api.port}`,
        LIFEBOAT_CONTROL_PLANE: controlPlaneName,
        LIFEBOAT_KONG_VERSION: dataPlaneVersion,
        LIFEBOAT_PUBLIC_KEY: join(directory, 'signing-key.pem'),
        LIFEBOAT_OUTPUT: output,
        KONG_CLUSTER_CERT: join(directory, 'cluster.crt'),
        KONG_CLUSTER_CERT_KEY: join(directory, 'cluster.key'),
      },
    });

    const { bytes } = await publishing.readObject(key);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await readFile(output)).toEqual(gunzipSync(bytes));
  });
});
