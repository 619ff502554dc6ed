import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { s3Presigner } from '../../core/access/presigned-url.ts';
import { systemClock } from '../../core/clock.ts';
import { downloadVerified } from '../../core/fetch/download.ts';
import { systemRandom } from '../../core/random-source.ts';
import type { ConfigVault } from '../../core/vault/config-vault.ts';
import { maxMetadataBytes } from '../../core/vault/manifest.ts';
import { publish } from '../../core/vault/publish.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import { served } from '../core/kong/served.ts';
import { configVaultContract } from '../core/vault/config-vault-contract.ts';
import { guardOf } from '../core/vault/guarding.ts';
import { localSigner } from '../core/vault/local-signer.ts';
import { type Caller, type DeployedVault, deployVault } from './deployed-vault.ts';
import { endpoint, keyArn, newBucket, newUser, region, s3As } from './gateway.ts';

let deployed: DeployedVault;
let clients: Readonly<Record<'exportProd' | 'presignProd', S3Client>>;
let vault: ConfigVault;
let directory: string;
beforeAll(async () => {
  // A tenant of its own: role names are those of the template.
  deployed = await deployVault('444455556666');
  clients = { exportProd: s3As(deployed.roles.exportProd), presignProd: s3As(deployed.roles.presignProd) };
  vault = vaultOf(clients.exportProd);
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-rgw-download-'));
});
afterAll(async () => {
  clients.exportProd.destroy();
  clients.presignProd.destroy();
  await rm(directory, { recursive: true });
});

const vaultOf = (s3: S3Client) => s3ConfigVault({ s3, bucket: deployed.bucket, encryptionKeyArn: keyArn });
const presign = (key: string, who: Caller = 'presignProd', lifetimeSeconds = 120, now = new Date()) =>
  s3Presigner({
    bucket: deployed.bucket,
    region,
    urlSuffix: 'amazonaws.com',
    endpoint,
    credentials: deployed.roles[who],
  })({ key }, lifetimeSeconds, now);

let patches = 0;
/** A file that nobody has published yet. */
const newName = (controlPlane = 'prod') => ({ controlPlane, kongVersion: `3.9.${++patches}` });
const keyOf = ({ controlPlane, kongVersion }: ReturnType<typeof newName>) =>
  `${controlPlane}/${kongVersion}/config.json`;
const gzip = gzipSync('{"_format_version":"3.0"}');
const first = (manifest: string) => ({ gzip, manifest, replaces: undefined });

const conditionalPut = 'RGW refuses any If-Match and overlooks If-None-Match (s3.rgw.ts)';
configVaultContract('a bucket in Ceph RGW', async () => ({ vault, newName, uncheckedControlPlane: 'prod' }), {
  'keeps each version, whatever is published later': conditionalPut,
  'lists the versions of a file alone, the newest first, and describes each': conditionalPut,
  'replaces only the version that was read': conditionalPut,
  'keeps the last status, and replaces only the one that was read': conditionalPut,
  'says what it holds: the compressed file’s SHA-256, and that it is under the key of now':
    'RGW 16 checks a checksum and does not keep it: the export reads the file then',
  'takes one of several publications that come together': conditionalPut,
  'says so when a version is not there':
    'RGW says 403 of whatever is not there, to who may list one prefix only (policy.rgw.ts)',
});

