import { createHash } from 'node:crypto';
import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { type CallWorld, makeCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import type { CallName } from '../faults.ts';
import type { Bucket } from '../world/bucket.ts';

interface Input {
  readonly Key: string;
  readonly Prefix?: string;
  readonly VersionId?: string;
  readonly Body?: Uint8Array;
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly ContentEncoding?: string;
  readonly ChecksumMode?: string;
  readonly SSEKMSKeyId?: string;
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

type Perform = (bucket: Bucket, input: Input) => unknown;

/** S3, for what the shipped vault asks of it. */
export function simulatedS3(world: CallWorld, machine: Machine, bucket: Bucket): S3Client {
  return {
    send(command: { readonly input: Input }, options?: { readonly abortSignal?: AbortSignal }) {
      const operation = command.constructor.name.replace(/Command$/, '');
      const perform = operations[operation];
      if (perform === undefined) {
        throw new TypeError(`S3's ${operation} is not simulated`);
      }
      return makeCall(world, machine, {
        name: nameCall(operation, command.input.Key),
        perform: () => perform(bucket, command.input),
        fail: (how) => (how === 'throttled' ? s3Error('SlowDown', 503) : s3Error('InternalError', 500)),
        signal: options?.abortSignal,
      });
    },
  } as unknown as S3Client;
}

function nameCall(operation: string, key = ''): CallName {
  if (
    operation === 'HeadObject' ||
    operation === 'ListObjectVersions' ||
    operation === 'GetBucketVersioning'
  ) {
    return `s3.${operation}`;
  }
  const of = key.startsWith('status/') ? 'a status' : 'a file';
  return `s3.${operation} of ${of}` as CallName;
}

const operations: Readonly<Record<string, Perform>> = {
  GetBucketVersioning: (bucket) => ({ Status: bucket.isVersioned ? 'Enabled' : 'Suspended' }),
  ListObjectVersions(bucket, { Prefix = '' }) {
    const versions = bucket.versions(Prefix).filter(({ isDeleteMarker }) => !isDeleteMarker);
    return { Versions: versions.map(({ versionId }) => ({ Key: Prefix, VersionId: versionId })).reverse() };
  },
  HeadObject(bucket, { Key, VersionId, ChecksumMode }) {
    const found = VersionId === undefined ? bucket.current(Key) : bucket.version(Key, VersionId);
    const { etag, versionId, metadata, body, keyArn, contentEncoding } = found ?? notFound();
    return {
      ETag: etag,
      VersionId: versionId,
      Metadata: metadata,
      ContentLength: body.length,
      ContentEncoding: contentEncoding,
      ...(keyArn !== undefined && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn }),
      ...(ChecksumMode === 'ENABLED' && {
        ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
        ChecksumType: 'FULL_OBJECT',
      }),
    };
  },
  GetObject(bucket, { Key, VersionId }) {
    const found = VersionId === undefined ? bucket.current(Key) : bucket.version(Key, VersionId);
    const { body, etag, versionId, metadata } = found ?? notFound();
    return {
      ETag: etag,
      VersionId: versionId,
      Metadata: metadata,
      Body: {
        transformToByteArray: async () => body,
        transformToString: async () => Buffer.from(body).toString('utf8'),
      },
    };
  },
  PutObject(bucket, { Key, Body = new Uint8Array(), Metadata = {}, ...input }) {
    const { ContentEncoding, SSEKMSKeyId, IfMatch, IfNoneMatch } = input;
    const answer = bucket.put(Key, {
      body: Body,
      metadata: Metadata,
      contentEncoding: ContentEncoding,
      keyArn: SSEKMSKeyId,
      ifMatch: IfNoneMatch === undefined ? IfMatch : 'none',
    });
    if (answer.status !== 200) {
      throw s3Error(answer.status === 404 ? 'NoSuchKey' : 'PreconditionFailed', answer.status);
    }
    return { ETag: answer.etag, VersionId: answer.versionId };
  },
};

function notFound(): never {
  throw s3Error('NoSuchKey', 404);
}

function s3Error(name: string, status: number): S3ServiceException {
  return new S3ServiceException({
    name,
    message: name,
    $fault: status >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: status },
  });
}
