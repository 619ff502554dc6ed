import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterIdentity } from '../../core/access/cluster-identity.ts';
import { s3Presigner } from '../../core/access/presigned-url.ts';
import { systemClock } from '../../core/clock.ts';
import { downloadVerified } from '../../core/fetch/download.ts';
import { type GrantRequest, requestGrant } from '../../core/fetch/grant-request.ts';
import { doorbell, type HookAnswer } from '../../core/intake/doorbell.ts';
import { secretsManagerHookSecrets } from '../../core/intake/secrets-manager-hook-secrets.ts';
import { systemRandom } from '../../core/random-source.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import type { Fault } from '../../simulators/kong/control-plane/faults.ts';
import { recordedFrame } from '../core/kong/recording.ts';
import { manualClock } from '../core/manual-clock.ts';
import { hookSignature, iamHeaders } from '../simulators/aws/signed-requests.ts';
import { everythingIn, filesWith } from './files-at-rest.ts';
import { eventually } from './processes.ts';

// Each version is a connection of its own, so that one export can meet every fault at once.
const faultOf = {
  '3.9.1': 'truncated-gzip',
  '3.9.0': 'oversized-frame',
  '3.8.1': 'foreign-type',
  '3.8.0': 'foreign-format',
  '3.7.1': 'text-frame',
  '3.6.1': 'half-frame',
  '3.4.0': 'close-at-once',
} as const satisfies Readonly<Record<string, Fault>>;
const versions = Object.keys(faultOf);
const marker = 'never-to-be-seen-body';

interface Unit {
  readonly controlPlane: ControlPlane;
  readonly system: LocalSystem;
  readonly dataDirectory: string;
}

let directory: string;
/** `prod` is read, changed, broken and taken down; `orders` gets a plugin that its setting does not know. */
let prod: Unit;
let orders: Unit;
let firstFiles: ReadonlyMap<string, unknown>;
let rotatedSecret: string;
const presignedUrls: string[] = [];
const running: { stop(): Promise<void> }[] = [];

async function startUnit(name: string, dataPlaneVersions: readonly string[]): Promise<Unit> {
  const controlPlane = await startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.2,
    customPlugins: { 'acme-audit': '1.0.0' },
  });
  const dataDirectory = join(directory, name);
  running.push(controlPlane);
  const subject = describeSimulated(controlPlane, name);
  const system = await startLocalSystem({
    template: localTemplate({
      controlPlane: subject,
      dataPlaneVersions,
      settings: { objectLockDays: 7, vaultMadeWith: { objectLock: true } },
    }),
    controlPlane: subject,
    dataDirectory,
  });
  running.push(system);
  await system.ringSchedule();
  return { controlPlane, system, dataDirectory };
}

function measured({ system }: Unit, name: string): number {
  return system
    .measurements()
    .filter((measurement) => measurement.name === name)
    .reduce((sum, { value }) => sum + value, 0);
}

