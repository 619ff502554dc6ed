import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  GetBucketVersioningCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { callsWithin, describeCallFailure, endWith } from '../aws-calls.ts';
import type { Clock } from '../clock.ts';
import { configFileKey, statusKey } from './config-file-name.ts';
import type { ConfigVault, NewRevision, Revision } from './config-vault.ts';
import { RevisionConflict, VaultError } from './errors.ts';
import { largestStatusBytes } from './status.ts';

export interface S3ConfigVaultOptions {
  readonly s3: Pick<S3Client, 'send'>;
  readonly bucket: string;
  /** The key that everything new in the bucket is encrypted with. */
  readonly encryptionKeyArn: string;
  /**
   * For how many days each published version is locked (Object Lock, governance; the bucket must have it
   * then), 0 for not at all. The status, which is written after each check, is never locked.
   * @default not at all
   */
  readonly lock?: { readonly days: number; readonly clock: Clock } | undefined;
}

/**
 * The vault in a versioned S3 bucket. The manifest travels in the object's metadata, so that the two never
 * part.
 *
 * @param signal ends each call @default the client's own limits end it
 */
export function s3ConfigVault(settings: S3ConfigVaultOptions, signal?: AbortSignal): ConfigVault {
  const options = { ...settings, s3: callsWithin(settings.s3, signal) };
  const { s3, bucket } = options;
  return {
    within: (other) => s3ConfigVault(settings, other),
    current: (name) => readVersion(options, configFileKey(name), undefined),
    version: (name, versionId) => readVersion(options, configFileKey(name), versionId),
    versionIds: (name, limit) => listVersionIds(options, configFileKey(name), limit),
    publish: (name, revision) => putRevision(options, configFileKey(name), revision),

    async content(name, versionId) {
      const key = configFileKey(name);
      try {
        const { Body } = await s3.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }),
        );
        // What is on its way when the signal aborts is not only cut, but also no longer waited for.
        return (await endWith(readBytes(Body), signal)) ?? new Uint8Array();
      } catch (error) {
        throw vaultError(error, 'reading', key);
      }
    },

    async status(controlPlane) {
      const key = statusKey(controlPlane);
      try {
        const { Body, ETag, ContentLength } = await s3.send(
          new GetObjectCommand({ Bucket: bucket, Key: key }),
        );
        if (ContentLength !== undefined && ContentLength > largestStatusBytes) {
          // What somebody else put there may be of any size, and must not take the export's memory.
          leave(Body);
          return { etag: ETag ?? '', text: '' };
        }
        return { etag: ETag ?? '', text: (await endWith(readText(Body), signal)) ?? '' };
      } catch (error) {
        if (await isMissing(options, error, key)) {
          return undefined;
        }
        const lost = await findUnderLostKey(options, error, key);
        if (lost !== undefined) {
          return { etag: lost, text: undefined };
        }
        throw vaultError(error, 'reading', key);
      }
    },

    async putStatus(controlPlane, text, replaces) {
      const key = statusKey(controlPlane);
      const object = { ...describeObject(options, key, Buffer.from(text)), ContentType: 'application/jose' };
      try {
        const { VersionId } = await s3.send(new PutObjectCommand({ ...object, ...onlyIfCurrent(replaces) }));
        return isKeptVersion(VersionId);
      } catch (error) {
        throw putError(error, key, replaces);
      }
    },
  };
}

const contentEncoding = 'gzip';

/** The condition of a PUT that must replace what was read, or nothing. */
function onlyIfCurrent(replaces: string | undefined) {
  return replaces === undefined ? { IfNoneMatch: '*' } : { IfMatch: replaces };
}

/**
 * 412: another etag is current. 409: another conditional write was under way. 404: what we replace is gone
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
 */
function putError(error: unknown, key: string, replaces: string | undefined): VaultError {
  return isStatus(error, 412) || isStatus(error, 409) || (replaces !== undefined && isStatus(error, 404))
    ? new RevisionConflict(key, { cause: error })
    : vaultError(error, 'writing', key);
}

type Body = GetObjectCommandOutput['Body'];
const readBytes = async (body: Body) => body?.transformToByteArray();
const readText = async (body: Body) => body?.transformToString();

/** Ends an answer that nobody reads to its end. */
function leave(body: Body): void {
  if (body instanceof Readable) {
    body.destroy();
  }
}