describe('the vault in Ceph RGW', () => {
  it('has a file encrypted with the vault’s key', async () => {
    const name = newName();

    const versionId = await vault.publish(name, first('the.manifest'));

    const head = await clients.exportProd.send(
      new HeadObjectCommand({ Bucket: deployed.bucket, Key: keyOf(name) }),
    );
    expect(head).toMatchObject({
      VersionId: versionId,
      ContentEncoding: 'gzip',
      ContentType: 'application/json',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: keyArn,
    });
  });

  it('keeps each version that was published', async () => {
    const name = newName();
    const contents = ['1', '2', '3'].map((text) => gzipSync(text));
    const versionIds: string[] = [];
    for (const each of contents) {
      // Without what it replaces: RGW refuses any If-Match and overlooks If-None-Match (s3.rgw.ts).
      versionIds.push(await vault.publish(name, { ...first('m'), gzip: each }));
    }

    const read = await Promise.all(versionIds.map((versionId) => vault.content(name, versionId)));

    expect(read.map((each) => Buffer.from(each))).toEqual(contents);
    expect((await vault.current(name))?.versionId).toBe(versionIds[2]);
  });

  it('gives the largest manifest that there is with a presigned URL', async () => {
    const name = newName();
    const manifest = 'm'.repeat(maxMetadataBytes - 'manifest'.length);
    await vault.publish(name, first(manifest));

    const response = await fetch(await presign(keyOf(name)));

    expect(response.headers.get('x-amz-meta-manifest')).toBe(manifest);
    expect(await response.text()).toBe('{"_format_version":"3.0"}');
  });

  it('calls whatever replaces a file a conflict: RGW answers 412 to the right etag, too', async () => {
    const name = newName();
    await vault.publish(name, first('m'));
    const replaces = (await vault.current(name))?.etag;

    const publishing = vault.publish(name, { ...first('m'), replaces });

    await expect(publishing).rejects.toMatchObject({ name: 'RevisionConflict' });
  });

  it.each<[what: string, code: string, request: () => Promise<unknown>]>([
    ['the other control plane’s file', 'denied', () => vault.current(newName('staging'))],
    ['the other control plane’s status', 'denied', () => vault.status('staging')],
    ['a publication for the other', 'denied', () => vault.publish(newName('staging'), first('m'))],
    ['a publication by presign', 'denied', () => vaultOf(clients.presignProd).publish(newName(), first('m'))],
    // RGW says 403 of whatever is not there, to who may list one prefix only (policy.rgw.ts).
    [
      'a version that is not there',
      'denied',
      async () => {
        const name = newName();
        await vault.publish(name, first('m'));
        await vault.content(name, 'nobodysVersionIdOf32CharactersXXX');
      },
    ],
  ])('has no way to %s: %s', async (_what, code, request) => {
    await expect(request()).rejects.toMatchObject({ name: 'VaultError', code });
  });

  it('keeps a locked version, whoever deletes it', async () => {
    const s3 = s3As(await newUser('locked'));
    const bucket = 'locked';
    await newBucket(s3, bucket, { objectLock: true });
    const locking = s3ConfigVault({
      s3,
      bucket,
      encryptionKeyArn: keyArn,
      lock: { days: 1, clock: systemClock },
    });
    const name = newName();
    const VersionId = await locking.publish(name, first('m'));

    const deletion = s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(name), VersionId }));

    await expect(deletion).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(Buffer.from(await locking.content(name, VersionId))).toEqual(gzip);
    s3.destroy();
  });

  it('is none where the bucket has no versions', async () => {
    const s3 = s3As(await newUser('unversioned'));
    await newBucket(s3, 'unversioned', { versioned: false });

    const unversioned = s3ConfigVault({ s3, bucket: 'unversioned', encryptionKeyArn: keyArn });

    const publishing = unversioned.publish(newName(), first('m'));

    // At once: it may be refused before anything else is answered.
    await expect(publishing).rejects.toMatchObject({
      message: expect.stringContaining('turn versioning on'),
    });
    expect(await unversioned.putStatus('prod', 'status', undefined)).toBe(false);
    s3.destroy();
  });
});

describe('a presigned URL at Ceph RGW', () => {
  const key = 'prod/3.9.1/config.json';
  beforeAll(async () => {
    const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
    await vault.publish(name, first('m'));
    await vault.publish({ ...name, kongVersion: '3.9.2' }, first('m'));
    patches = 100;
  });

  it('reads its file with the rights of the role that signed it', async () => {
    const response = await fetch(await presign(key));

    expect([response.status, await response.text()]).toEqual([200, '{"_format_version":"3.0"}']);
  });

  it.each([
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Expires',
    'X-Amz-Security-Token',
    'X-Amz-Signature',
    'X-Amz-SignedHeaders',
    'x-id',
  ])('reads nothing when its %s is changed, missing or doubled', async (name) => {
    const url = await presign(key);
    const value = new URL(url).searchParams.get(name) ?? '';
    // One character, in the middle: still a date, a number, a token.
    const middle = value.length >> 1;
    const other = value.charAt(middle) === '0' ? '1' : '0';
    const changed = new URL(url);
    changed.searchParams.set(name, value.slice(0, middle) + other + value.slice(middle + 1));
    const missing = new URL(url);
    missing.searchParams.delete(name);
    const doubled = new URL(`${url}&${name}=x`);

    const responses = await Promise.all([changed, missing, doubled].map((each) => fetch(each)));

    expect(value).not.toBe('');
    expect(responses.map(({ ok }) => ok)).toEqual([false, false, false]);
  });

  it.each<[what: string, change: (url: string) => string, init: RequestInit]>([
    ['another file of the same prefix', (url) => url.replace('3.9.1', '3.9.2'), {}],
    ['a version that was not signed', (url) => `${url}&versionId=null`, {}],
    ['another answer’s headers', (url) => `${url}&response-content-encoding=identity`, {}],
    ['a write', (url) => url, { method: 'PUT', body: '{}' }],
    ['a deletion', (url) => url, { method: 'DELETE' }],
    ['a list', (url) => url.replace(key, ''), {}],
  ])('is good for nothing else: %s', async (_what, change, init) => {
    const response = await fetch(change(await presign(key)), init);

    expect(response.status).toBe(403);
  });

  it.each([
    [118, 200],
    [121, 403],
  ])('made %d s ago for 120 s answers %d', async (ageSeconds, status) => {
    const url = await presign(key, 'presignProd', 120, new Date(Date.now() - ageSeconds * 1000));

    expect((await fetch(url)).status).toBe(status);
  });

  it.each(['a b+c', "odd/!*'()&=?#", 'äöü€😀', 'a%20b', 'per%cent'])('reads the key %s', async (odd) => {
    const credentials = await newUser(`presign-${createHash('md5').update(odd).digest('hex')}`);
    const s3 = s3As(credentials);
    const bucket = `odd-${createHash('md5').update(odd).digest('hex')}`;
    await newBucket(s3, bucket);
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: odd, Body: odd }));

    const presign = s3Presigner({ bucket, region, urlSuffix: 'amazonaws.com', endpoint, credentials });
    const url = await presign({ key: odd }, 120, new Date());
    const response = await fetch(url);

    expect([response.status, await response.text()]).toEqual([200, odd]);
    s3.destroy();
  });
});

