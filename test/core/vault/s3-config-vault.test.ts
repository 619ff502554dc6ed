import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { systemRandom } from '../../../core/random-source.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { type Manifest, verifyManifest } from '../../../core/vault/manifest.ts';
import { publish } from '../../../core/vault/publish.ts';
import { s3ConfigVault } from '../../../core/vault/s3-config-vault.ts';
import type { LocalAws } from '../../../simulators/aws/local-aws.ts';
import { clientFor, REGION, runLocalAws } from '../../simulators/aws/running-local-aws.ts';
import { type AnsweringServer, answeringServer } from '../answering-server.ts';
import { served } from '../kong/served.ts';
import { manualClock } from '../manual-clock.ts';
import { configVaultContract } from './config-vault-contract.ts';
import { guardOf } from './guarding.ts';
import { localSigner } from './local-signer.ts';
import { memoryVault } from './memory-vault.ts';

const bucket = 'vault';
const checksums = {
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
} as const;
const gzip = gzipSync('{"_format_version":"3.0"}');

let aws: LocalAws;
let s3: S3Client;
let encryptionKeyArn: string;
let vault: ConfigVault;
beforeAll(async () => {
  aws = await runLocalAws();
  encryptionKeyArn = aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT');
  // The bucket's own default is another key, so that it shows which one a request names.
  aws.s3.createBucket(bucket, { defaultKeyId: aws.kms.createKey('default', 'SYMMETRIC_DEFAULT') });
  s3 = new S3Client({ ...clientFor(aws, aws.s3.endpoint), ...checksums, forcePathStyle: true });
  vault = s3ConfigVault({ s3, bucket, encryptionKeyArn });
});
afterAll(async () => {
  s3.destroy();
  await aws.stop();
});

const servers: AnsweringServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A vault whose S3 answers as the test wants, and is not asked twice. */
async function vaultAnswered(
  answer: RequestListener,
  versioning: RequestListener = versioningIs('<Status>Enabled</Status>'),
): Promise<{ vault: ConfigVault; server: AnsweringServer }> {
  const server = await answeringServer((request, response) =>
    (request.url?.includes('?versioning') === true ? versioning : answer)(request, response),
  );
  servers.push(server);
  const client = new S3Client({
    endpoint: server.origin,
    region: REGION,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    forcePathStyle: true,
    maxAttempts: 1,
    ...checksums,
  });
  return { vault: s3ConfigVault({ s3: client, bucket, encryptionKeyArn }), server };
}

function versioningIs(content: string): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(`<VersioningConfiguration>${content}</VersioningConfiguration>`);
  };
}

const status =
  (code: number): RequestListener =>
  (_, response) => {
    response.writeHead(code, { 'content-type': 'application/xml' });
    response.end('<Error><Code>TheCode</Code><Message>the message</Message></Error>');
  };

let patchCount = 0;
const newName = () => {
  patchCount += 1;
  return { controlPlane: 'contract', kongVersion: `3.9.${patchCount}` };
};
configVaultContract('a bucket in S3', async () => ({ vault, newName, uncheckedControlPlane: 'contract' }));
configVaultContract('a vault in memory', async () => ({
  vault: memoryVault(),
  newName,
  uncheckedControlPlane: 'contract',
}));

