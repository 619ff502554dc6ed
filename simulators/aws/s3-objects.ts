/** S3's operations on objects and versions. */
import { createHash } from 'node:crypto';
import { XMLBuilder } from 'fast-xml-parser';
import type { ObjectProperties, ObjectStore, ObjectVersion } from './object-store.ts';
import { queryValue, type ReceivedRequest } from './received-request.ts';
import { lockMode, lockUntil, metadataPrefix, sse } from './s3-requests.ts';
import { notImplemented, type Reply, ServiceError } from './signed-server.ts';
import type { WriteGate } from './write-gate.ts';

export interface Bucket {
  readonly name: string;
  readonly defaultKeyId: string;
  readonly objectLock: boolean;
  /** While it is suspended nothing is written here: what S3 would do is to overwrite. */
  versioning: 'Enabled' | 'Suspended';
  readonly objects: ObjectStore;
}

/** S3 User Guide, "User-defined object metadata". */
const mostMetadataBytes = 2048;
/** Entries of a list. Lifeboat has a handful of keys. */
const mostListed = 1000;
const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

const xmlBuilder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@' });

export const xmlReply = (status: number, document: object): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: xmlBuilder.build({ '?xml': { '@version': '1.0', '@encoding': 'UTF-8' }, ...document }),
});

const badRequest = (code: string, message: string) => new ServiceError(400, code, message);
const noSuchKey = () => new ServiceError(404, 'NoSuchKey', 'The specified key does not exist.');

const quoteEtag = (etag: string) => `"${etag}"`;

/** Throws where the bytes that came are not the bytes that were sent. */
function checkIntegrity({ headers, body }: ReceivedRequest): void {
  const algorithm = headers.get('x-amz-sdk-checksum-algorithm');
  if (algorithm !== undefined && algorithm !== 'SHA256') {
    throw notImplemented(`${algorithm} checksums: set requestChecksumCalculation to WHEN_REQUIRED`);
  }
  const sha256 = headers.get('x-amz-checksum-sha256');
  if (sha256 !== undefined && !/^[A-Za-z0-9+/]{43}=$/.test(sha256)) {
    throw badRequest('InvalidRequest', 'Value for x-amz-checksum-sha256 header is invalid.');
  }
  if (sha256 !== undefined && createHash('sha256').update(body).digest('base64') !== sha256) {
    throw badRequest('BadDigest', 'The SHA256 you specified did not match the calculated checksum.');
  }
}

function metadataOf({ headers }: ReceivedRequest): Record<string, string> {
  const metadata = [...headers]
    .filter(([name]) => name.startsWith(metadataPrefix))
    .map(([name, value]) => [name.slice(metadataPrefix.length), value] as const);
  const sizeBytes = metadata.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (sizeBytes > mostMetadataBytes) {
    throw badRequest('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  }
  return Object.fromEntries(metadata);
}

/** S3 API Reference, PutObject, "x-amz-object-lock-*". */
function lockOf({ headers }: ReceivedRequest, bucket: Bucket, now: Date): string | undefined {
  const [mode, until] = [headers.get(lockMode), headers.get(lockUntil)];
  if (mode === undefined && until === undefined) {
    return undefined;
  }
  if (!bucket.objectLock) {
    throw badRequest('InvalidRequest', 'Bucket is missing Object Lock Configuration');
  }
  if (until === undefined || mode === undefined) {
    throw badRequest('InvalidArgument', `${lockMode} and ${lockUntil} must both be supplied`);
  }
  if (mode !== 'GOVERNANCE') {
    throw notImplemented(`${lockMode}: ${mode}`);
  }
  if (!(Date.parse(until) > now.getTime())) {
    throw badRequest('InvalidArgument', 'The retain until date must be in the future!');
  }
  if (!headers.has('x-amz-checksum-sha256')) {
    throw badRequest('InvalidRequest', 'Object Lock parameters need the header x-amz-checksum-sha256');
  }
  return new Date(until).toISOString();
}

function propertiesOf(request: ReceivedRequest, bucket: Bucket, now: Date): ObjectProperties {
  const contentEncoding = request.headers.get('content-encoding');
  const checksumSha256 = request.headers.get('x-amz-checksum-sha256');
  const lockedUntil = lockOf(request, bucket, now);
  return {
    contentType: request.headers.get('content-type') ?? 'binary/octet-stream',
    ...(contentEncoding !== undefined && { contentEncoding }),
    metadata: metadataOf(request),
    ...(checksumSha256 !== undefined && { checksumSha256 }),
    ...(lockedUntil !== undefined && { lockedUntil }),
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
    throw badRequest('InvalidArgument', `${sse}-aws-kms-key-id needs ${sse}: aws:kms`);
  }
  return keyId ?? bucket.defaultKeyId;
}

/** Runs what calls KMS; its errors show under S3's names for them. */
function withKmsErrors<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof ServiceError ? badRequest(`KMS.${error.code}`, error.message) : error;
  }
}

