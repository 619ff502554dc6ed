/**
 * The part of S3 that Lifeboat uses: one versioned bucket after the other, conditional writes, SSE-KMS.
 * Behaviour: Amazon S3 API Reference and User Guide ("Conditional requests", "Working with object metadata",
 * "Checking object integrity").
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { type DataKeys, ObjectStore } from './object-store.ts';
import { writePrivateFile } from './private-files.ts';
import { accessesOf } from './s3-access.ts';
import { type Bucket, objectOperations, xmlReply } from './s3-objects.ts';
import { locate, operationOf, signatureError } from './s3-requests.ts';
import {
  type Operation,
  type RunningService,
  type ServiceContext,
  ServiceError,
  startSignedServer,
} from './signed-server.ts';
import { type HeldWrite, writeGate } from './write-gate.ts';

export interface BucketOptions {
  /** KMS key for objects that name none; its id or ARN. */
  readonly defaultKeyId: string;
  /** Whether versions can be locked. @default false */
  readonly objectLock?: boolean | undefined;
}

export interface LocalS3 extends RunningService {
  /** Makes a bucket with versioning, or sets the default key of one that is there from an earlier start. */
  createBucket(name: string, options: BucketOptions): void;
  /** What an administrator sets; lasts until the next start. */
  setVersioning(bucket: string, versioning: Bucket['versioning']): void;
  /** Makes the next write to a key wait behind the check of its condition, for tests of conflicts. */
  holdNextWrite(bucket: string, key: string): HeldWrite;
}

const storedBucket = v.strictObject({ defaultKeyId: v.string(), objectLock: v.optional(v.boolean(), false) });

/** The buckets below a directory, one directory each. */
function bucketStore(directory: string, dataKeys: DataKeys, now: () => Date) {
  const buckets = new Map<string, Bucket>();

  function open(name: string, { defaultKeyId, objectLock = false }: BucketOptions): void {
    const objects =
      buckets.get(name)?.objects ??
      new ObjectStore(join(directory, name, 'objects'), `arn:aws:s3:::${name}`, dataKeys, now);
    buckets.set(name, { name, defaultKeyId, objectLock, versioning: 'Enabled', objects });
  }

  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const description: unknown = JSON.parse(readFileSync(join(directory, name, 'bucket.json'), 'utf8'));
    open(name, v.parse(storedBucket, description));
  }

  return {
    create(name: string, { defaultKeyId, objectLock = false }: BucketOptions): void {
      writePrivateFile(join(directory, name, 'bucket.json'), JSON.stringify({ defaultKeyId, objectLock }));
      open(name, { defaultKeyId, objectLock });
    },
    lookUp: (name: string): Bucket | undefined => buckets.get(name),
    find(name: string): Bucket {
      const bucket = buckets.get(name);
      if (bucket === undefined) {
        throw new ServiceError(404, 'NoSuchBucket', 'The specified bucket does not exist');
      }
      return bucket;
    },
  };
}

/** Starts an S3 that keeps its objects below `dataDirectory`, encrypted under keys of `dataKeys`. */
export async function startLocalS3(
  dataDirectory: string,
  dataKeys: DataKeys,
  context: ServiceContext,
): Promise<LocalS3> {
  const buckets = bucketStore(join(dataDirectory, 's3'), dataKeys, context.now);
  const gate = writeGate();
  const operations = Object.entries(objectOperations(gate, context.now)).map(
    ([name, run]): [string, Operation] => [
      name,
      ({ request }) => {
        const { bucket, key } = locate(request.path);
        return run({ bucket: buckets.find(bucket), key, request });
      },
    ],
  );

  const service = await startSignedServer(
    {
      service: 's3',
      operationOf,
      operations: new Map(operations),
      accessesOf: (operation, request) => accessesOf(operation, request, buckets.lookUp, context),
      accessDenied: (reason) => new ServiceError(403, 'AccessDenied', reason),
      signatureError,
      errorReply: ({ status, code, message }) =>
        xmlReply(status, { Error: { Code: code, Message: message } }),
    },
    context,
  );
  return {
    ...service,
    createBucket: buckets.create,
    setVersioning(bucket, versioning) {
      buckets.find(bucket).versioning = versioning;
    },
    holdNextWrite: gate.holdNext,
  };
}