describe('a file in S3', () => {
  it('is encrypted with the vault’s key, and says what it is', async () => {
    const name = { controlPlane: 'first', kongVersion: '3.9.1' };

    const versionId = await vault.publish(name, { gzip, manifest: 'the.manifest', replaces: undefined });

    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'first/3.9.1/config.json' }));
    expect(await vault.current(name)).toMatchObject({ etag: head.ETag });
    expect(head).toMatchObject({
      VersionId: versionId,
      ContentEncoding: 'gzip',
      ContentType: 'application/json',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: encryptionKeyArn,
      BucketKeyEnabled: true,
    });
  });

  it('is locked for as many days as it is told, and its status is not', async () => {
    const lockBucket = 'locked-vault';
    aws.s3.createBucket(lockBucket, { defaultKeyId: encryptionKeyArn, objectLock: true });
    const now = new Date();
    const locking = s3ConfigVault({
      s3,
      bucket: lockBucket,
      encryptionKeyArn,
      lock: { days: 7, clock: manualClock(now) },
    });
    const Key = 'locked/3.9.1/config.json';
    const VersionId = await locking.publish(
      { controlPlane: 'locked', kongVersion: '3.9.1' },
      { gzip, manifest: 'm', replaces: undefined },
    );
    await locking.putStatus('locked', 'status', undefined);

    const deletion = s3.send(new DeleteObjectCommand({ Bucket: lockBucket, Key, VersionId }));
    const retentionOf = (key: string) =>
      s3.send(new GetObjectRetentionCommand({ Bucket: lockBucket, Key: key }));

    await expect(deletion).rejects.toMatchObject({ name: 'AccessDenied' });
    expect((await retentionOf(Key)).Retention).toEqual({
      Mode: 'GOVERNANCE',
      RetainUntilDate: new Date(now.getTime() + 7 * 86_400_000),
    });
    await expect(retentionOf('status/locked.json')).rejects.toMatchObject({
      name: 'NoSuchObjectLockConfiguration',
    });
  });

  it('is not published where it is to be locked and the bucket has no Object Lock', async () => {
    const name = { controlPlane: 'unlockable', kongVersion: '3.9.1' };
    const locking = s3ConfigVault({
      s3,
      bucket,
      encryptionKeyArn,
      lock: { days: 7, clock: manualClock(new Date()) },
    });

    const publishing = locking.publish(name, { gzip, manifest: 'm', replaces: undefined });

    await expect(publishing).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('Object Lock'),
    });
    expect(await vault.current(name)).toBeUndefined();
  });

  it('is a conflict when another write is under way', async () => {
    const name = { controlPlane: 'busy', kongVersion: '3.9.1' };
    const held = aws.s3.holdNextWrite(bucket, 'busy/3.9.1/config.json');
    const first = vault.publish(name, { gzip, manifest: '1', replaces: undefined });
    await held.arrived;
    // The SDK repeats what was answered with 409: it must not wait for the end of the other write.
    const second = s3ConfigVault({
      s3: new S3Client({
        ...clientFor(aws, aws.s3.endpoint),
        ...checksums,
        forcePathStyle: true,
        maxAttempts: 1,
      }),
      bucket,
      encryptionKeyArn,
    }).publish(name, { gzip, manifest: '2', replaces: undefined });

    await expect(second).rejects.toMatchObject({
      name: 'RevisionConflict',
      cause: { name: 'ConditionalRequestConflict' },
    });
    held.release();
    await first;
    expect((await vault.current(name))?.manifest).toBe('1');
  });

  it('says on the wire what it replaces and how it is encrypted', async () => {
    const { vault: wired, server } = await vaultAnswered((_, response) => {
      response.writeHead(200, { etag: '"e"', 'x-amz-version-id': 'v1' }).end();
    });
    const name = { controlPlane: 'prod', kongVersion: '3.9.1' };

    await wired.publish(name, { gzip, manifest: 'm', replaces: undefined });
    await wired.publish(name, { gzip, manifest: 'm', replaces: '"before"' });

    const [first, second] = server.requests
      .filter(({ method }) => method === 'PUT')
      .map(({ headers }) => headers);
    expect(first).toMatchObject({
      'if-none-match': '*',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': encryptionKeyArn,
      'x-amz-server-side-encryption-bucket-key-enabled': 'true',
      'x-amz-meta-manifest': 'm',
      'x-amz-checksum-sha256': createHash('sha256').update(gzip).digest('base64'),
      'content-length': String(gzip.length),
    });
    expect(first).not.toHaveProperty('if-match');
    expect(second).toMatchObject({ 'if-match': '"before"' });
    expect(second).not.toHaveProperty('if-none-match');
  });
});