async function change({ controlPlane }: Unit, collection: string, entity: object): Promise<void> {
  const response = await fetch(`${controlPlane.adminUrl}/${collection}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(entity),
  });
  if (response.status !== 201) {
    throw new Error(`${response.status} ${await response.text()}`);
  }
}

interface Delivery {
  readonly path?: string;
  readonly contentType?: string;
  readonly signature?: string;
  readonly body: string;
}

async function deliver({ path = '/control-planes/prod/events', body, ...headers }: Delivery) {
  const { contentType = 'application/json', signature } = headers;
  return fetch(`${prod.system.apiUrl}${path}`, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      ...(signature === undefined ? {} : { 'x-kong-signature': signature }),
    },
    body,
  });
}

const hookBody = JSON.stringify({ source: 'crud', event: 'services', entity: { host: marker } });
const signed = (body: string, algorithm?: 'sha1' | 'sha256') => ({
  body,
  signature: hookSignature(rotatedSecret, body, algorithm),
});

async function grant(query: string): Promise<Response> {
  const { apiUrl, dataPlane, region } = prod.system;
  const url = `${apiUrl}/control-planes/prod/fallback-config${query}`;
  return fetch(url, { headers: { ...(await iamHeaders({ url, identity: dataPlane, region })) } });
}

/** Every version of every file of a control plane, the current ones with the hash of their bytes. */
async function published({ system }: Unit, name: string) {
  const { s3 } = system.clients;
  const { Versions = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: system.bucket, Prefix: `${name}/` }),
  );
  return Promise.all(
    Versions.map(async ({ Key, VersionId, IsLatest }) => ({
      Key,
      VersionId,
      sha256:
        IsLatest === true
          ? createHash('sha256')
              .update((await object(system, Key ?? '')).gzip)
              .digest('hex')
          : null,
    })),
  );
}

async function object({ clients, bucket }: LocalSystem, Key: string) {
  const { Body } = await clients.reader.send(new GetObjectCommand({ Bucket: bucket, Key }));
  const gzip = Buffer.from((await Body?.transformToByteArray()) ?? []);
  return { gzip };
}

async function fileOf({ system }: Unit, key: string): Promise<Record<string, unknown>> {
  const { gzip } = await object(system, key);
  const text = await new Response(
    new Blob([gzip]).stream().pipeThrough(new DecompressionStream('gzip')),
  ).text();
  return JSON.parse(text) as Record<string, unknown>;
}

async function logOf({ system }: Unit, name: string): Promise<string> {
  return readFile(join(system.logDirectory, `${name}.log`), 'utf8');
}

/** How many hooks the webhook has logged as accepted. */
async function requestsLogged(): Promise<number> {
  return (await logOf(prod, 'webhook')).split('"export requested"').length - 1;
}

/** What the export function logged of versions that it could not export. */
async function failures(unit: Unit) {
  return (await logOf(unit, 'export'))
    .split('\n')
    .filter((line) => /"(export failed|version not served)"/.test(line) && line.endsWith('}'))
    .map((line) => JSON.parse(line) as { readonly kongVersion: string; readonly error: string });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-system-'));
  [prod, orders] = await Promise.all([startUnit('prod', versions), startUnit('orders', ['3.9.1', '3.8.1'])]);
  const { awsEndpoints, administrator, region } = prod.system;
  // Before the first delivery: the function has not seen any secret yet.
  rotatedSecret = 'rotated-hook-secret-0123456789';
  await new SecretsManagerClient({
    region,
    endpoint: awsEndpoints.AWS_ENDPOINT_URL_SECRETS_MANAGER,
    credentials: administrator,
  }).send(new PutSecretValueCommand({ SecretId: prod.system.hookSecretArn, SecretString: rotatedSecret }));
  const ready = await eventually(
    () => measured(prod, 'Published') === versions.length && measured(orders, 'Published') === 2,
  );
  if (!ready) {
    throw new Error(`no first export:\n${await logOf(prod, 'export')}${await logOf(orders, 'export')}`);
  }
  firstFiles = new Map(
    await Promise.all(
      ['3.9.1', '3.4.0'].map(
        async (version) => [version, await fileOf(prod, `prod/${version}/config.json`)] as const,
      ),
    ),
  );
});

afterAll(async () => {
  await Promise.all(running.map((part) => part.stop()));
  await rm(directory, { recursive: true });
});

describe('the first export', () => {
  it.each(['3.9.1', '3.4.0'])('publishes for %s what a real control plane sent to it', (version) => {
    const { _comment, ...content } = firstFiles.get(version) as Record<string, unknown>;

    expect(content).toEqual(recordedFrame(version).content.config_table);
    expect(_comment).toEqual(expect.stringContaining('prod'));
  });

  it('is one version of each file', async () => {
    const files = await published(prod, 'prod');

    expect(files.map(({ Key }) => Key).sort()).toEqual(
      versions.map((version) => `prod/${version}/config.json`).sort(),
    );
  });
});

describe('a published version', () => {
  it('is locked for as long as was set, from its publication on', async () => {
    const { bucket, clients } = prod.system;
    const target = { Bucket: bucket, Key: 'prod/3.9.1/config.json' };
    const { LastModified } = await clients.reader.send(new HeadObjectCommand(target));

    const { Retention } = await clients.s3.send(new GetObjectRetentionCommand(target));

    const lockedMs = (Retention?.RetainUntilDate?.getTime() ?? 0) - (LastModified?.getTime() ?? 0);
    expect(Retention?.Mode).toBe('GOVERNANCE');
    expect(Math.round(lockedMs / 60_000)).toBe(7 * 24 * 60);
  });

  it.each(['its version', 'the file'])('is not deleted by an administrator: %s', async (what) => {
    const { bucket, clients } = prod.system;
    const Key = 'prod/3.9.1/config.json';
    const { VersionId } = await clients.reader.send(new HeadObjectCommand({ Bucket: bucket, Key }));

    const deletion = clients.s3.send(
      new DeleteObjectCommand({ Bucket: bucket, Key, ...(what === 'its version' ? { VersionId } : {}) }),
    );

    await expect(deletion).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('NobodyDeletes'),
    });
  });
});

describe('a custom plugin that the setting does not name', () => {
  it('begins to be configured, and the control plane hangs as well', async () => {
    await change(orders, 'plugins', { name: 'acme-audit' });
    orders.controlPlane.faults.inject('hang-after-upgrade');

    await orders.system.ringSchedule();

    // What becomes of it shows 20 s later: see the last tests of this file.
    expect(measured(orders, 'ExportFailed')).toBe(0);
  });
});

describe('a delivery', () => {
  it.each<readonly [string, number, () => Delivery]>([
    ['without a signature', 401, () => ({ body: hookBody })],
    ['with a wrong signature', 401, () => ({ body: hookBody, signature: hookSignature('guess', hookBody) })],
    [
      'with the signature of another body',
      401,
      () => ({ body: hookBody, signature: signed(`${hookBody} `).signature }),
    ],
    ['with no form of a signature', 401, () => ({ body: hookBody, signature: 'sha256=' })],
    [
      'for an unknown control plane',
      404,
      () => ({ ...signed(hookBody), path: '/control-planes/other/events' }),
    ],
    ['of 5 MiB that is no JSON', 400, () => signed('x'.repeat(5 * 1024 * 1024))],
    ['that is no JSON by its type', 415, () => ({ ...signed(hookBody), contentType: 'text/plain' })],
    ['that is signed, and no JSON', 400, () => signed('{')],
    ['that is signed, and no object', 400, () => signed('[]')],
  ])('%s is answered with %d, and changes nothing', async (_what, status, delivery) => {
    const before = await published(prod, 'prod');

    const response = await deliver(delivery());

    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const problem = (await response.json()) as object;
    expect(problem).toMatchObject({ type: 'about:blank', status, title: expect.any(String) });
    expect(JSON.stringify(problem)).not.toContain(marker);
    expect(await prod.system.isIdle()).toBe(true);
    expect(await published(prod, 'prod')).toEqual(before);
  });

  it('of a plugin with an OpenAPI document of 2.4 MB in it is accepted', async () => {
    const entity = { name: 'oas-validation', config: { api_spec: '{"paths":{}}'.repeat(200_000) } };
    const before = await requestsLogged();

    const response = await deliver(signed(JSON.stringify({ source: 'crud', entity })));

    expect(response.status).toBe(202);
    expect(await eventually(async () => (await requestsLogged()) === before + 1)).toBe(true);
    expect(await eventually(() => prod.system.isIdle())).toBe(true);
  });

  it('makes an export that tells what there is to tell, and no zeros, of which AWS bills each', () => {
    const told = prod.system
      .measurements()
      .filter(({ namespace, functionId }) => namespace === 'Lifeboat' && functionId.startsWith('Export'));

    expect(told.filter(({ name }) => name === 'Verified')).not.toEqual([]);
    expect(told.filter(({ value }) => value === 0)).toEqual([]);
    // The certificate is good for years.
    expect(told.filter(({ name }) => name === 'CertificateDaysLeft')).toEqual([]);
  });

  it('that is a ping is answered, and asks for nothing', async () => {
    const before = await requestsLogged();

    const response = await deliver(signed('{"source":"kong:event_hooks","event":"ping"}'));

    expect(response.status).toBe(200);
    expect(await requestsLogged()).toBe(before);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await prod.system.isIdle()).toBe(true);
  });
});

describe('a grant', () => {
  it.each([
    ['without a version', '', 400],
    ['for a version that is none', '?kongVersion=latest', 400],
    ['for a version that is not full', '?kongVersion=3.9', 400],
    ['for a minor version without a file', '?kongVersion=3.5.9', 404],
    ['for a patch below the lowest file of its minor version', '?kongVersion=3.7.0', 404],
    ['for two versions at once', '?kongVersion=3.9.1&kongVersion=3.8.1', 400],
    ['for a version of the file that is none', '?kongVersion=3.9.1&versionId=a%20b', 400],
    ['for a version of the file that no recent one names', '?kongVersion=3.9.1&versionId=older', 404],
  ])('%s is refused', async (_what, query, status) => {
    const response = await grant(query);

    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('for a version without a file names those that there are', async () => {
    const problem = await (await grant('?kongVersion=3.5.9')).json();

    expect(problem).toMatchObject({ kongVersions: versions, detail: expect.stringContaining('3.9.1') });
  });

  it.each([
    ['3.9.1', '3.9.1'],
    ['3.9.9', '3.9.1'],
    ['3.9.0.5', '3.9.0'],
    ['3.7.2', '3.7.1'],
  ])('for a node %s is a URL of the file for %s, which verifies', async (asked, given) => {
    const response = await grant(`?kongVersion=${asked}`);

    const answer = (await response.json()) as { readonly url: string; readonly statusUrl: string };
    presignedUrls.push(answer.url);
    const { clients, signingKeyArn } = prod.system;
    const { manifest, currency } = await downloadVerified({
      url: answer.url,
      statusUrl: answer.statusUrl,
      trusted: [await kmsSigner(clients.kms, signingKeyArn).verificationKey()],
      controlPlane: 'prod',
      kongVersion: asked,
      output: join(directory, `fetched-${asked}.json`),
      maxBytes: 10_000_000,
      timeoutMs: 500_000,
      clock: systemClock,
      random: systemRandom,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(answer).toMatchObject({ controlPlane: 'prod', kongVersion: given, method: 'GET' });
    expect(manifest).toMatchObject({ kongVersion: given, revision: 1, previousSha256: null });
    expect(currency).toEqual({ verifiedAt: expect.any(Date) });
  });

  it('for a version of the file is a URL of exactly that one', async () => {
    const { bucket, clients } = prod.system;
    const { VersionId: versionId } = await clients.reader.send(
      new HeadObjectCommand({ Bucket: bucket, Key: 'prod/3.7.1/config.json' }),
    );

    const response = await grant(`?kongVersion=3.7.1&versionId=${versionId}`);

    const answer = (await response.json()) as { readonly url: string; readonly versionId: string };
    const file = await fetch(answer.url);
    await file.body?.cancel();
    expect(answer.versionId).toBe(versionId);
    expect([file.status, file.headers.get('x-amz-version-id')]).toEqual([200, versionId]);
  });

  it.each([
    ['a minute ago', -60, 200],
    ['too long ago', -122, 403],
  ])('whose two minutes began %s is answered by the vault as it should', async (_what, startsIn, status) => {
    const { bucket, region, clients, awsEndpoints } = prod.system;
    const presign = s3Presigner({
      bucket,
      region,
      urlSuffix: 'amazonaws.com',
      credentials: await clients.reader.config.credentials(),
      endpoint: awsEndpoints.AWS_ENDPOINT_URL_S3,
    });
    const url = await presign({ key: 'prod/3.9.1/config.json' }, 120, new Date(Date.now() + startsIn * 1000));

    const response = await fetch(url);

    const text = await response.text();
    expect(response.status).toBe(status);
    expect(text.includes('Request has expired')).toBe(status === 403);
  });
});

describe('a grant without the API’s IAM', () => {
  const asking = (more: Partial<GrantRequest> & Pick<GrantRequest, 'authentication'>) =>
    requestGrant({
      endpoint: new URL(prod.system.apiUrl),
      controlPlane: 'prod',
      kongVersion: '3.9.1',
      timeoutMs: 500_000,
      clock: systemClock,
      random: systemRandom,
      ...more,
    });
  const byCertificate = ({ controlPlane }: Unit): GrantRequest['authentication'] => {
    const { certificate, key } = controlPlane.certificates;
    return { by: 'cluster-certificate', identity: clusterIdentity(certificate, key) };
  };
  const asRole = (identity = prod.system.dataPlane): GrantRequest['authentication'] => ({
    by: 'iam',
    region: prod.system.region,
    credentials: identity,
  });
  const lastLines = async (count: number) =>
    (await readFile(join(prod.system.logDirectory, 'presign.log'), 'utf8'))
      .trim()
      .split('\n')
      .slice(-count)
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);

  it('is given for the cluster certificate, and its caller is logged', async () => {
    const { url } = await asking({ authentication: byCertificate(prod) });

    const file = await fetch(url);
    await file.body?.cancel();
    presignedUrls.push(url);
    expect(file.status).toBe(200);
    expect(await eventually(async () => (await lastLines(1))[0]?.['way'] === 'assertion')).toBe(true);
    expect((await lastLines(1))[0]).toMatchObject({
      message: 'grant issued',
      way: 'assertion',
      caller: {
        commonName: 'kong_clustering',
        certificateFingerprint: new X509Certificate(prod.controlPlane.certificates.certificate)
          .fingerprint256,
        assertionId: expect.any(String),
      },
      kongVersion: '3.9.1',
    });
  });

  it('is refused to another cluster’s certificate, for a reason that the log alone has', async () => {
    const asked = asking({ authentication: byCertificate(orders) });

    await expect(asked).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('answered 401'),
    });
    expect(await eventually(async () => String((await lastLines(1))[0]?.['detail']).includes('listed'))).toBe(
      true,
    );
  });

  it('is refused while the clock is an hour off, which is said', async () => {
    const asked = asking({
      authentication: byCertificate(prod),
      clock: { ...systemClock, now: () => new Date(Date.now() - 3_600_000) },
    });

    await expect(asked).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/made 36\d\d s ago .* clock is 3[56]\d\d s behind/),
    });
  });

  it('is given to a role that invokes the function, and to no other one', async () => {
    const { grantFunctionArn, awsEndpoints } = prod.system;
    const invoking = {
      endpoint: new URL(grantFunctionArn),
      lambdaEndpoint: new URL(awsEndpoints.AWS_ENDPOINT_URL_LAMBDA),
    };

    const { url } = await asking({ ...invoking, authentication: asRole() });
    const nothing = await asking({ ...invoking, authentication: asRole(), kongVersion: '3.5.9' }).catch(
      (error: unknown) => error,
    );
    const stranger = await asking({
      ...invoking,
      authentication: asRole({ ...prod.system.dataPlane, secretAccessKey: 'guessed' }),
    }).catch((error: unknown) => error);
    const other = await requestGrant({
      ...invoking,
      endpoint: new URL(grantFunctionArn.replace(/Presign.*/, 'Intake')),
      controlPlane: 'prod',
      kongVersion: '3.9.1',
      timeoutMs: 500_000,
      clock: systemClock,
      random: systemRandom,
      authentication: asRole(),
    }).catch((error: unknown) => error);

    const file = await fetch(url);
    await file.body?.cancel();
    presignedUrls.push(url);
    expect(file.status).toBe(200);
    expect(nothing).toMatchObject({ code: 'no-file', message: expect.stringContaining('3.9.1') });
    expect(stranger).toMatchObject({ code: 'denied' });
    expect(other).toMatchObject({
      code: 'denied',
      message: expect.stringContaining('not authorized to perform: lambda:InvokeFunction'),
    });
  });
});

describe('a change', () => {
  it('is published after its hook, and all that comes meanwhile is one more export', async () => {
    const invocations = prod.system.exportCount();
    await change(prod, 'services', { name: 'news', url: 'http://news.example' });

    const response = await deliver(signed(hookBody));
    await eventually(() => prod.system.exportCount() === invocations + 1);
    const meanwhile = await Promise.all([
      deliver(signed(hookBody, 'sha1')),
      deliver(signed(hookBody)),
      prod.system.ringSchedule(),
      prod.system.ringSchedule(),
    ]);

    const isPublished = await eventually(() => measured(prod, 'Published') === 2 * versions.length);
    expect(response.status).toBe(202);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(meanwhile.slice(0, 2).map((answer) => (answer as Response).status)).toEqual([202, 202]);
    expect(isPublished).toBe(true);
    expect(await eventually(() => prod.system.isIdle())).toBe(true);
    expect(prod.system.exportCount()).toBe(invocations + 2);
    const { services } = await fileOf(prod, 'prod/3.9.1/config.json');
    expect(services).toContainEqual(expect.objectContaining({ name: 'news', host: 'news.example' }));
  });

  it('is accepted with the secret of before the rotation too', async () => {
    const response = await deliver({
      body: '{"source":"kong:event_hooks","event":"ping"}',
      signature: hookSignature(prod.system.hookSecret, '{"source":"kong:event_hooks","event":"ping"}'),
    });

    expect(response.status).toBe(200);
  });
});

describe('a hook secret that is rotated', () => {
  it('works within a minute, and the old one goes on', async () => {
    const { awsEndpoints, administrator, region } = prod.system;
    const secretsManager = new SecretsManagerClient({
      region,
      endpoint: awsEndpoints.AWS_ENDPOINT_URL_SECRETS_MANAGER,
      credentials: administrator,
    });
    const clock = manualClock(new Date());
    const requested: string[] = [];
    const ring = doorbell({
      isKnown: () => true,
      secrets: secretsManagerHookSecrets({
        secretsManager,
        secretIdOf: () => prod.system.hookSecretArn,
        reportOddity: (_, oddity) => {
          throw new Error(`the generated secret is ${oddity}`);
        },
        clock,
      }),
      requests: {
        request: async (controlPlane) => {
          requested.push(controlPlane);
        },
      },
      acceptSha1: true,
      clock,
    });
    const ringWith = async (secret: string): Promise<HookAnswer | number> => {
      const answer = await ring({
        controlPlane: 'prod',
        contentType: 'application/json',
        signature: hookSignature(secret, hookBody),
        body: Buffer.from(hookBody),
      });
      return typeof answer === 'string' ? answer : answer.status;
    };
    await ringWith(rotatedSecret);
    await secretsManager.send(
      new PutSecretValueCommand({ SecretId: prod.system.hookSecretArn, SecretString: 'newest' }),
    );

    await clock.advance(59_000);
    const early = [await ringWith('newest'), await ringWith(rotatedSecret)];
    await clock.advance(1_000);
    const late = [await ringWith('newest'), await ringWith(rotatedSecret)];

    expect(early).toEqual([401, 'accepted']);
    expect(late).toEqual(['accepted', 'accepted']);
    expect(requested).toHaveLength(4);
  });
});

describe('when things go wrong', () => {
  let before: Awaited<ReturnType<typeof published>>;

  beforeAll(async () => {
    before = await published(prod, 'prod');
    for (const fault of Object.values(faultOf)) {
      prod.controlPlane.faults.inject(fault);
    }
    await prod.system.ringSchedule();
    await eventually(async () => (await failures(prod)).length >= versions.length);
    prod.controlPlane.faults.clear();
    await prod.controlPlane.stop();
  });

  it('every broken answer is an error of its own, and leaves all files as they are', async () => {
    // Those of the one export; what was tried again afterwards met the outage.
    const errors = (await failures(prod)).slice(0, versions.length);

    const after = await published(prod, 'prod');

    expect(after).toEqual(before);
    expect(errors.map(({ kongVersion }) => kongVersion).sort()).toEqual([...versions].sort());
    for (const saying of [
      'not a complete gzip',
      'bytes behind the end',
      'its type is "sync.v2.notify_new_version"',
      '_format_version is "0.9"',
      'it is text',
      'dropped the connection (1006)',
      'closed the connection for data plane version 3.4.0',
    ]) {
      expect(errors).toContainEqual(expect.objectContaining({ error: expect.stringContaining(saying) }));
    }
  });

  it('a control plane that is down is an outage, and leaves all files as they are', async () => {
    const isOutage = await eventually(() => measured(prod, 'ControlPlaneUnreachable') > 0);

    expect(isOutage).toBe(true);
    expect(measured(prod, 'ExportFailed')).toBe(0);
    expect(await published(prod, 'prod')).toEqual(before);
  });

  it('grants go on while the control plane is down', async () => {
    const response = await grant('?kongVersion=3.9.1');

    const { url } = (await response.json()) as { readonly url: string };
    presignedUrls.push(url);
    const file = await fetch(url);
    expect(file.status).toBe(200);
    expect(file.headers.get('x-amz-meta-manifest')).not.toBeNull();
    expect(await file.json()).toMatchObject({ _format_version: '3.0' });
  });

  it('no configuration at all names the setting that is probably wrong, and leaves the files as they are', async () => {
    const isLogged = await eventually(async () =>
      (await logOf(orders, 'export')).includes('"export failed"'),
    );

    const log = await logOf(orders, 'export');
    const files = await published(orders, 'orders');
    expect(isLogged).toBe(true);
    expect(log).toContain('customPlugins');
    expect(files.map(({ Key }) => Key).sort()).toEqual([
      'orders/3.8.1/config.json',
      'orders/3.9.1/config.json',
    ]);
  });
});

describe('at rest', () => {
  it('is nothing of the configuration, of the hook secrets or of private keys', async () => {
    const { consumers = [], keyauth_credentials = [] } = recordedFrame('3.9.1').content
      .config_table as Record<string, readonly Record<string, string>[]>;
    const { gzip } = await object(prod.system, 'prod/3.9.1/config.json');
    const keyLine = prod.controlPlane.certificates.key.split('\n')[1] ?? '';
    const secrets = [
      ...consumers.map(({ id = '' }) => id),
      ...keyauth_credentials.map(({ key = '' }) => key),
      'hmac-secret',
      'news.example',
      // What is compressed and not encrypted would hide from the others.
      gzip.subarray(200, 232),
      prod.system.hookSecret,
      rotatedSecret,
      keyLine,
      '-----BEGIN PRIVATE KEY-----',
    ];

    const aws = await filesWith(join(prod.dataDirectory, 'aws'), secrets);
    const logs = await filesWith(join(prod.dataDirectory, 'logs'), secrets);

    expect(secrets.every((secret) => secret.length > 5)).toBe(true);
    expect([...aws, ...logs]).toEqual([]);
  });

  it('is nothing in the logs that was a presigned URL, a signature or a body', async () => {
    const signatures = presignedUrls.map((url) => new URL(url).searchParams.get('X-Amz-Signature') ?? '');
    const never = [
      'X-Amz-',
      'sha256=',
      'sha1=',
      marker,
      hookSignature(rotatedSecret, hookBody).slice(7),
      ...signatures,
      prod.system.dataPlane.secretAccessKey,
      prod.system.dataPlane.sessionToken,
    ];

    const logs = await filesWith(prod.system.logDirectory, never);

    expect(signatures).toHaveLength(7);
    expect(signatures.every((signature) => /^[0-9a-f]{64}$/.test(signature))).toBe(true);
    expect(logs).toEqual([]);
    expect(await logOf(prod, 'presign')).toContain('assumed-role/DataPlane');
  });

  it('is for its owner alone', async () => {
    const kept = [
      ...(await everythingIn(join(prod.dataDirectory, 'aws'))),
      ...(await everythingIn(join(prod.dataDirectory, 'logs'))),
    ];
    const [root] = await everythingIn(prod.dataDirectory);

    expect(root?.mode).toBe(0o700);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept.filter(({ isDirectory, mode }) => mode !== (isDirectory ? 0o700 : 0o600))).toEqual([]);
  });
});
