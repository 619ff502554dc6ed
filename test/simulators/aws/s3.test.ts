import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type LocalAws, startLocalAws } from '../../../simulators/aws/local-aws.ts';
import {
  ACCOUNT_ID,
  clientFor,
  errorName,
  newDataDirectory,
  REGION,
  runLocalAws,
} from './running-local-aws.ts';
import { s3Contract } from './s3-contract.ts';

function clientOf(aws: LocalAws) {
  const settings = clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_S3);
  return {
    credentials: settings.credentials,
    client: new S3Client({ ...settings, requestChecksumCalculation: 'WHEN_REQUIRED', maxAttempts: 1 }),
  };
}

s3Contract('the local AWS', async () => {
  const aws = await runLocalAws();
  const encryptionKeyId = aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT');
  aws.s3.createBucket('vault', { defaultKeyId: encryptionKeyId });
  aws.s3.createBucket('locks', { defaultKeyId: encryptionKeyId, objectLock: true });
  const { client, credentials } = clientOf(aws);
  return {
    client,
    credentials,
    endpoint: aws.endpoints.AWS_ENDPOINT_URL_S3,
    region: REGION,
    bucket: 'vault',
    lockBucket: 'locks',
    encryptionKeyId,
    async stop() {
      client.destroy();
      await aws.stop();
    },
  };
});