describe('a file under a key of earlier', () => {
  it.each([
    ['that may be used', false],
    ['that is disabled', true],
  ])('%s says that it is, and is replaced under the key of now', async (_what, isDisabled) => {
    const name = newName();
    const earlierKey = aws.kms.createKey(`earlier, ${name.kongVersion}`, 'SYMMETRIC_DEFAULT');
    const earlier = s3ConfigVault({ s3, bucket, encryptionKeyArn: earlierKey });
    await earlier.publish(name, { gzip, manifest: 'm', replaces: undefined });
    if (isDisabled) {
      aws.kms.disable(earlierKey);
    }

    const before = await vault.current(name);
    await vault.publish(name, { gzip: gzipSync('{}'), manifest: 'n', replaces: before?.etag });

    const storedSha256 = createHash('sha256').update(gzip).digest('hex');
    expect(before).toMatchObject({
      manifest: 'm',
      isUnderCurrentKey: false,
      storedSha256: isDisabled ? undefined : storedSha256,
    });
    expect(await vault.current(name)).toMatchObject({ manifest: 'n', isUnderCurrentKey: true });
  });

  it('that is disabled has content that is refused, which no other try will bring', async () => {
    const name = newName();
    const earlierKey = aws.kms.createKey(`earlier, ${name.kongVersion}`, 'SYMMETRIC_DEFAULT');
    const earlier = s3ConfigVault({ s3, bucket, encryptionKeyArn: earlierKey });
    const versionId = await earlier.publish(name, { gzip, manifest: 'm', replaces: undefined });
    aws.kms.disable(earlierKey);

    const reading = vault.content(name, versionId);

    await expect(reading).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('KMS.DisabledException'),
    });
  });

  /** An S3 that says checksums to nobody, and everything else of an object under this key. */
  const refusing =
    (code: number, keyArn: string): RequestListener =>
    (request, response) => {
      const isRefused = request.headers['x-amz-checksum-mode'] === 'ENABLED';
      response
        .writeHead(isRefused ? code : 200, {
          ...(!isRefused && {
            etag: '"e"',
            'x-amz-version-id': 'v1',
            'x-amz-meta-manifest': 'm',
            'x-amz-server-side-encryption': 'aws:kms',
            'x-amz-server-side-encryption-aws-kms-key-id': keyArn,
          }),
        })
        .end();
    };

  it.each([403, 400])('whose checksum S3 refuses to say with %d is there without it', async (code) => {
    const { vault: answered } = await vaultAnswered(refusing(code, 'arn:another'));

    const current = await answered.current(newName());

    expect(current).toEqual({
      etag: '"e"',
      versionId: 'v1',
      manifest: 'm',
      storedSha256: undefined,
      storedBytes: undefined,
      isUnderCurrentKey: false,
      isServedAsPublished: false,
    });
  });

  it.each([
    [403, 'denied'],
    [400, 'unavailable'],
  ])('is not what a refusal of the key of now is taken for: %d, %s', async (code, expected) => {
    const { vault: answered } = await vaultAnswered(refusing(code, encryptionKeyArn));

    await expect(answered.current(newName())).rejects.toMatchObject({ code: expected });
  });
});

describe('the checksum of a file', () => {
  const checksum = createHash('sha256').update(gzip).digest();
  it.each<[what: string, headers: Readonly<Record<string, string>>, expected: string | undefined]>([
    ['is the whole file’s', { type: 'FULL_OBJECT' }, checksum.toString('hex')],
    ['is none where it is one of parts', { type: 'COMPOSITE' }, undefined],
    ['is none where it counts parts', { suffix: '-2' }, undefined],
    ['is none where S3 has none', { absent: 'yes' }, undefined],
  ])('%s', async (_what, { type, suffix = '', absent }, expected) => {
    const { vault: answered } = await vaultAnswered((_, response) => {
      response
        .writeHead(200, {
          etag: '"e"',
          'x-amz-version-id': 'v1',
          ...(absent === undefined && {
            'x-amz-checksum-sha256': `${checksum.toString('base64')}${suffix}`,
          }),
          ...(type !== undefined && { 'x-amz-checksum-type': type }),
        })
        .end();
    });

    const current = await answered.current(newName());

    expect(current?.storedSha256).toBe(expected);
  });
});

