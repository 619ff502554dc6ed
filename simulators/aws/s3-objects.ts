/** S3's operations on objects and versions. */
import { createHash } from 'node:crypto';
import { XMLBuilder } from 'fast-xml-parser';
import type {
  ObjectLock,
  ObjectProperties,
  ObjectStore,
  ObjectVersion,
  StoredObject,
} from './object-store.ts';
import { queryValue, type ReceivedRequest } from './received-request.ts';
import { lockMode, lockUntil, metadataPrefix, sse } from './s3-requests.ts';
import { notImplemented, type Reply, ServiceError } from './signed-server.ts';
import type { WriteGate } from './write-gate.ts';

export interface Bucket {
  readonly name: string;
  readonly defaultKeyId: string;
  readonly objectLock: boolean;
  readonly objects: ObjectStore;
}

/** S3 User Guide, "Creating object key names" and "User-defined object metadata". */
const mostKeyBytes = 1024;
const mostMetadataBytes = 2048;
/** A page of a list. Lifeboat has a handful of keys, so there is no second page. */
const mostListed = 1000;
const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

const xmlBuilder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@' });

export const xmlReply = (status: number, document: object): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: xmlBuilder.build({ '?xml': { '@version': '1.0', '@encoding': 'UTF-8' }, ...document }),
});

const noSuchKey = (headers?: Readonly<Record<string, string>>) =>
  new ServiceError(404, 'NoSuchKey', 'The specified key does not exist.', headers);

const quoteEtag = (etag: string) => `"${etag}"`;