/** @param versionId the current version where it is undefined */
async function readVersion(
  options: S3ConfigVaultOptions,
  key: string,
  versionId: string | undefined,
): Promise<Revision | undefined> {
  const { bucket } = options;
  try {
    const head = await headObject(options, key, versionId);
    if (head.ETag === undefined) {
      throw new VaultError('unavailable', `S3 answered HEAD ${key} without an etag`);
    }
    if (head.VersionId === undefined) {
      throw notVersioned(bucket, `${key} has no version`);
    }
    return {
      etag: head.ETag,
      versionId: head.VersionId,
      manifest: head.Metadata?.['manifest'],
      storedSha256: readStoredSha256(head),
      storedBytes: head.ContentLength,
      isUnderCurrentKey: isUnderKey(head, options.encryptionKeyArn),
      isServedAsPublished: isServedAsPublished(head),
    };
  } catch (error) {
    if (await isMissing(options, error, key)) {
      return undefined;
    }
    throw vaultError(error, 'reading', key);
  }
}

/**
 * With the object's checksum, which S3 says only to who may decrypt the object
 * (docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, "x-amz-checksum-mode"). Under a key of
 * earlier that may not be used any more, or is disabled, the object is still there to be replaced: without
 * its checksum S3 says what it is.
 */
async function headObject(
  { s3, bucket, encryptionKeyArn }: S3ConfigVaultOptions,
  key: string,
  versionId: string | undefined,
): Promise<HeadObjectCommandOutput> {
  const object = { Bucket: bucket, Key: key, VersionId: versionId };
  try {
    return await s3.send(new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' }));
  } catch (error) {
    // The answer to a HEAD has no body, and so no word of why.
    if (!isStatus(error, 403) && !isStatus(error, 400)) {
      throw error;
    }
    const head = await s3.send(new HeadObjectCommand(object));
    if (isUnderKey(head, encryptionKeyArn)) {
      throw error;
    }
    return head;
  }
}

/**
 * Finds an object that cannot be read because the key that it is under, one of earlier, may not be used any
 * more. Nothing but a new object in its place mends that.
 *
 * @returns its etag; undefined where it cannot be read for another reason
 */
async function findUnderLostKey(
  { s3, bucket, encryptionKeyArn }: S3ConfigVaultOptions,
  error: unknown,
  key: string,
): Promise<string | undefined> {
  if (!isRefusal(error)) {
    return undefined;
  }
  try {
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return isUnderKey(head, encryptionKeyArn) ? undefined : head.ETag;
  } catch {
    // The reader's first error tells more.
    return undefined;
  }
}

function isUnderKey(head: HeadObjectCommandOutput, keyArn: string): boolean {
  // An S3 that says nothing of encryption says nothing against this key.
  return head.ServerSideEncryption === undefined || head.SSEKMSKeyId === keyArn;
}

/**
 * Whoever may write can store the very bytes, with our manifest, so that no data plane gets them: without the
 * word that they are gzip, or in an archive, from which a GET is refused (S3 User Guide, "Working with
 * archived objects").
 */
function isServedAsPublished({ ContentEncoding, StorageClass, ArchiveStatus }: HeadObjectCommandOutput) {
  return (
    ContentEncoding === contentEncoding &&
    StorageClass !== 'GLACIER' &&
    StorageClass !== 'DEEP_ARCHIVE' &&
    ArchiveStatus === undefined
  );
}

/** The checksum of an upload in parts is one of its parts' checksums, which no file can be compared with. */
function readStoredSha256(head: HeadObjectCommandOutput): string | undefined {
  const { ChecksumSHA256, ChecksumType } = head;
  return ChecksumSHA256 === undefined || ChecksumType === 'COMPOSITE' || ChecksumSHA256.includes('-')
    ? undefined
    : Buffer.from(ChecksumSHA256, 'base64').toString('hex');
}

/** S3 lists the versions of a key from the newest to the oldest. */
async function listVersionIds(
  { s3, bucket }: S3ConfigVaultOptions,
  key: string,
  limit: number,
): Promise<readonly string[]> {
  try {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }));
    return Versions.flatMap(({ Key, VersionId }) =>
      Key === key && VersionId !== undefined ? [VersionId] : [],
    ).slice(0, limit);
  } catch (error) {
    throw vaultError(error, 'listing the versions of', key);
  }
}