describe('what somebody else has put into S3', () => {
  const gzipped = { 'content-encoding': 'gzip' };
  it.each<[what: string, headers: Readonly<Record<string, string>>, isServed: boolean]>([
    ['as we do', gzipped, true],
    ['in a class that is read at once', { ...gzipped, 'x-amz-storage-class': 'STANDARD_IA' }, true],
    ['without a word of gzip', {}, false],
    ['in another encoding', { 'content-encoding': 'br' }, false],
    ['in an archive', { ...gzipped, 'x-amz-storage-class': 'GLACIER' }, false],
    ['in a deep archive', { ...gzipped, 'x-amz-storage-class': 'DEEP_ARCHIVE' }, false],
    [
      'where it went into an archive later',
      {
        ...gzipped,
        'x-amz-storage-class': 'INTELLIGENT_TIERING',
        'x-amz-archive-status': 'ARCHIVE_ACCESS',
      },
      false,
    ],
  ])('%s: whether readers get it as it was published', async (_what, headers, isServed) => {
    const { vault: answered } = await vaultAnswered((_, response) => {
      response.writeHead(200, { etag: '"e"', 'x-amz-version-id': 'v1', ...headers }).end();
    });

    expect(await answered.current(newName())).toMatchObject({ isServedAsPublished: isServed });
  });

  it('is our file no more where it lost the word of gzip: it is published anew', async () => {
    const signer = await localSigner();
    const name = newName();
    const publishing = async () =>
      publish(
        { vault, signer, clock: systemClock, random: systemRandom },
        {
          name,
          configuration: await served({ services: [{ id: '1' }] }),
          lastStatus: undefined,
          guard: guardOf(),
        },
      );
    await publishing();
    const Key = `contract/${name.kongVersion}/config.json`;
    const found = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const Body = (await found.Body?.transformToByteArray()) ?? Buffer.of();
    const Metadata = found.Metadata ?? {};
    const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
    await s3.send(
      new PutObjectCommand({
        ...{ Bucket: bucket, Key, Metadata, Body, ChecksumSHA256 },
        ...{ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: encryptionKeyArn },
      }),
    );

    expect(await publishing()).toMatchObject({ outcome: 'published', manifestReplaced: true });
    expect(await publishing()).toMatchObject({ outcome: 'unchanged' });
  });

  it.each([
    ['of the largest size for a status is read', 2 ** 20, 'x'.repeat(2 ** 20)],
    ['is larger than a status is left unread', 2 ** 20 + 1, ''],
  ])('and %s', async (_what, sizeBytes, text) => {
    const { vault: answered } = await vaultAnswered((_, response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': sizeBytes });
      response.end('x'.repeat(sizeBytes));
    });

    expect(await answered.status('prod')).toEqual({ etag: '"e"', text });
  });
});