/** Throws where the bytes that came are not the bytes that were sent. */
function checkIntegrity({ headers, body }: ReceivedRequest): void {
  const contentMd5 = headers.get('content-md5');
  if (contentMd5 !== undefined) {
    if (Buffer.from(contentMd5, 'base64').length !== 16) {
      throw new ServiceError(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.');
    }
    if (createHash('md5').update(body).digest('base64') !== contentMd5) {
      throw new ServiceError(
        400,
        'BadDigest',
        'The Content-MD5 you specified did not match what we received.',
      );
    }
  }
  const algorithm = headers.get('x-amz-sdk-checksum-algorithm');
  if (algorithm !== undefined && algorithm !== 'SHA256') {
    throw notImplemented(`${algorithm} checksums: set requestChecksumCalculation to WHEN_REQUIRED`);
  }
  const sha256 = headers.get('x-amz-checksum-sha256');
  if (sha256 !== undefined) {
    if (!/^[A-Za-z0-9+/]{43}=$/.test(sha256)) {
      throw new ServiceError(400, 'InvalidRequest', 'Value for x-amz-checksum-sha256 header is invalid.');
    }
    if (createHash('sha256').update(body).digest('base64') !== sha256) {
      throw new ServiceError(
        400,
        'BadDigest',
        'The SHA256 you specified did not match the calculated checksum.',
      );
    }
  }
}

function metadataOf({ headers }: ReceivedRequest): Record<string, string> {
  const metadata = [...headers]
    .filter(([name]) => name.startsWith(metadataPrefix))
    .map(([name, value]) => [name.slice(metadataPrefix.length), value] as const);
  const sizeBytes = metadata.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (sizeBytes > mostMetadataBytes) {
    throw new ServiceError(
      400,
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
    );
  }
  return Object.fromEntries(metadata);
}

/** S3 API Reference, PutObject, "x-amz-object-lock-*". */
function lockOf({ headers }: ReceivedRequest, bucket: Bucket, now: Date): ObjectLock | undefined {
  const [mode, until] = [headers.get(lockMode), headers.get(lockUntil)];
  if (mode === undefined && until === undefined) {
    return undefined;
  }
  if (!bucket.objectLock) {
    throw new ServiceError(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration');
  }
  if (until === undefined || (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE')) {
    throw new ServiceError(400, 'InvalidArgument', `${lockMode} and ${lockUntil} must both be supplied`);
  }
  if (!(Date.parse(until) > now.getTime())) {
    throw new ServiceError(400, 'InvalidArgument', 'The retain until date must be in the future!');
  }
  if (!headers.has('content-md5') && !headers.has('x-amz-checksum-sha256')) {
    throw new ServiceError(
      400,
      'InvalidRequest',
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    );
  }
  return { mode, retainUntil: new Date(until).toISOString() };
}

function propertiesOf(request: ReceivedRequest, bucket: Bucket, now: Date): ObjectProperties {
  const contentEncoding = request.headers.get('content-encoding');
  if (contentEncoding?.includes('aws-chunked')) {
    throw notImplemented('aws-chunked bodies: send a Buffer, not a stream');
  }
  const checksumSha256 = request.headers.get('x-amz-checksum-sha256');
  const lock = lockOf(request, bucket, now);
  return {
    contentType: request.headers.get('content-type') ?? 'binary/octet-stream',
    ...(contentEncoding !== undefined && { contentEncoding }),
    metadata: metadataOf(request),
    ...(checksumSha256 !== undefined && { checksumSha256 }),
    ...(lock !== undefined && { lock }),
  };
}

function encryptionKeyOf({ headers }: ReceivedRequest, bucket: Bucket): string {
  const algorithm = headers.get(sse);
  const keyId = headers.get(`${sse}-aws-kms-key-id`);
  if (algorithm !== undefined && algorithm !== 'aws:kms') {
    throw notImplemented(`${sse}: ${algorithm}`);
  }
  if (headers.get(`${sse}-bucket-key-enabled`) === 'false') {
    throw notImplemented('SSE-KMS without a bucket key');
  }
  if (algorithm === undefined && keyId !== undefined) {
    throw new ServiceError(400, 'InvalidArgument', `${sse}-aws-kms-key-id needs ${sse}: aws:kms`);
  }
  return keyId ?? bucket.defaultKeyId;
}

/** Runs what calls KMS; its errors show under S3's names for them. */
function withKmsErrors<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof ServiceError ? new ServiceError(400, `KMS.${error.code}`, error.message) : error;
  }
}

/** Throws where the object is not in the state that the writer expects. */
function checkCondition({ headers }: ReceivedRequest, current: ObjectVersion | undefined): void {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  if (ifNoneMatch !== undefined && (ifNoneMatch !== '*' || ifMatch !== undefined)) {
    throw notImplemented('If-None-Match other than "*", or together with If-Match');
  }
  const etag = current?.object?.etag;
  if (ifMatch !== undefined && etag === undefined) {
    throw noSuchKey();
  }
  if (
    (ifMatch !== undefined && ifMatch !== etag && ifMatch !== quoteEtag(etag ?? '')) ||
    (ifNoneMatch !== undefined && etag !== undefined)
  ) {
    throw new ServiceError(
      412,
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
    );
  }
}

/** The version that a read asks for. */
function findVersion({ objects }: Bucket, key: string, request: ReceivedRequest) {
  const versionId = queryValue(request, 'versionId');
  const version =
    versionId === undefined
      ? objects.current(key)
      : objects.versions(key).find((candidate) => candidate.versionId === versionId);
  if (version === undefined) {
    throw versionId === undefined
      ? noSuchKey()
      : new ServiceError(404, 'NoSuchVersion', 'The specified version does not exist.');
  }
  const { object } = version;
  if (object === undefined) {
    const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': version.versionId };
    throw versionId === undefined
      ? noSuchKey(headers)
      : new ServiceError(405, 'MethodNotAllowed', 'The specified version is a delete marker.', headers);
  }
  return { version, object };
}

/** Headers that writes and reads both answer. */
const storedHeaders = ({ versionId }: ObjectVersion, { etag, keyArn }: StoredObject) => ({
  etag: quoteEtag(etag),
  'x-amz-version-id': versionId,
  [sse]: 'aws:kms',
  [`${sse}-aws-kms-key-id`]: keyArn,
  [`${sse}-bucket-key-enabled`]: 'true',
});

const checksumHeader = ({ checksumSha256 }: Pick<StoredObject, 'checksumSha256'>) =>
  checksumSha256 === undefined
    ? {}
    : { 'x-amz-checksum-sha256': checksumSha256, 'x-amz-checksum-type': 'FULL_OBJECT' };

function readHeaders(version: ObjectVersion, object: StoredObject, { headers }: ReceivedRequest) {
  return {
    ...storedHeaders(version, object),
    'last-modified': new Date(version.lastModified).toUTCString(),
    'content-type': object.contentType,
    ...(object.contentEncoding !== undefined && { 'content-encoding': object.contentEncoding }),
    ...(headers.get('x-amz-checksum-mode') === 'ENABLED' && checksumHeader(object)),
    ...Object.fromEntries(
      Object.entries(object.metadata).map(([name, value]) => [`${metadataPrefix}${name}`, value]),
    ),
  };
}

function requireOnePage<T>(items: readonly T[]): readonly T[] {
  if (items.length > mostListed) {
    throw notImplemented(`lists of more than ${mostListed} entries`);
  }
  return items;
}

interface ObjectCall {
  readonly bucket: Bucket;
  readonly key: string;
  readonly request: ReceivedRequest;
}

const putObject =
  (gate: WriteGate, now: () => Date) =>
  async ({ bucket, key, request }: ObjectCall) => {
    if (Buffer.byteLength(key) > mostKeyBytes) {
      throw new ServiceError(400, 'KeyTooLongError', 'Your key is too long');
    }
    if (!request.headers.has('content-length')) {
      throw new ServiceError(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.');
    }
    checkIntegrity(request);
    const properties = propertiesOf(request, bucket, now());
    const keyId = encryptionKeyOf(request, bucket);
    const condition = {
      given: request.headers.has('if-match') || request.headers.has('if-none-match'),
      check: () => checkCondition(request, bucket.objects.current(key)),
      version: () => bucket.objects.current(key)?.versionId,
    };
    const version = await gate.pass(bucket.name, key, condition, () =>
      withKmsErrors(() => bucket.objects.put(key, request.body, keyId, properties)),
    );
    return {
      status: 200,
      headers: {
        ...(version.object !== undefined && storedHeaders(version, version.object)),
        ...checksumHeader(properties),
      },
    };
  };

function getObject({ bucket, key, request }: ObjectCall): Reply {
  const { version, object } = findVersion(bucket, key, request);
  const body = withKmsErrors(() => bucket.objects.read(version, object));
  return { status: 200, headers: readHeaders(version, object, request), body };
}

function headObject({ bucket, key, request }: ObjectCall): Reply {
  const { version, object } = findVersion(bucket, key, request);
  const headers = { ...readHeaders(version, object, request), 'content-length': String(object.sizeBytes) };
  return { status: 200, headers };
}

function getObjectRetention({ bucket, key, request }: ObjectCall): Reply {
  const { lock } = findVersion(bucket, key, request).object;
  if (lock === undefined) {
    throw new ServiceError(
      404,
      'NoSuchObjectLockConfiguration',
      'The specified object does not have a ObjectLock configuration',
    );
  }
  return xmlReply(200, {
    Retention: { '@xmlns': namespace, Mode: lock.mode, RetainUntilDate: lock.retainUntil },
  });
}

const deleteObject =
  (now: () => Date) =>
  ({ bucket: { objects }, key, request }: ObjectCall): Reply => {
    const versionId = queryValue(request, 'versionId');
    if (versionId === undefined) {
      const marker = objects.putDeleteMarker(key);
      return {
        status: 204,
        headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker.versionId },
      };
    }
    const version = objects.versions(key).find((candidate) => candidate.versionId === versionId);
    const retainUntil = version?.object?.lock?.retainUntil;
    // Bypassing GOVERNANCE takes a header, which is refused here: no role of Lifeboat may do it.
    if (retainUntil !== undefined && Date.parse(retainUntil) > now().getTime()) {
      throw new ServiceError(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
    }
    if (version !== undefined) {
      objects.deleteVersion(version);
    }
    const wasMarker = version !== undefined && version.object === undefined;
    return {
      status: 204,
      headers: { 'x-amz-version-id': versionId, ...(wasMarker && { 'x-amz-delete-marker': 'true' }) },
    };
  };

function listObjectVersions({ bucket, request }: ObjectCall): Reply {
  const prefix = queryValue(request, 'prefix') ?? '';
  const entries = bucket.objects.keys(prefix).flatMap((key) =>
    bucket.objects.versions(key).map((version, index) => ({
      Key: key,
      VersionId: version.versionId,
      IsLatest: index === 0,
      LastModified: version.lastModified,
      object: version.object,
    })),
  );
  const shown = requireOnePage(entries);
  return xmlReply(200, {
    ListVersionsResult: {
      '@xmlns': namespace,
      Name: bucket.name,
      Prefix: prefix,
      MaxKeys: mostListed,
      IsTruncated: false,
      Version: shown.flatMap(({ object, ...entry }) =>
        object === undefined
          ? []
          : [{ ...entry, ETag: quoteEtag(object.etag), Size: object.sizeBytes, StorageClass: 'STANDARD' }],
      ),
      DeleteMarker: shown.flatMap(({ object, ...entry }) => (object === undefined ? [entry] : [])),
    },
  });
}

function listObjectsV2({ bucket, request }: ObjectCall): Reply {
  if (queryValue(request, 'list-type') !== '2') {
    throw notImplemented('list-type other than 2');
  }
  const prefix = queryValue(request, 'prefix') ?? '';
  const contents = bucket.objects.keys(prefix).flatMap((key) => {
    const version = bucket.objects.current(key);
    return version?.object === undefined
      ? []
      : [
          {
            Key: key,
            LastModified: version.lastModified,
            ETag: quoteEtag(version.object.etag),
            Size: version.object.sizeBytes,
            StorageClass: 'STANDARD',
          },
        ];
  });
  return xmlReply(200, {
    ListBucketResult: {
      '@xmlns': namespace,
      Name: bucket.name,
      Prefix: prefix,
      KeyCount: requireOnePage(contents).length,
      MaxKeys: mostListed,
      IsTruncated: false,
      Contents: contents,
    },
  });
}

/** By their names in the API. */
export const objectOperations = (
  gate: WriteGate,
  now: () => Date,
): Readonly<Record<string, (call: ObjectCall) => Reply | Promise<Reply>>> => ({
  PutObject: putObject(gate, now),
  GetObject: getObject,
  HeadObject: headObject,
  GetObjectRetention: getObjectRetention,
  DeleteObject: deleteObject(now),
  ListObjectVersions: listObjectVersions,
  ListObjectsV2: listObjectsV2,
});
