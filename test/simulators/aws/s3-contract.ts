import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { itDeviates } from '../../deviation.ts';
import { presignObject } from './presign.ts';

/** An S3 with one empty versioned bucket. */
export interface S3Target {
  readonly client: S3Client;
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly bucket: string;
  /** Another one, empty and versioned, whose versions can be locked. */
  readonly lockBucket: string;
  /** KMS key for SSE-KMS, as a request names it. */
  readonly encryptionKeyId: string;
  stop(): Promise<void>;
}

async function failure(call: Promise<unknown>): Promise<{ status: number | undefined; code: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof S3ServiceException) {
      return { status: error.$metadata.httpStatusCode, code: error.name };
    }
    throw error;
  }
  return { status: 200, code: 'no error' };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');

/**
 * What Lifeboat relies on; the same for our own S3 and an independent one.
 *
 * @param deviations titles of what a target does otherwise than AWS, each with its reason; the first that it
 * does as AWS after all fails,
 * so that the list stays true
 */
export function s3Contract(
  name: string,
  makeTarget: () => Promise<S3Target>,
  deviations: Readonly<Record<string, string>> = {},
): void {
  const titles = new Set<string>();
  const promise = (title: string, test: () => Promise<void>) => {
    titles.add(title);
    const reason = deviations[title];
    if (reason === undefined) {
      it(title, test);
    } else {
      itDeviates(title, reason, test);
    }
  };

  describe(`${name} as an S3`, () => {
    let target: S3Target;
    let keys = 0;
    const newKey = () => `prod/3.9.${++keys}/config.json`;

    beforeAll(async () => {
      target = await makeTarget();
    });
    afterAll(() => target.stop());

    const put = (Key: string, Body: string, more: Partial<PutObjectCommandInput> = {}) =>
      target.client.send(
        new PutObjectCommand({ Bucket: target.bucket, Key, Body: Buffer.from(Body), ...more }),
      );
    const get = (Key: string, VersionId?: string) =>
      target.client.send(new GetObjectCommand({ Bucket: target.bucket, Key, VersionId }));
    const content = async (Key: string, VersionId?: string) =>
      (await get(Key, VersionId)).Body?.transformToString();
    const remove = (Key: string, VersionId: string | undefined) =>
      target.client.send(new DeleteObjectCommand({ Bucket: target.bucket, Key, VersionId }));
    const versionsOf = (Prefix: string) =>
      target.client.send(new ListObjectVersionsCommand({ Bucket: target.bucket, Prefix }));

    promise('gives back what was put, with its headers and metadata', async () => {
      const key = newKey();
      const written = await put(key, '{"a":1}', {
        ContentType: 'application/json',
        ContentEncoding: 'gzip',
        ChecksumSHA256: sha256('{"a":1}'),
        Metadata: { manifest: 'eyJ.eyJ.sig' },
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: target.encryptionKeyId,
      });

      const read = await get(key);

      expect(await read.Body?.transformToString()).toBe('{"a":1}');
      expect(read).toMatchObject({
        ETag: written.ETag,
        VersionId: written.VersionId,
        ContentType: 'application/json',
        ContentEncoding: 'gzip',
        ContentLength: 7,
        Metadata: { manifest: 'eyJ.eyJ.sig' },
        ServerSideEncryption: 'aws:kms',
      });
    });

    promise('shows by HEAD what GET would give', async () => {
      const key = newKey();
      const written = await put(key, 'content', { Metadata: { manifest: 'm' } });

      const head = await target.client.send(new HeadObjectCommand({ Bucket: target.bucket, Key: key }));

      expect(head).toMatchObject({ ETag: written.ETag, ContentLength: 7, Metadata: { manifest: 'm' } });
    });

    promise('keeps keys apart that look alike', async () => {
      const names = ['odd/a b', 'odd/a+b', 'odd/a%20b', "odd/!*'()&=?#", 'odd/äöü€😀', 'odd//..//x'];
      for (const key of names) {
        await put(key, key);
      }

      const contents = await Promise.all(names.map((key) => content(key)));
      const list = await target.client.send(
        new ListObjectsV2Command({ Bucket: target.bucket, Prefix: 'odd/' }),
      );

      expect(contents).toEqual(names);
      expect(list.Contents?.map(({ Key }) => Key)?.sort()).toEqual([...names].sort());
    });

    promise('keeps every version', async () => {
      const key = newKey();
      const first = await put(key, 'first');
      const second = await put(key, 'second');

      const list = await versionsOf(key);

      expect(list.Versions?.map(({ VersionId, IsLatest, ETag }) => ({ VersionId, IsLatest, ETag }))).toEqual([
        { VersionId: second.VersionId, IsLatest: true, ETag: second.ETag },
        { VersionId: first.VersionId, IsLatest: false, ETag: first.ETag },
      ]);
      expect(first.ETag).not.toBe(second.ETag);
      expect(await content(key)).toBe('second');
      expect(await content(key, first.VersionId)).toBe('first');
    });

    promise('loses a version that is deleted by its id, and no other', async () => {
      const key = newKey();
      const first = await put(key, 'first');
      const second = await put(key, 'second');

      await remove(key, second.VersionId);

      expect(await content(key)).toBe('first');
      expect((await versionsOf(key)).Versions?.map(({ VersionId }) => VersionId)).toEqual([first.VersionId]);
    });

    promise('lists the current objects below a prefix', async () => {
      await put('list/b', '1');
      await put('list/a', '1');
      await put('list/a', '2');
      await put('lists/other', '1');

      const list = await target.client.send(
        new ListObjectsV2Command({ Bucket: target.bucket, Prefix: 'list/' }),
      );

      expect(list.Contents?.map(({ Key }) => Key)).toEqual(['list/a', 'list/b']);
      expect(list.KeyCount).toBe(2);
    });

    promise('answers 404 for what is not there', async () => {
      const missing = { Bucket: target.bucket, Key: 'missing' };

      expect(await failure(get('missing'))).toEqual({ status: 404, code: 'NoSuchKey' });
      expect((await failure(target.client.send(new HeadObjectCommand(missing)))).status).toBe(404);
      expect(
        await failure(target.client.send(new GetObjectCommand({ Bucket: 'no-such-bucket-here', Key: 'a' }))),
      ).toEqual({ status: 404, code: 'NoSuchBucket' });
    });

    for (const [which, ChecksumSHA256, code] of [
      ['of other content', sha256('other'), 'BadDigest'],
      ['that is none', 'abc', 'InvalidRequest'],
    ] as const) {
      promise(`refuses content with a SHA-256 ${which}`, async () => {
        const key = newKey();

        const outcome = await failure(put(key, 'content', { ChecksumSHA256 }));

        expect(outcome).toEqual({ status: 400, code });
        expect(await failure(get(key))).toMatchObject({ code: 'NoSuchKey' });
      });
    }

    promise('takes 2,048 bytes of metadata', async () => {
      const key = newKey();

      const outcome = await failure(put(key, 'x', { Metadata: { manifest: 'm'.repeat(2048 - 8) } }));

      expect(outcome.code).toBe('no error');
    });

    promise('takes not a byte more metadata', async () => {
      const key = newKey();

      const outcome = await failure(put(key, 'x', { Metadata: { manifest: 'm'.repeat(2048 - 7) } }));

      expect(outcome).toEqual({ status: 400, code: 'MetadataTooLarge' });
    });

    promise('refuses a KMS key that there is not', async () => {
      const keyArn = 'arn:aws:kms:eu-central-1:000000000000:key/00000000-0000-4000-8000-000000000000';

      const outcome = await failure(
        put(newKey(), 'x', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn }),
      );

      expect(outcome).toEqual({ status: 400, code: 'KMS.NotFoundException' });
    });

    promise('creates an object only where there is none', async () => {
      const key = newKey();
      await put(key, 'first', { IfNoneMatch: '*' });

      const outcome = await failure(put(key, 'second', { IfNoneMatch: '*' }));

      expect(outcome).toEqual({ status: 412, code: 'PreconditionFailed' });
      expect(await content(key)).toBe('first');
    });

    promise('replaces an object only while it has the etag that was read', async () => {
      const key = newKey();
      const first = await put(key, 'first');
      await put(key, 'second', { IfMatch: first.ETag });

      const outcome = await failure(put(key, 'third', { IfMatch: first.ETag }));

      expect(outcome).toEqual({ status: 412, code: 'PreconditionFailed' });
      expect(await content(key)).toBe('second');
    });

    promise('has nothing to replace where there is no object', async () => {
      const outcome = await failure(put(newKey(), 'x', { IfMatch: '"0123456789abcdef0123456789abcdef"' }));

      expect(outcome).toEqual({ status: 404, code: 'NoSuchKey' });
    });

    promise('lets one of many concurrent creations win', async () => {
      const key = newKey();

      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, index) => failure(put(key, `writer ${index}`, { IfNoneMatch: '*' }))),
      );

      expect(outcomes.filter(({ code }) => code === 'no error')).toHaveLength(1);
      expect(outcomes.every(({ status }) => [200, 409, 412].includes(status ?? 0))).toBe(true);
      expect((await versionsOf(key)).Versions).toHaveLength(1);
    });

    promise('gives an object to whoever has a presigned URL', async () => {
      const key = 'presigned/a b+c(1).json';
      await put(key, 'content');

      const response = await fetch(await presignObject(target, key));

      expect(response.status).toBe(200);
      expect(await response.text()).toBe('content');
    });

    for (const [change, changed] of [
      ['for another key', (url: string) => url.replace('config.json', 'other.json')],
      ['made to live longer', (url: string) => url.replace('X-Amz-Expires=120', 'X-Amz-Expires=1200')],
      [
        'with another signature',
        (url: string) => url.replace(/X-Amz-Signature=\w+/, `X-Amz-Signature=${'0'.repeat(64)}`),
      ],
    ] as const) {
      promise(`refuses a presigned URL ${change}`, async () => {
        const key = newKey();
        await put(key, 'content');
        await put(key.replace('config.json', 'other.json'), 'other content');

        const response = await fetch(changed(await presignObject(target, key)));

        expect(response.status).toBe(403);
        expect(await response.text()).not.toContain('content');
      });
    }

    promise('names a wrong signature as the reason of its refusal', async () => {
      const key = newKey();
      await put(key, 'content');

      const response = await fetch((await presignObject(target, key)).replace('=120', '=1200'));

      expect(await response.text()).toContain('<Code>SignatureDoesNotMatch</Code>');
    });

    promise('refuses a presigned URL that has expired', async () => {
      const key = newKey();
      await put(key, 'content');

      const response = await fetch(await presignObject(target, key, new Date(Date.now() - 122_000)));

      expect(response.status).toBe(403);
      expect(await response.text()).toContain('<Code>AccessDenied</Code>');
    });

    promise('refuses a presigned URL used for another method', async () => {
      const key = newKey();
      await put(key, 'content');

      const response = await fetch(await presignObject(target, key), { method: 'DELETE' });

      expect(response.status).toBe(403);
      expect(await content(key)).toBe('content');
    });

    promise('refuses a request that is not signed', async () => {
      const key = newKey();
      await put(key, 'content');

      const response = await fetch(`${target.endpoint}/${target.bucket}/${key}`);

      expect(response.status).toBe(403);
    });

    const lockedPut = (Key: string, Body: string, more: Partial<PutObjectCommandInput> = {}) =>
      target.client.send(
        new PutObjectCommand({
          Bucket: target.lockBucket,
          Key,
          Body: Buffer.from(Body),
          ChecksumSHA256: sha256(Body),
          ObjectLockMode: 'GOVERNANCE',
          ObjectLockRetainUntilDate: new Date(Date.now() + 86_400_000),
          ...more,
        }),
      );
    const lockedRemove = (Key: string, VersionId: string | undefined) =>
      target.client.send(new DeleteObjectCommand({ Bucket: target.lockBucket, Key, VersionId }));
    const lockedContent = async (Key: string, VersionId?: string) => {
      const read = await target.client.send(
        new GetObjectCommand({ Bucket: target.lockBucket, Key, VersionId }),
      );
      return read.Body?.transformToString();
    };

    promise('keeps a locked version, whoever deletes it', async () => {
      const key = newKey();
      const { VersionId } = await lockedPut(key, 'kept');

      const outcome = await failure(lockedRemove(key, VersionId));

      expect(outcome).toEqual({ status: 403, code: 'AccessDenied' });
      expect(await lockedContent(key, VersionId)).toBe('kept');
    });

    promise('says until when a version is locked', async () => {
      const key = newKey();
      const until = new Date('2100-01-01T00:00:00.000Z');
      const { VersionId } = await lockedPut(key, 'kept', { ObjectLockRetainUntilDate: until });

      const { Retention } = await target.client.send(
        new GetObjectRetentionCommand({ Bucket: target.lockBucket, Key: key, VersionId }),
      );

      expect(Retention).toEqual({ Mode: 'GOVERNANCE', RetainUntilDate: until });
    });

    promise(
      'lets a version be replaced that is locked, and locks none that does not ask for it',
      async () => {
        const key = newKey();
        const first = await lockedPut(key, 'first');
        const second = await target.client.send(
          new PutObjectCommand({ Bucket: target.lockBucket, Key: key, Body: 'second' }),
        );

        await lockedRemove(key, second.VersionId);

        expect(await lockedContent(key)).toBe('first');
        expect(await failure(lockedRemove(key, first.VersionId))).toMatchObject({ status: 403 });
      },
    );

    promise('loses a version whose lock has ended', async () => {
      const key = newKey();
      // Whole seconds, for an S3 that counts no others.
      const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 4000);
      const { VersionId } = await lockedPut(key, 'gone', { ObjectLockRetainUntilDate: until });

      const early = await failure(lockedRemove(key, VersionId));
      await delay(until.getTime() - Date.now() + 100);
      await lockedRemove(key, VersionId);

      expect(early).toMatchObject({ status: 403 });
      expect(await failure(lockedContent(key))).toMatchObject({ status: 404 });
    });

    promise('refuses a lock that has ended already', async () => {
      const past = new Date(Date.now() - 60_000);

      const outcome = await failure(lockedPut(newKey(), 'x', { ObjectLockRetainUntilDate: past }));

      expect(outcome).toEqual({ status: 400, code: 'InvalidArgument' });
    });

    promise('refuses a lock without its end', async () => {
      const outcome = await failure(lockedPut(newKey(), 'x', { ObjectLockRetainUntilDate: undefined }));

      expect(outcome).toEqual({ status: 400, code: 'InvalidArgument' });
    });

    promise('refuses a lock on content that nothing vouches for', async () => {
      const outcome = await failure(lockedPut(newKey(), 'x', { ChecksumSHA256: undefined }));

      expect(outcome).toEqual({ status: 400, code: 'InvalidRequest' });
    });

    promise('refuses a lock in a bucket that has none', async () => {
      const outcome = await failure(lockedPut(newKey(), 'x', { Bucket: target.bucket }));

      expect(outcome).toEqual({ status: 400, code: 'InvalidRequest' });
    });

    it('has only promises of this suite among its deviations', () => {
      expect([...titles]).toEqual(expect.arrayContaining(Object.keys(deviations)));
    });
  });
}