describe('what S3 answers', () => {
  const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
  const publication = (replaces: string | undefined) => ({ gzip, manifest: 'm', replaces });

  it.each([
    [412, '"e"', 'conflict'],
    [412, undefined, 'conflict'],
    [409, '"e"', 'conflict'],
    [409, undefined, 'conflict'],
    [404, '"e"', 'conflict'],
    [404, undefined, 'unavailable'],
    [403, '"e"', 'denied'],
    [400, '"e"', 'unavailable'],
    [500, '"e"', 'unavailable'],
    [503, undefined, 'unavailable'],
  ])('%d to a write that replaces %s: %s', async (code, replaces, expected) => {
    const { vault: answered } = await vaultAnswered(status(code));

    const publishing = answered.publish(name, publication(replaces));

    await expect(publishing).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining('prod/3.9.1/config.json'),
    });
  });

  it.each([
    [404, undefined],
    [403, 'denied'],
    [500, 'unavailable'],
  ])('%d to a read: %s', async (code, expected) => {
    const { vault: answered } = await vaultAnswered(status(code));

    const outcomes = await Promise.all(
      [answered.current(name), answered.status('prod')].map((reading) =>
        reading.catch((error: { code: string }) => error.code),
      ),
    );

    expect(outcomes).toEqual([expected, expected]);
  });

  it.each([
    [0, undefined],
    [1, 'denied'],
  ])('403 to a read, and a list with %d keys of that name: %s', async (keyCount, expected) => {
    const { vault: answered } = await vaultAnswered((request, response) => {
      const isList = request.url?.includes('list-type=2') === true;
      response.writeHead(isList ? 200 : 403, { 'content-type': 'application/xml' });
      response.end(
        isList ? `<ListBucketResult><KeyCount>${keyCount}</KeyCount></ListBucketResult>` : '<Error/>',
      );
    });

    const outcomes = await Promise.all(
      [answered.current(name), answered.status('prod')].map((reading) =>
        reading.catch((error: { code: string }) => error.code),
      ),
    );

    expect(outcomes).toEqual([expected, expected]);
  });

  it.each([
    [403, 'denied', 'policy'],
    [500, 'unavailable', 'status/prod.json'],
  ])('%d to a status: %s', async (code, expected, words) => {
    const { vault: answered } = await vaultAnswered(status(code));

    const recording = answered.putStatus('prod', 'status', undefined);

    await expect(recording).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ['no version id', {}],
    ['the version id of a bucket whose versioning is suspended', { 'x-amz-version-id': 'null' }],
  ])('with %s: somebody has to turn versioning on', async (_, headers) => {
    const { vault: answered } = await vaultAnswered((__, response) => {
      response.writeHead(200, { etag: '"e"', ...headers }).end();
    });

    const publishing = answered.publish(name, publication(undefined));

    await expect(publishing).rejects.toMatchObject({
      code: 'not-versioned',
      message: expect.stringContaining('turn versioning on'),
    });
  });

  it.each([
    ['no version id', {}, false],
    ['the version id of a bucket whose versioning is suspended', { 'x-amz-version-id': 'null' }, false],
    ['a version id of its own', { 'x-amz-version-id': 'v7' }, true],
  ])(
    'with %s: a status is written, and it is told whether the one before is kept',
    async (_, headers, kept) => {
      const { vault: answered } = await vaultAnswered((__, response) => {
        response.writeHead(200, { etag: '"e"', ...headers }).end();
      });

      expect(await answered.putStatus('prod', 'status', undefined)).toBe(kept);
    },
  );

  it.each([
    ['suspended', '<Status>Suspended</Status>'],
    ['off', ''],
  ])('whose versioning is %s: nothing is written', async (state, content) => {
    const { vault: answered, server } = await vaultAnswered(status(200), versioningIs(content));

    const publishing = answered.publish(name, publication(undefined));

    await expect(publishing).rejects.toMatchObject({
      code: 'not-versioned',
      message: expect.stringMatching(
        new RegExp(`bucket ${bucket} keeps no versions .*${state}.*turn versioning on`),
      ),
    });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it.each([
    [403, 'denied'],
    [500, 'unavailable'],
  ])('that answers %d when asked whether it keeps versions: nothing is written', async (code, expected) => {
    const { vault: answered, server } = await vaultAnswered(status(200), status(code));

    const publishing = answered.publish(name, publication(undefined));

    await expect(publishing).rejects.toMatchObject({ code: expected });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is given up with the signal that the vault is bound to, also in the middle of a file', async () => {
    const { vault: answered } = await vaultAnswered((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
    });
    const ending = new AbortController();

    const reading = answered.within(ending.signal).content(name, 'v1');
    setTimeout(() => ending.abort(new DOMException('over', 'TimeoutError')), 50);

    await expect(reading).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no answer in time'),
    });
  });

  it('is nothing when it is down', async () => {
    const { vault: answered, server } = await vaultAnswered(status(200));
    await server.stop();

    const reading = answered.current(name);

    await expect(reading).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is no good without an etag', async () => {
    const { vault: answered } = await vaultAnswered((_, response) => response.writeHead(200).end());

    await expect(answered.current(name)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is no good without a version', async () => {
    const { vault: answered } = await vaultAnswered((_, response) =>
      response.writeHead(200, { etag: '"e"' }).end(),
    );

    await expect(answered.current(name)).rejects.toMatchObject({ code: 'not-versioned' });
  });
});