/** Throws where the object is not in the state that the writer expects. */
function checkCondition({ headers }: ReceivedRequest, current: ObjectVersion | undefined): void {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  if (ifNoneMatch !== undefined && (ifNoneMatch !== '*' || ifMatch !== undefined)) {
    throw notImplemented('If-None-Match other than "*", or together with If-Match');
  }
  const etag = current?.etag;
  if (ifMatch !== undefined && etag === undefined) {
    throw noSuchKey();
  }
  if (
    (ifMatch !== undefined && ifMatch !== etag && ifMatch !== quoteEtag(etag ?? '')) ||
    (ifNoneMatch !== undefined && etag !== undefined)
  ) {
    throw new ServiceError(412, 'PreconditionFailed', 'A pre-condition you specified did not hold');
  }
}

/** The version that a request is about. */
function findVersion({ bucket: { objects }, key, request }: ObjectCall): ObjectVersion {
  const versionId = queryValue(request, 'versionId');
  if (versionId === undefined) {
    const current = objects.current(key);
    if (current === undefined) {
      throw noSuchKey();
    }
    return current;
  }
  const version = objects.versions(key).find((candidate) => candidate.versionId === versionId);
  if (version === undefined) {
    throw new ServiceError(404, 'NoSuchVersion', 'The specified version does not exist.');
  }
  return version;
}

/** Headers that writes and reads both answer. */
const storedHeaders = ({ versionId, etag, keyArn }: ObjectVersion) => ({
  etag: quoteEtag(etag),
  'x-amz-version-id': versionId,
  [sse]: 'aws:kms',
  [`${sse}-aws-kms-key-id`]: keyArn,
  [`${sse}-bucket-key-enabled`]: 'true',
});

const checksumHeaders = ({ checksumSha256 }: ObjectVersion) =>
  checksumSha256 === undefined
    ? {}
    : { 'x-amz-checksum-sha256': checksumSha256, 'x-amz-checksum-type': 'FULL_OBJECT' };

/**
 * Whether an answer has the object's checksum, for which S3 uses the object's key (S3 API Reference,
 * HeadObject, "x-amz-checksum-mode").
 */
export function saysChecksum(version: ObjectVersion, { headers }: ReceivedRequest): boolean {
  return headers.get('x-amz-checksum-mode') === 'ENABLED' && version.checksumSha256 !== undefined;
}

function readHeaders(version: ObjectVersion, request: ReceivedRequest) {
  return {
    ...storedHeaders(version),
    'last-modified': new Date(version.lastModified).toUTCString(),
    'content-type': version.contentType,
    ...(version.contentEncoding !== undefined && { 'content-encoding': version.contentEncoding }),
    ...(saysChecksum(version, request) && checksumHeaders(version)),
    ...Object.fromEntries(
      Object.entries(version.metadata).map(([name, value]) => [`${metadataPrefix}${name}`, value]),
    ),
  };
}