describe('from the vault in Ceph RGW to the node', () => {
  const download = async (key: string, url?: string, trusted = [signer.publicKey]) =>
    downloadVerified({
      url: url ?? (await presign(key)),
      trusted,
      controlPlane: 'prod',
      kongVersion: '3.8.1',
      output: join(directory, 'config.json'),
      maxBytes: 1e6,
      timeoutMs: 5_000,
      clock: systemClock,
      random: systemRandom,
    });
  let signer: Awaited<ReturnType<typeof localSigner>>;
  const name = { controlPlane: 'prod', kongVersion: '3.8.1' };
  beforeAll(async () => {
    signer = await localSigner();
  });

  it('brings what was published, byte for byte, for its owner’s eyes only', async () => {
    const outcome = await publish(
      { vault, signer, clock: systemClock, random: systemRandom },
      {
        name,
        configuration: await served({ services: [{ id: 'a' }] }),
        lastStatus: undefined,
        guard: guardOf(),
      },
    );

    const { manifest } = await download(keyOf(name));

    const stored = await readFile(join(directory, 'config.json'));
    expect(outcome).toMatchObject({ outcome: 'published', manifest });
    expect(createHash('sha256').update(stored).digest('hex')).toBe(manifest.sha256);
    expect(JSON.parse(stored.toString('utf8'))).toMatchObject({ services: [{ id: 'a' }] });
    expect((await stat(join(directory, 'config.json'))).mode & 0o777).toBe(0o600);
  });

  it('says unchanged when the control plane serves the same again', async () => {
    const configuration = await served({ services: [{ id: 'a' }] });

    const { outcome } = await publish(
      { vault, signer, clock: systemClock, random: systemRandom },
      { name, configuration, lastStatus: undefined, guard: guardOf() },
    );

    expect(outcome).toBe('unchanged');
  });

  it.each<[what: string, code: string, attempt: () => Promise<unknown>]>([
    [
      'a URL that has expired',
      'denied',
      async () => {
        const url = await presign(keyOf(name), 'presignProd', 60, new Date(Date.now() - 62_000));
        await download('', url);
      },
    ],
    [
      'a URL that was changed',
      'denied',
      async () => download('', (await presign(keyOf(name))).replace('=120', '=121')),
    ],
    ['a URL that its signer had no right to', 'denied', () => download('staging/3.9.0/config.json')],
    // On AWS `no-file`: RGW says 403 to who may list one prefix only (policy.rgw.ts).
    ['a file that is missing', 'denied', () => download('prod/3.8.99/config.json')],
    [
      'a file that somebody else signed',
      'verification',
      async () => download(keyOf(name), undefined, [(await localSigner()).publicKey]),
    ],
    [
      'a file without a manifest of ours',
      'verification',
      async () => {
        const stray = newName();
        await vault.publish(stray, first('no.manifest.here'));
        await download(keyOf(stray));
      },
    ],
  ])('brings nothing of %s: %s', async (_what, code, attempt) => {
    const before = await readFile(join(directory, 'config.json'));

    await expect(attempt()).rejects.toMatchObject({ name: 'StandbyError', code });

    expect(await readFile(join(directory, 'config.json'))).toEqual(before);
    expect(await readdir(directory)).toEqual(['config.json']);
  });
});
