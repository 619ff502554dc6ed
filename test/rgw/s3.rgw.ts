import { createHash } from 'node:crypto';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { presignObject } from '../simulators/aws/presign.ts';
import { s3Contract } from '../simulators/aws/s3-contract.ts';
import { answered, endpoint, keyArn, newBucket, newUser, otherKeyArn, region, s3As } from './gateway.ts';

const noConditions = 'no conditional PUT on versioned buckets';
const noChecksums = 'it looks at no newer checksum than MD5';
const credentials = await newUser('contract');
const target = { endpoint, region, credentials, bucket: 'contract' };
const client = s3As(credentials);

s3Contract(
  'Ceph RGW',
  async () => {
    await newBucket(client, target.bucket);
    await newBucket(client, 'contract-locks', { objectLock: true });
    return {
      ...target,
      client,
      lockBucket: 'contract-locks',
      encryptionKeyId: keyArn,
      stop: async () => undefined,
    };
  },
  {
    'refuses content with a SHA-256 of other content': noChecksums,
    'refuses content with a SHA-256 that is none': noChecksums,
    'takes not a byte more metadata': 'it has no limit there',
    'refuses a KMS key that there is not': 'its code is another',
    'creates an object only where there is none': noConditions,
    'replaces an object only while it has the etag that was read': noConditions,
    'has nothing to replace where there is no object': noConditions,
    'lets one of many concurrent creations win': noConditions,
    'refuses a lock on content that nothing vouches for': 'it locks it all the same',
    'names a wrong signature as the reason of its refusal': 'with STS on, its code is always AccessDenied',
  },
);

describe('where Ceph RGW is another S3 than AWS’s', () => {
  beforeAll(() => newBucket(client, 'different'));
  afterAll(() => client.destroy());

  const put = (Key: string, more: Partial<PutObjectCommandInput> = {}) =>
    client.send(new PutObjectCommand({ Bucket: 'different', Key, Body: 'content', ...more }));
  const head = (Key: string) => client.send(new HeadObjectCommand({ Bucket: 'different', Key }));
  const wrong = '"0123456789abcdef0123456789abcdef"';

  it.each<[title: string, outcome: string, request: () => Promise<unknown>]>([
    [
      'stores content whatever its SHA-256 is said to be',
      '200',
      () => put('sum', { ChecksumSHA256: createHash('sha256').update('other').digest('base64') }),
    ],
    ['takes 2,049 bytes of metadata', '200', () => put('meta', { Metadata: { manifest: 'm'.repeat(2041) } })],
    [
      'refuses an unknown KMS key as if it were a user’s',
      '403 InvalidAccessKeyId',
      () => put('key', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: `${keyArn}x` }),
    ],
    [
      'refuses each If-Match, the right one too',
      '412 PreconditionFailed',
      async () => put('match', { IfMatch: (await put('match')).ETag }),
    ],
    ['refuses an If-Match where nothing is', '412 PreconditionFailed', () => put('none', { IfMatch: wrong })],
    [
      'overlooks If-None-Match',
      '200',
      async () => {
        await put('first');
        await put('first', { IfNoneMatch: '*' });
      },
    ],
  ])('it %s: %s', async (_title, outcome, request) => {
    expect(await answered(request())).toBe(outcome);
  });

  it('it keeps all of several concurrent creations', async () => {
    await Promise.all(Array.from({ length: 8 }, () => put('raced', { IfNoneMatch: '*' })));

    const list = await client.send(new ListObjectVersionsCommand({ Bucket: 'different', Prefix: 'raced' }));

    expect(list.Versions).toHaveLength(8);
  });

  it('it calls a wrong signature AccessDenied', async () => {
    const url = await presignObject({ ...target, bucket: 'different' }, 'a');

    const response = await fetch(url.replace('=120', '=1200'));

    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('<Code>AccessDenied</Code>'),
    ]);
  });

  it('it encrypts only what asks for it, and has no bucket keys', async () => {
    await put('plain');
    await put('encrypted', {
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: otherKeyArn,
      BucketKeyEnabled: true,
    });

    const [plain, encrypted] = [await head('plain'), await head('encrypted')];

    expect(plain.ServerSideEncryption).toBeUndefined();
    expect(encrypted).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: otherKeyArn });
    expect(encrypted.BucketKeyEnabled).toBeUndefined();
  });

  it('it has no place for checksums of its own', async () => {
    await put('sha', { ChecksumSHA256: createHash('sha256').update('content').digest('base64') });

    const read = await client.send(
      new GetObjectCommand({ Bucket: 'different', Key: 'sha', ChecksumMode: 'ENABLED' }),
    );

    expect(read.ChecksumSHA256).toBeUndefined();
    await read.Body?.transformToByteArray();
  });
});