async function putRevision(
  options: S3ConfigVaultOptions,
  key: string,
  { gzip, manifest, replaces }: NewRevision,
): Promise<string> {
  const { s3, bucket, lock } = options;
  try {
    await requireVersioning(options);
    const { VersionId } = await s3.send(
      new PutObjectCommand({
        ...describeObject(options, key, gzip),
        ContentEncoding: contentEncoding,
        Metadata: { manifest },
        ...retention(lock),
        ...onlyIfCurrent(replaces),
      }),
    );
    if (!isKeptVersion(VersionId)) {
      throw notVersioned(bucket, 'the new version has no id');
    }
    return VersionId;
  } catch (error) {
    throw putError(error, key, replaces);
  }
}

/**
 * Asked before each write: where versioning is suspended S3 writes over the version "null", and a HEAD only
 * says what it was when the object was written (S3 User Guide, "Working with objects in a
 * versioning-suspended bucket").
 */
async function requireVersioning({ s3, bucket }: S3ConfigVaultOptions): Promise<void> {
  const { Status } = await s3.send(new GetBucketVersioningCommand({ Bucket: bucket }));
  if (Status !== 'Enabled') {
    throw notVersioned(bucket, `its versioning is ${Status === 'Suspended' ? 'suspended' : 'off'}`);
  }
}

/**
 * Whether the next write will leave this version: S3 gives each one an id, and where versioning is suspended
 * all of them the same one (S3 User Guide, "Adding objects to versioning-suspended buckets").
 */
function isKeptVersion(versionId: string | undefined): versionId is string {
  return versionId !== undefined && versionId !== 'null';
}

function notVersioned(bucket: string, why: string): VaultError {
  return new VaultError(
    'not-versioned',
    `bucket ${bucket} keeps no versions (${why}), so that a write would destroy what is there: turn versioning on`,
  );
}

function describeObject({ bucket, encryptionKeyArn }: S3ConfigVaultOptions, key: string, body: Uint8Array) {
  return {
    Bucket: bucket,
    Key: key,
    Body: body,
    ContentType: 'application/json',
    ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
    // Named in each request, so that the bucket policy can refuse what is not encrypted with our key.
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: encryptionKeyArn,
    BucketKeyEnabled: true,
  } as const;
}

/**
 * Whether an object that could not be read is not there. AWS answers 404 where the reader may list. Where the
 * reader may list one prefix only, some S3s answer 403 (Ceph does), and then the list itself tells.
 */
async function isMissing(
  { s3, bucket }: Pick<S3ConfigVaultOptions, 's3' | 'bucket'>,
  error: unknown,
  key: string,
): Promise<boolean> {
  if (!isStatus(error, 403)) {
    return isStatus(error, 404);
  }
  try {
    const { KeyCount } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key }));
    return KeyCount === 0;
  } catch (listError) {
    if (isStatus(listError, 403)) {
      return false;
    }
    throw vaultError(listError, 'reading', key);
  }
}

const dayMs = 24 * 60 * 60 * 1000;

function retention(lock: S3ConfigVaultOptions['lock']) {
  return lock === undefined || lock.days === 0
    ? {}
    : ({
        ObjectLockMode: 'GOVERNANCE',
        ObjectLockRetainUntilDate: new Date(lock.clock.now().getTime() + lock.days * dayMs),
      } as const);
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}

/**
 * S3 says 403 where a policy refuses, and 400 with KMS's own word where a key is disabled, gone or about to
 * be deleted.
 */
function isRefusal(error: unknown): boolean {
  return isStatus(error, 403) || (error instanceof S3ServiceException && unusableKey.test(error.name));
}

const unusableKey = /^KMS\.(AccessDenied|Disabled|NotFound|KMSInvalidState)/;

function vaultError(
  error: unknown,
  doing: 'reading' | 'writing' | 'listing the versions of',
  key: string,
): VaultError {
  if (error instanceof VaultError) {
    return error;
  }
  const why = describeCallFailure(error);
  if (isRefusal(error)) {
    return new VaultError(
      'denied',
      `S3 refused ${doing} ${key} (${why}): check the role’s policy, the bucket policy and the encryption key’s policy, and that the key is enabled`,
      { cause: error },
    );
  }
  return new VaultError('unavailable', `${doing} ${key} in S3 failed (${why})`, { cause: error });
}