describe('the status in S3', () => {
  it('cannot be read under a key of earlier that is disabled, and is written anew', async () => {
    const earlierKey = aws.kms.createKey('earlier, of a status', 'SYMMETRIC_DEFAULT');
    await s3ConfigVault({ s3, bucket, encryptionKeyArn: earlierKey }).putStatus('changed', 'old', undefined);
    const before = await vault.status('changed');
    aws.kms.disable(earlierKey);

    const after = await vault.status('changed');
    await vault.putStatus('changed', 'new', after?.etag);

    expect(before?.text).toBe('old');
    expect(after).toEqual({ etag: before?.etag, text: undefined });
    expect(await vault.status('changed')).toMatchObject({ text: 'new' });
  });

  it('is not taken for missing where the key of now is disabled', async () => {
    const key = aws.kms.createKey('now, of a status', 'SYMMETRIC_DEFAULT');
    const own = s3ConfigVault({ s3, bucket, encryptionKeyArn: key });
    await own.putStatus('disabled', 'status', undefined);
    aws.kms.disable(key);

    await expect(own.status('disabled')).rejects.toMatchObject({ code: 'denied' });
  });

  it('is encrypted with the vault’s key', async () => {
    await vault.putStatus('noted', 'status', undefined);

    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'status/noted.json' }));
    expect(head.SSEKMSKeyId).toBe(encryptionKeyArn);
    expect(head.ContentType).toBe('application/jose');
  });
});

describe('two exporters at one S3', () => {
  it('both end, and the history has every revision number once and the newest state last', async () => {
    const signer = await localSigner();
    const name = { controlPlane: 'raced', kongVersion: '3.9.1' };
    const states = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        served({ services: [{ id: String(index) }] }, new Date(Date.UTC(2026, 10, 23, 4, index))),
      ),
    );
    // Both read the same time, so that they publish the same bytes: neither may take the other's file for its
    // own.
    const clock = { ...systemClock, now: () => new Date(Date.UTC(2026, 10, 23, 5)) };
    const exporter = async () => {
      const outcomes: string[] = [];
      for (const configuration of states) {
        const parts = { vault, signer, clock, random: systemRandom };
        const request = { name, configuration, lastStatus: undefined, guard: guardOf() };
        outcomes.push((await publish(parts, request)).outcome);
      }
      return outcomes;
    };

    const outcomes = (await Promise.all([exporter(), exporter()])).flat();

    const manifests = await publishedManifests('raced/3.9.1/config.json', async (jws) =>
      verifyManifest(jws, [signer.publicKey]),
    );
    expect(manifests.map(({ revision }) => revision)).toEqual(manifests.map((_, index) => index + 1));
    expect(manifests.slice(1).map(({ previousSha256 }) => previousSha256)).toEqual(
      manifests.slice(0, -1).map(({ sha256 }) => sha256),
    );
    expect(new Set(manifests.map(({ configHash }) => configHash)).size).toBe(manifests.length);
    expect(manifests.at(-1)?.configHash).toBe(states.at(-1)?.configHash);
    expect(outcomes).toHaveLength(12);
    expect(outcomes.filter((outcome) => outcome === 'published')).toHaveLength(manifests.length);
  });

  /** Of all versions of a key, oldest first, each checked against its file. */
  async function publishedManifests(
    key: string,
    verify: (jws: string) => Promise<Manifest>,
  ): Promise<readonly Manifest[]> {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }));
    return Promise.all(
      [...Versions].reverse().map(async ({ VersionId }) => {
        const { Body, Metadata } = await s3.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, VersionId }),
        );
        const manifest = await verify(Metadata?.['manifest'] ?? '');
        const file = gunzipSync((await Body?.transformToByteArray()) ?? Buffer.alloc(0));
        expect(createHash('sha256').update(file).digest('hex')).toBe(manifest.sha256);
        return manifest;
      }),
    );
  }
});