interface ObjectCall {
  readonly bucket: Bucket;
  readonly key: string;
  readonly request: ReceivedRequest;
}

const putObject =
  (gate: WriteGate, now: () => Date) =>
  async ({ bucket, key, request }: ObjectCall) => {
    checkIntegrity(request);
    if (bucket.versioning === 'Suspended') {
      throw notImplemented('a write to a bucket whose versioning is suspended');
    }
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
    return { status: 200, headers: { ...storedHeaders(version), ...checksumHeaders(version) } };
  };

function getObject(call: ObjectCall): Reply {
  const version = findVersion(call);
  const body = withKmsErrors(() => call.bucket.objects.read(version));
  return { status: 200, headers: readHeaders(version, call.request), body };
}

function headObject(call: ObjectCall): Reply {
  const version = findVersion(call);
  if (saysChecksum(version, call.request)) {
    withKmsErrors(() => call.bucket.objects.unwrapKey(version));
  }
  const headers = { ...readHeaders(version, call.request), 'content-length': String(version.sizeBytes) };
  return { status: 200, headers };
}

function getObjectRetention(call: ObjectCall): Reply {
  const { lockedUntil } = findVersion(call);
  if (lockedUntil === undefined) {
    throw new ServiceError(404, 'NoSuchObjectLockConfiguration', 'The object is not locked');
  }
  return xmlReply(200, {
    Retention: { '@xmlns': namespace, Mode: 'GOVERNANCE', RetainUntilDate: lockedUntil },
  });
}

const deleteObject =
  (now: () => Date) =>
  (call: ObjectCall): Reply => {
    // The policies are asked before: they let nobody delete.
    if (queryValue(call.request, 'versionId') === undefined) {
      throw notImplemented('delete markers');
    }
    const version = findVersion(call);
    // Bypassing GOVERNANCE takes a header, which is refused here: no role of Lifeboat may do it.
    if (version.lockedUntil !== undefined && Date.parse(version.lockedUntil) > now().getTime()) {
      throw new ServiceError(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
    }
    call.bucket.objects.deleteVersion(version);
    return { status: 204, headers: { 'x-amz-version-id': version.versionId } };
  };

/** A list of what is below a prefix, whole: there is no second page. */
function listReply(
  { bucket, request }: ObjectCall,
  root: string,
  element: string,
  entriesOf: (versions: readonly ObjectVersion[]) => readonly object[],
): Reply {
  const prefix = queryValue(request, 'prefix') ?? '';
  const entries = bucket.objects.keys(prefix).flatMap((key) => entriesOf(bucket.objects.versions(key)));
  if (entries.length > mostListed) {
    throw notImplemented(`lists of more than ${mostListed} entries`);
  }
  return xmlReply(200, {
    [root]: {
      '@xmlns': namespace,
      Name: bucket.name,
      Prefix: prefix,
      KeyCount: entries.length,
      IsTruncated: false,
      [element]: entries,
    },
  });
}

const getBucketVersioning = ({ bucket }: ObjectCall): Reply =>
  xmlReply(200, { VersioningConfiguration: { '@xmlns': namespace, Status: bucket.versioning } });

const listedVersion = (version: ObjectVersion, index: number) => ({
  Key: version.key,
  VersionId: version.versionId,
  IsLatest: index === 0,
  ETag: quoteEtag(version.etag),
  Size: version.sizeBytes,
});

function listObjectVersions(call: ObjectCall): Reply {
  return listReply(call, 'ListVersionsResult', 'Version', (versions) => versions.map(listedVersion));
}

function listObjectsV2(call: ObjectCall): Reply {
  if (queryValue(call.request, 'list-type') !== '2') {
    throw notImplemented('list-type other than 2');
  }
  return listReply(call, 'ListBucketResult', 'Contents', (versions) =>
    versions.slice(0, 1).map(listedVersion),
  );
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
  GetBucketVersioning: getBucketVersioning,
  ListObjectVersions: listObjectVersions,
  ListObjectsV2: listObjectsV2,
});
