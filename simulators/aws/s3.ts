/**
 * The part of S3 that Lifeboat uses: one versioned bucket after the other, conditional writes, SSE-KMS. Behaviour: Amazon
 * S3 API Reference and User Guide ("Conditional requests", "Working with object metadata", "Checking object integrity").
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLBuilder } from 'fast-xml-parser';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import {
  type DataKeys,
  type ObjectLock,
  type ObjectProperties,
  ObjectStore,
  type ObjectVersion,
  type StoredObject,
} from './object-store.ts';
import { writePrivateFile } from './private-files.ts';
import { percentDecode, queryValue, type ReceivedRequest } from './received-request.ts';
import {
  type Call,
  notImplemented,
  type Operation,
  type Reply,
  type RunningService,
  type ServiceContext,
  ServiceError,
  startSignedServer,
} from './signed-server.ts';
import type { SignatureRefusal, SignatureRefused } from './sigv4.ts';
import { type HeldWrite, type WriteGate, writeGate } from './write-gate.ts';

export interface BucketOptions {
  /** KMS key for objects that name none; its id or ARN. */
  readonly defaultKeyId: string;
  /** Whether versions can be locked. @default false */
  readonly objectLock?: boolean | undefined;
}

export interface LocalS3 extends RunningService {
  /** Makes a bucket with versioning, or sets the default key of one that is there from an earlier start. */
  createBucket(name: string, options: BucketOptions): void;
  /** Makes the next write to a key wait between the check of its condition and the write itself. For tests of conflicts. */
  holdNextWrite(bucket: string, key: string): HeldWrite;
}

interface Bucket {
  readonly name: string;
  readonly defaultKeyId: string;
  readonly objectLock: boolean;
  readonly objects: ObjectStore;
}

/** S3 User Guide, "Creating object key names" and "User-defined object metadata". */
const LONGEST_KEY_BYTES = 1024;
const LARGEST_METADATA_BYTES = 2048;
/** A page of a list. Lifeboat has a handful of keys, so there is no second page. */
const LONGEST_LIST = 1000;

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const METADATA_PREFIX = 'x-amz-meta-';
const SSE = 'x-amz-server-side-encryption';
const LOCK_MODE = 'x-amz-object-lock-mode';
const LOCK_UNTIL = 'x-amz-object-lock-retain-until-date';
const DAY_MS = 24 * 60 * 60 * 1000;

const xmlBuilder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@' });

const xmlReply = (status: number, document: object): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: xmlBuilder.build({ '?xml': { '@version': '1.0', '@encoding': 'UTF-8' }, ...document }),
});

/** S3 API Reference, "Error responses". */
const SIGNATURE_ERRORS: Readonly<Record<SignatureRefusal, readonly [status: number, code: string]>> = {
  missing: [403, 'AccessDenied'],
  malformed: [400, 'AuthorizationHeaderMalformed'],
  'wrong-scope': [400, 'AuthorizationHeaderMalformed'],
  'unknown-access-key': [403, 'InvalidAccessKeyId'],
  'wrong-session-token': [400, 'InvalidToken'],
  'clock-skew': [403, 'RequestTimeTooSkewed'],
  'not-yet-valid': [403, 'AccessDenied'],
  expired: [403, 'AccessDenied'],
  'unsigned-headers': [403, 'AccessDenied'],
  'streaming-payload': [501, 'NotImplemented'],
  'payload-mismatch': [400, 'XAmzContentSHA256Mismatch'],
  'wrong-signature': [403, 'SignatureDoesNotMatch'],
};

function signatureError({ code: refusal, presigned, message }: SignatureRefused): ServiceError {
  const [status, code] = SIGNATURE_ERRORS[refusal];
  const inQuery = presigned && code === 'AuthorizationHeaderMalformed';
  return new ServiceError(status, inQuery ? 'AuthorizationQueryParametersError' : code, message);
}

/** What each operation takes; anything else in a request answers 501, as doing half of it would mislead. */
interface Route {
  readonly name: string;
  readonly method: string;
  readonly on: 'bucket' | 'object';
  /** The parameter that tells the operation from others of its method. */
  readonly selector?: string;
  readonly parameters: readonly string[];
  /** `x-amz-*` headers, besides the metadata. */
  readonly headers: readonly string[];
}

