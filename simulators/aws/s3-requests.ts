/** Which operation of S3 a request asks for. */
import { percentDecode, type ReceivedRequest } from './received-request.ts';
import { ServiceError } from './signed-server.ts';
import type { SignatureRefusal, SignatureRefused } from './sigv4.ts';

export const sse = 'x-amz-server-side-encryption';
export const lockMode = 'x-amz-object-lock-mode';
export const lockUntil = 'x-amz-object-lock-retain-until-date';
export const metadataPrefix = 'x-amz-meta-';

/** S3 API Reference, "Error responses": what is not 403 AccessDenied. */
const signatureErrors: Readonly<Partial<Record<SignatureRefusal, readonly [status: number, code: string]>>> =
  {
    malformed: [400, 'AuthorizationHeaderMalformed'],
    'wrong-scope': [400, 'AuthorizationHeaderMalformed'],
    'unknown-access-key': [403, 'InvalidAccessKeyId'],
    'wrong-session-token': [400, 'InvalidToken'],
    'clock-skew': [403, 'RequestTimeTooSkewed'],
    'streaming-payload': [501, 'NotImplemented'],
    'payload-mismatch': [400, 'XAmzContentSHA256Mismatch'],
    'wrong-signature': [403, 'SignatureDoesNotMatch'],
  };

export function signatureError({ code: refusal, message }: SignatureRefused): ServiceError {
  const [status, code] = signatureErrors[refusal] ?? [403, 'AccessDenied'];
  return new ServiceError(status, code, message);
}

/** What each operation takes; anything else in a request answers 501, as doing half of it would mislead. */
interface Route {
  readonly name: string;
  readonly method: string;
  readonly on: 'bucket' | 'object';
  /** The parameter that tells the operation from others of its method. */
  readonly selector?: string;
  /** The one parameter that it takes besides. */
  readonly takes?: string;
  /** `x-amz-*` headers, besides the metadata. */
  readonly headers?: readonly string[];
}

const writeHeaders = [
  ...['x-amz-checksum-sha256', 'x-amz-sdk-checksum-algorithm', lockMode, lockUntil],
  ...[sse, `${sse}-aws-kms-key-id`, `${sse}-bucket-key-enabled`],
];
const readHeaders = ['x-amz-checksum-mode'];

/** The first that fits is taken. */
const routes: readonly Route[] = [
  { name: 'PutObject', method: 'PUT', on: 'object', headers: writeHeaders },
  { name: 'GetObjectRetention', method: 'GET', on: 'object', selector: 'retention', takes: 'versionid' },
  { name: 'GetObject', method: 'GET', on: 'object', takes: 'versionid', headers: readHeaders },
  { name: 'HeadObject', method: 'HEAD', on: 'object', takes: 'versionid', headers: readHeaders },
  { name: 'DeleteObject', method: 'DELETE', on: 'object', takes: 'versionid' },
  { name: 'GetBucketVersioning', method: 'GET', on: 'bucket', selector: 'versioning' },
  { name: 'ListObjectVersions', method: 'GET', on: 'bucket', selector: 'versions', takes: 'prefix' },
  { name: 'ListObjectsV2', method: 'GET', on: 'bucket', selector: 'list-type', takes: 'prefix' },
];

/** Of a signature, in the query or in headers. */
const commonParameters =
  /^x-(id|amz-(algorithm|content-sha256|credential|date|expires|security-token|signature|signedheaders))$/;
const commonHeaders = /^x-amz-(content-sha256|date|security-token|user-agent)$/;
/** Those of HTTP itself that S3 would heed. */
const unsupportedHeaders =
  /^(cache-control|content-(disposition|language|md5)|expires|if-(un)?modified-since|range)$/;

/** Path-style: `/bucket/key`. The key is everything after the second slash. */
export function locate(path: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = '', ...key] = percentDecode(path).split('/');
  return { bucket, key: key.join('/') };
}

/** The operation's name, or, so that it is found in no table, the name and what of it is not supported. */
export function operationOf(request: ReceivedRequest): string {
  const { method, path, query, headers } = request;
  const on = locate(path).key === '' ? 'bucket' : 'object';
  const parameters = query.map(({ name }) => name.toLowerCase());
  const route = routes.find(
    (candidate) =>
      candidate.method === method &&
      candidate.on === on &&
      (candidate.selector === undefined || parameters.includes(candidate.selector)),
  );
  if (route === undefined) {
    return [method, on, ...parameters.filter((name) => !commonParameters.test(name))].join(' ');
  }
  const isWrite = route.name === 'PutObject';
  const { selector, takes, headers: ofRoute = [] } = route;
  const unsupported = [
    ...parameters.filter(
      (name) => !commonParameters.test(name) && ![...ofRoute, selector, takes].includes(name),
    ),
    ...[...headers.keys()].filter(
      (name) =>
        unsupportedHeaders.test(name) ||
        (!isWrite && /^if-(none-)?match$/.test(name)) ||
        (name.startsWith('x-amz-') &&
          !(isWrite && name.startsWith(metadataPrefix)) &&
          !commonHeaders.test(name) &&
          !ofRoute.includes(name)),
    ),
  ];
  return unsupported.length === 0 ? route.name : `${route.name} with ${unsupported.join(', ')}`;
}