describe('the local S3', () => {
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  let client: S3Client;

  beforeAll(async () => {
    aws = await runLocalAws();
    aws.s3.createBucket('vault', { defaultKeyId: aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT') });
    ({ client } = clientOf(aws));
  });
  afterAll(async () => {
    client.destroy();
    await aws.stop();
  });

  const put = (
    Key: string,
    Body: NonNullable<PutObjectCommandInput['Body']>,
    more: Partial<PutObjectCommandInput> = {},
  ) => client.send(new PutObjectCommand({ Bucket: 'vault', Key, Body, ...more }));
  const get = async (Key: string) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'vault', Key }));
    return Body?.transformToString();
  };

  it('answers 409 to a conditional write while another one is in flight', async () => {
    const held = aws.s3.holdNextWrite('vault', 'race');
    const first = put('race', 'first', { IfNoneMatch: '*' });
    await held.arrived;

    const second = await errorName(put('race', 'second', { IfNoneMatch: '*' }));

    expect(second).toBe('ConditionalRequestConflict');
    held.release();
    await first;
    expect(await get('race')).toBe('first');
  });

  it('answers 409 to a conditional write that another one overtook', async () => {
    const { ETag } = await put('overtaken', 'first');
    const held = aws.s3.holdNextWrite('vault', 'overtaken');
    const slow = errorName(put('overtaken', 'slow', { IfMatch: ETag }));
    await held.arrived;

    await put('overtaken', 'fast');
    held.release();

    expect(await slow).toBe('ConditionalRequestConflict');
  });

  it('lets conditional writes to other keys pass meanwhile', async () => {
    const held = aws.s3.holdNextWrite('vault', 'busy');
    const busy = put('busy', 'x', { IfNoneMatch: '*' });
    await held.arrived;

    const other = await errorName(put('idle', 'x', { IfNoneMatch: '*' }));

    expect(other).toBe('no error');
    held.release();
    await busy;
  });

  it('holds a held write back until its release', async () => {
    const held = aws.s3.holdNextWrite('vault', 'held');
    const write = put('held', 'x');
    await held.arrived;

    expect(await errorName(get('held'))).toBe('NoSuchKey');
    held.release();
    await write;
    expect(await get('held')).toBe('x');
  });

  // The SDK warns of streams, which cannot be sent twice.
  beforeEach(() => {
    jest.spyOn(console, 'warn').mockReturnValue();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([
    ['ListBuckets', () => client.send(new ListBucketsCommand({}))],
    ['tagging', () => client.send(new GetObjectTaggingCommand({ Bucket: 'vault', Key: 'a' }))],
    [
      'copies',
      () => client.send(new CopyObjectCommand({ Bucket: 'vault', Key: 'a', CopySource: 'vault/b' })),
    ],
    ['ranges', () => client.send(new GetObjectCommand({ Bucket: 'vault', Key: 'a', Range: 'bytes=0-1' }))],
    ['pages', () => client.send(new ListObjectsV2Command({ Bucket: 'vault', MaxKeys: 1 }))],
    [
      'response headers',
      () => client.send(new GetObjectCommand({ Bucket: 'vault', Key: 'a', ResponseContentType: 'a/b' })),
    ],
    ['access lists', () => put('a', 'x', { ACL: 'private' })],
    ['MD5', () => put('a', 'x', { ContentMD5: 'nfWEJFYbpQUkTTGt0lDZ5g==' })],
    ['delete markers', () => client.send(new DeleteObjectCommand({ Bucket: 'vault', Key: 'a' }))],
    ['cache headers', () => put('a', 'x', { CacheControl: 'no-store' })],
    ['other checksums', () => put('a', 'x', { ChecksumAlgorithm: 'CRC32' })],
    ['SSE-S3', () => put('a', 'x', { ServerSideEncryption: 'AES256' })],
    ['If-None-Match with an etag', () => put('a', 'x', { IfNoneMatch: '"abc"' })],
    ['streams', () => put('a', Readable.from(['x']), { ContentLength: 1, ChecksumAlgorithm: 'SHA256' })],
  ])('says 501 to what it does not do: %s', async (_what, call) => {
    const name = await errorName(call());

    expect(name).toBe('NotImplemented');
  });

  it('names the operation that it does not do, as XML', async () => {
    const failed = client.send(new GetObjectTaggingCommand({ Bucket: 'vault', Key: 'a' }));

    await expect(failed).rejects.toMatchObject({
      message: expect.stringContaining('GetObject with tagging'),
      $metadata: { httpStatusCode: 501, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
  });

  it('shows a checksum that was given, and the SDK checks it', async () => {
    const ChecksumSHA256 = 'LXEWQrcmsEQBYnyp++6wy9chTD7GQPMTbAiWHF5IaSIE';
    const rightful = await put('checksum', 'x', { ChecksumAlgorithm: 'SHA256' });

    const read = await client.send(
      new GetObjectCommand({ Bucket: 'vault', Key: 'checksum', ChecksumMode: 'ENABLED' }),
    );

    expect(read.ChecksumSHA256).toBe(rightful.ChecksumSHA256);
    expect(await read.Body?.transformToString()).toBe('x');
    expect(await errorName(put('checksum', 'x', { ChecksumSHA256 }))).not.toBe('no error');
  });

  it('cannot read or write without its KMS key', async () => {
    const lostKey = aws.kms.createKey('lost', 'SYMMETRIC_DEFAULT');
    await put('lost', 'x', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: lostKey });
    aws.kms.disable(lostKey);

    const reading = await errorName(get('lost'));
    const writing = await errorName(
      put('lost', 'y', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: lostKey }),
    );

    expect([reading, writing]).toEqual(['KMS.DisabledException', 'KMS.DisabledException']);
  });

  it('says the checksum of an object only with its KMS key, and everything else without', async () => {
    const gone = aws.kms.createKey('gone', 'SYMMETRIC_DEFAULT');
    await put('gone', 'x', {
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: gone,
      ChecksumAlgorithm: 'SHA256',
    });
    const head = (ChecksumMode?: 'ENABLED') =>
      client.send(new HeadObjectCommand({ Bucket: 'vault', Key: 'gone', ChecksumMode }));
    const before = await head('ENABLED');
    aws.kms.disable(gone);

    const after = await head();

    expect(before).toMatchObject({ ChecksumSHA256: expect.any(String), ChecksumType: 'FULL_OBJECT' });
    await expect(head('ENABLED')).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    expect(after).toMatchObject({ ETag: before.ETag, SSEKMSKeyId: gone });
    expect(after).not.toHaveProperty('ChecksumSHA256');
  });
});

describe('a caller of the local S3', () => {
  it('must be allowed the key of the version for its content and its checksum, and not for the rest', async () => {
    const dataDirectory = newDataDirectory();
    let mayNotDecrypt = '';
    const aws = await startLocalAws({
      dataDirectory,
      region: REGION,
      accountId: ACCOUNT_ID,
      guard: async (_principal, { action, resourceArn }) =>
        action === 'kms:Decrypt' && resourceArn === mayNotDecrypt ? 'the test refuses' : undefined,
    });
    const [before, now] = ['before', 'now'].map((name) => aws.kms.createKey(name, 'SYMMETRIC_DEFAULT'));
    aws.s3.createBucket('vault', { defaultKeyId: now ?? '' });
    const { client } = clientOf(aws);
    const object = { Bucket: 'vault', Key: 'a' };
    const put = (SSEKMSKeyId: string | undefined) =>
      client.send(
        new PutObjectCommand({
          ...object,
          Body: 'x',
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId,
          ChecksumAlgorithm: 'SHA256',
        }),
      );
    const { VersionId } = await put(before);
    await put(now);
    mayNotDecrypt = before ?? '';
    const head = { ChecksumMode: 'ENABLED' } as const;

    const outcomes = await Promise.all(
      [
        client.send(new HeadObjectCommand({ ...object, ...head })),
        client.send(new HeadObjectCommand({ ...object, VersionId })),
        client.send(new HeadObjectCommand({ ...object, ...head, VersionId })),
        client.send(new GetObjectCommand({ ...object, VersionId })),
      ].map((call: Promise<unknown>) =>
        call.then(
          () => 200,
          (error: S3ServiceException) => error.$metadata.httpStatusCode,
        ),
      ),
    );

    client.destroy();
    await aws.stop();
    rmSync(dataDirectory, { recursive: true });
    expect(outcomes).toEqual([200, 200, 403, 403]);
  });
});

describe('the data directory of the local S3', () => {
  let running: { readonly client: S3Client; readonly aws: LocalAws } | undefined;
  const start = async (dataDirectory: string) => {
    const aws = await startLocalAws({ dataDirectory, region: REGION, accountId: ACCOUNT_ID });
    aws.s3.createBucket('vault', { defaultKeyId: aws.kms.createKey('vault', 'SYMMETRIC_DEFAULT') });
    const { client } = clientOf(aws);
    running = { client, aws };
    return client;
  };
  const stop = async () => {
    running?.client.destroy();
    await running?.aws.stop();
    running = undefined;
  };
  const filesBelow = (directory: string) =>
    readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
      join(entry.parentPath, entry.name),
    );
  let dataDirectory: string;

  beforeAll(async () => {
    dataDirectory = newDataDirectory();
    const client = await start(dataDirectory);
    for (const Body of ['keyauth secret one', 'keyauth secret two']) {
      await client.send(
        new PutObjectCommand({
          Bucket: 'vault',
          Key: 'prod/config.json',
          Body,
          Metadata: { manifest: Body.slice(-3) },
        }),
      );
    }
    await stop();
  });
  afterEach(stop);
  afterAll(() => rmSync(dataDirectory, { recursive: true }));

  it('holds no plaintext, and nothing that others may read', () => {
    const files = filesBelow(dataDirectory);

    const contents = files
      .filter((file) => statSync(file).isFile())
      .map((file) => readFileSync(file, 'latin1'));

    expect(contents.length).toBeGreaterThan(3);
    expect(contents.filter((content) => content.includes('keyauth secret'))).toEqual([]);
    expect(files.filter((file) => (statSync(file).mode & 0o077) !== 0)).toEqual([]);
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });

  it('brings the objects back after a restart', async () => {
    const client = await start(dataDirectory);

    const { Body, Metadata, ETag } = await client.send(
      new GetObjectCommand({ Bucket: 'vault', Key: 'prod/config.json' }),
    );

    expect(await Body?.transformToString()).toBe('keyauth secret two');
    expect(Metadata).toEqual({ manifest: 'two' });
    const next = { Bucket: 'vault', Key: 'prod/config.json', Body: 'three', IfMatch: ETag };
    expect(await errorName(client.send(new PutObjectCommand(next)))).toBe('no error');
  });

  it('does not serve an object whose file was changed', async () => {
    const reported = jest.spyOn(console, 'error').mockReturnValue();
    for (const file of filesBelow(dataDirectory).filter((name) => name.endsWith('.version'))) {
      writeFileSync(
        file,
        readFileSync(file, 'latin1').replace('"contentType":"', '"contentType":"x-'),
        'latin1',
      );
    }
    const client = await start(dataDirectory);

    const name = await errorName(
      client.send(new GetObjectCommand({ Bucket: 'vault', Key: 'prod/config.json' })),
    );

    expect(name).toBe('InternalError');
    expect(reported).toHaveBeenCalled();
    reported.mockRestore();
  });
});