const ROUTES: readonly Route[] = [
  {
    name: 'PutObject',
    method: 'PUT',
    on: 'object',
    parameters: [],
    headers: [
      'x-amz-checksum-sha256',
      'x-amz-sdk-checksum-algorithm',
      SSE,
      `${SSE}-aws-kms-key-id`,
      `${SSE}-bucket-key-enabled`,
      LOCK_MODE,
      LOCK_UNTIL,
    ],
  },
  {
    name: 'GetObjectRetention',
    method: 'GET',
    on: 'object',
    selector: 'retention',
    parameters: ['versionid'],
    headers: [],
  },
  {
    name: 'GetObject',
    method: 'GET',
    on: 'object',
    parameters: ['versionid'],
    headers: ['x-amz-checksum-mode'],
  },
  {
    name: 'HeadObject',
    method: 'HEAD',
    on: 'object',
    parameters: ['versionid'],
    headers: ['x-amz-checksum-mode'],
  },
  { name: 'DeleteObject', method: 'DELETE', on: 'object', parameters: ['versionid'], headers: [] },
  {
    name: 'ListObjectVersions',
    method: 'GET',
    on: 'bucket',
    selector: 'versions',
    parameters: ['prefix'],
    headers: [],
  },
  {
    name: 'ListObjectsV2',
    method: 'GET',
    on: 'bucket',
    selector: 'list-type',
    parameters: ['prefix'],
    headers: [],
  },
];

const COMMON_PARAMETERS = [
  'x-id',
  'x-amz-algorithm',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
];
const COMMON_HEADERS = ['x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token', 'x-amz-user-agent'];
const UNSUPPORTED_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-language',
  'expires',
  'if-modified-since',
  'if-unmodified-since',
  'range',
];

/** Path-style: `/bucket/key`. The key is everything after the second slash. */
function locate(path: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = '', ...key] = percentDecode(path).split('/');
  return { bucket, key: key.join('/') };
}

/** The operation's name, or, so that it is found in no table, the name and what of it is not supported. */
function operationOf(request: ReceivedRequest): string {
  const { method, path, query, headers } = request;
  const on = locate(path).key === '' ? 'bucket' : 'object';
  const parameters = query.map(({ name }) => name.toLowerCase());
  const route = ROUTES.find(
    (candidate) =>
      candidate.method === method &&
      candidate.on === on &&
      (candidate.selector === undefined || parameters.includes(candidate.selector)),
  );
  if (route === undefined) {
    return [method, on, ...parameters.filter((name) => !COMMON_PARAMETERS.includes(name))].join(' ');
  }
  const takesMetadata = route.name === 'PutObject';
  const readsCondition = on === 'object' && method !== 'PUT';
  const unsupported = [
    ...parameters.filter(
      (name) => ![...COMMON_PARAMETERS, ...route.parameters, ...route.headers, route.selector].includes(name),
    ),
    ...[...headers.keys()].filter(
      (name) =>
        UNSUPPORTED_HEADERS.includes(name) ||
        (readsCondition && /^if-(none-)?match$/.test(name)) ||
        (name.startsWith('x-amz-') &&
          !(takesMetadata && name.startsWith(METADATA_PREFIX)) &&
          ![...COMMON_HEADERS, ...route.headers].includes(name)),
    ),
  ];
  return unsupported.length === 0 ? route.name : `${route.name} with ${unsupported.join(', ')}`;
}

const noSuchKey = (headers?: Readonly<Record<string, string>>) =>
  new ServiceError(404, 'NoSuchKey', 'The specified key does not exist.', headers);

const quoted = (etag: string) => `"${etag}"`;

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
    .filter(([name]) => name.startsWith(METADATA_PREFIX))
    .map(([name, value]) => [name.slice(METADATA_PREFIX.length), value] as const);
  const sizeBytes = metadata.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (sizeBytes > LARGEST_METADATA_BYTES) {
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
  const [mode, until] = [headers.get(LOCK_MODE), headers.get(LOCK_UNTIL)];
  if (mode === undefined && until === undefined) {
    return undefined;
  }
  if (!bucket.objectLock) {
    throw new ServiceError(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration');
  }
  if (until === undefined || (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE')) {
    throw new ServiceError(400, 'InvalidArgument', `${LOCK_MODE} and ${LOCK_UNTIL} must both be supplied`);
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
  const algorithm = headers.get(SSE);
  const keyId = headers.get(`${SSE}-aws-kms-key-id`);
  if (algorithm !== undefined && algorithm !== 'aws:kms') {
    throw notImplemented(`${SSE}: ${algorithm}`);
  }
  if (headers.get(`${SSE}-bucket-key-enabled`) === 'false') {
    throw notImplemented('SSE-KMS without a bucket key');
  }
  if (algorithm === undefined && keyId !== undefined) {
    throw new ServiceError(400, 'InvalidArgument', `${SSE}-aws-kms-key-id needs ${SSE}: aws:kms`);
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
    (ifMatch !== undefined && ifMatch !== etag && ifMatch !== quoted(etag ?? '')) ||
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
  etag: quoted(etag),
  'x-amz-version-id': versionId,
  [SSE]: 'aws:kms',
  [`${SSE}-aws-kms-key-id`]: keyArn,
  [`${SSE}-bucket-key-enabled`]: 'true',
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
      Object.entries(object.metadata).map(([name, value]) => [`${METADATA_PREFIX}${name}`, value]),
    ),
  };
}

function listed<T>(items: readonly T[]): readonly T[] {
  if (items.length > LONGEST_LIST) {
    throw notImplemented(`lists of more than ${LONGEST_LIST} entries`);
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
    if (Buffer.byteLength(key) > LONGEST_KEY_BYTES) {
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
    Retention: { '@xmlns': NAMESPACE, Mode: lock.mode, RetainUntilDate: lock.retainUntil },
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
    // Whoever may bypass GOVERNANCE must say so in a header, which is refused here: nobody of Lifeboat's may.
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
  const shown = listed(entries);
  return xmlReply(200, {
    ListVersionsResult: {
      '@xmlns': NAMESPACE,
      Name: bucket.name,
      Prefix: prefix,
      MaxKeys: LONGEST_LIST,
      IsTruncated: false,
      Version: shown.flatMap(({ object, ...entry }) =>
        object === undefined
          ? []
          : [{ ...entry, ETag: quoted(object.etag), Size: object.sizeBytes, StorageClass: 'STANDARD' }],
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
            ETag: quoted(version.object.etag),
            Size: version.object.sizeBytes,
            StorageClass: 'STANDARD',
          },
        ];
  });
  return xmlReply(200, {
    ListBucketResult: {
      '@xmlns': NAMESPACE,
      Name: bucket.name,
      Prefix: prefix,
      KeyCount: listed(contents).length,
      MaxKeys: LONGEST_LIST,
      IsTruncated: false,
      Contents: contents,
    },
  });
}

/** S3's actions by operation (S3 User Guide, "Required permissions for Amazon S3 API operations"). */
const ACTIONS: Readonly<Record<string, readonly [plain: string, ofVersion: string]>> = {
  PutObject: ['s3:PutObject', 's3:PutObject'],
  GetObject: ['s3:GetObject', 's3:GetObjectVersion'],
  HeadObject: ['s3:GetObject', 's3:GetObjectVersion'],
  GetObjectRetention: ['s3:GetObjectRetention', 's3:GetObjectRetention'],
  DeleteObject: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
  ListObjectVersions: ['s3:ListBucketVersions', 's3:ListBucketVersions'],
  ListObjectsV2: ['s3:ListBucket', 's3:ListBucket'],
};

/** What a request needs: its own action and, where it touches content, the key's on the caller's behalf. */
function accessesOf(
  operation: string,
  request: ReceivedRequest,
  lookUp: (name: string) => Bucket | undefined,
  context: ServiceContext,
): readonly Access[] {
  const { bucket: bucketName, key } = locate(request.path);
  const bucketArn = `arn:aws:s3:::${bucketName}`;
  const versionId = queryValue(request, 'versionId');
  const [plain = '', ofVersion = ''] = ACTIONS[operation] ?? [];
  const conditions = s3Conditions(operation, request, context);
  const own: Access = {
    action: versionId === undefined ? plain : ofVersion,
    resourceArn: key === '' ? bucketArn : `${bucketArn}/${key}`,
    context: conditions,
  };
  const bucket = lookUp(bucketName);
  if (bucket === undefined) {
    return [own];
  }
  const throughS3 = {
    ...overTls,
    'kms:ViaService': `s3.${context.region}.amazonaws.com`,
    // With a bucket key the context is the bucket, not the object (S3 User Guide, "Encryption context" of bucket keys).
    'kms:EncryptionContext:aws:s3:arn': bucketArn,
  };
  if (operation === 'PutObject') {
    const keyArn = request.headers.get(`${SSE}-aws-kms-key-id`) ?? bucket.defaultKeyId;
    return [
      own,
      ...(request.headers.has(LOCK_MODE) ? [{ ...own, action: 's3:PutObjectRetention' }] : []),
      { action: 'kms:GenerateDataKey', resourceArn: keyArn, context: throughS3 },
    ];
  }
  if (operation !== 'GetObject' && operation !== 'HeadObject') {
    return [own];
  }
  const object = bucket.objects.current(key)?.object;
  if (object === undefined && versionId === undefined) {
    // Whoever may not list is not told that something is missing (S3 API, GetObject, "Permissions").
    return [
      own,
      { action: 's3:ListBucket', resourceArn: bucketArn, context: { ...conditions, 's3:prefix': key } },
    ];
  }
  return operation === 'HeadObject' || object === undefined
    ? [own]
    : [own, { action: 'kms:Decrypt', resourceArn: object.keyArn, context: throughS3 }];
}

/** Values of S3's condition keys (Service Authorization Reference, "Condition keys for Amazon S3"). */
function s3Conditions(
  operation: string,
  request: ReceivedRequest,
  { now }: ServiceContext,
): Access['context'] {
  const signedAt = request.headers.get('x-amz-date') ?? queryValue(request, 'X-Amz-Date') ?? '';
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signedAt)?.map(Number) ?? [];
  const ageMs =
    now().getTime() - Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 0, hour ?? 0, minute ?? 0, second ?? 0);
  const header = (name: string, key: string) => {
    const value = request.headers.get(name);
    return value === undefined ? {} : { [key]: value };
  };
  return {
    ...overTls,
    's3:TlsVersion': '1.3',
    // In whole seconds, so that the same question is not asked anew for each millisecond.
    's3:signatureAge': String(Math.max(0, Math.ceil(ageMs / 1000) * 1000)),
    ...(operation === 'PutObject'
      ? {
          's3:ObjectCreationOperation': 'true',
          ...header(SSE, 's3:x-amz-server-side-encryption'),
          ...header(`${SSE}-aws-kms-key-id`, 's3:x-amz-server-side-encryption-aws-kms-key-id'),
          ...header('if-match', 's3:if-match'),
          ...header('if-none-match', 's3:if-none-match'),
          ...header(LOCK_MODE, 's3:object-lock-mode'),
          ...header(LOCK_UNTIL, 's3:object-lock-retain-until-date'),
          ...remainingRetentionDays(request, now()),
        }
      : {}),
    ...(operation.startsWith('List') ? { 's3:prefix': queryValue(request, 'prefix') ?? '' } : {}),
  };
}

function remainingRetentionDays({ headers }: ReceivedRequest, now: Date): Access['context'] {
  const until = Date.parse(headers.get(LOCK_UNTIL) ?? '');
  // S3's own rounding is not documented: up, the harder one for a cap.
  const days = Math.ceil((until - now.getTime()) / DAY_MS);
  return Number.isNaN(days) ? {} : { 's3:object-lock-remaining-retention-days': String(days) };
}

const storedBucket = v.strictObject({ defaultKeyId: v.string(), objectLock: v.optional(v.boolean(), false) });

/** The buckets below a directory, one directory each. */
function bucketStore(directory: string, dataKeys: DataKeys, now: () => Date) {
  const buckets = new Map<string, Bucket>();

  function open(name: string, { defaultKeyId, objectLock = false }: BucketOptions): void {
    const objects =
      buckets.get(name)?.objects ??
      new ObjectStore(join(directory, name, 'objects'), `arn:aws:s3:::${name}`, dataKeys, now);
    buckets.set(name, { name, defaultKeyId, objectLock, objects });
  }

  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const description: unknown = JSON.parse(readFileSync(join(directory, name, 'bucket.json'), 'utf8'));
    open(name, v.parse(storedBucket, description));
  }

  return {
    create(name: string, { defaultKeyId, objectLock = false }: BucketOptions): void {
      if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
        throw new Error(
          `a bucket cannot be named "${name}": 3 to 63 characters out of a-z, 0-9, "-" and "."`,
        );
      }
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
  port?: number,
): Promise<LocalS3> {
  const buckets = bucketStore(join(dataDirectory, 's3'), dataKeys, context.now);
  const gate = writeGate();
  const onBucket =
    (run: (call: ObjectCall) => Reply | Promise<Reply>): Operation =>
    ({ request }: Call) => {
      const { bucket, key } = locate(request.path);
      return run({ bucket: buckets.find(bucket), key, request });
    };

  const service = await startSignedServer(
    {
      service: 's3',
      operationOf,
      operations: new Map([
        ['PutObject', onBucket(putObject(gate, context.now))],
        ['GetObject', onBucket(getObject)],
        ['HeadObject', onBucket(headObject)],
        ['GetObjectRetention', onBucket(getObjectRetention)],
        ['DeleteObject', onBucket(deleteObject(context.now))],
        ['ListObjectVersions', onBucket(listObjectVersions)],
        ['ListObjectsV2', onBucket(listObjectsV2)],
      ]),
      accessesOf: (operation, request) => accessesOf(operation, request, buckets.lookUp, context),
      accessDenied: (reason) => new ServiceError(403, 'AccessDenied', reason),
      signatureError,
      errorReply: ({ status, code, message, headers }, { requestId, path }) => {
        const reply = xmlReply(status, {
          Error: { Code: code, Message: message, Resource: path, RequestId: requestId },
        });
        return { ...reply, headers: { ...reply.headers, ...headers } };
      },
    },
    context,
    port,
  );
  return { ...service, createBucket: buckets.create, holdNextWrite: gate.holdNext };
}
