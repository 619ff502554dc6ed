/**
 * Verifies AWS Signature Version 4 as a service does. Written from the documentation alone, so that it checks
 * the SDK's signing (and ours) independently: IAM User Guide, "Create a signed AWS API request"; Amazon S3
 * API Reference, "Authenticating Requests (AWS Signature Version 4)", header and query parts.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Identities, Identity } from './identities.ts';
import { percentDecode, type QueryParameter, queryValue, type ReceivedRequest } from './received-request.ts';

export type SignatureRefusal =
  | 'missing'
  | 'malformed'
  | 'wrong-scope'
  | 'unknown-access-key'
  | 'wrong-session-token'
  | 'clock-skew'
  | 'not-yet-valid'
  | 'expired'
  | 'unsigned-headers'
  | 'streaming-payload'
  | 'payload-mismatch'
  | 'wrong-signature';

/** Why a request is not taken as its alleged sender's. Each service has its own error codes for these. */
export class SignatureRefused extends Error {
  override readonly name = 'SignatureRefused';
  readonly code: SignatureRefusal;

  constructor(code: SignatureRefusal, message: string) {
    super(message);
    this.code = code;
  }
}

const commonCodes: Readonly<Partial<Record<SignatureRefusal, string>>> = {
  missing: 'MissingAuthenticationTokenException',
  malformed: 'IncompleteSignatureException',
  'unknown-access-key': 'UnrecognizedClientException',
  'wrong-session-token': 'UnrecognizedClientException',
};

/** The code of the AWS APIs for a refusal (any service's API reference, "Common Errors"); S3 has its own. */
export const commonSignatureError = (refusal: SignatureRefusal): string =>
  commonCodes[refusal] ?? 'InvalidSignatureException';

export interface SignatureExpectation {
  /** Name in the credential scope: `s3`, `kms`, `sqs`, `secretsmanager`, `execute-api`. */
  readonly service: string;
  readonly region: string;
  readonly identities: Pick<Identities, 'find'>;
  readonly now: () => Date;
}

/** What a request says about its own signature. */
interface Claims {
  readonly presigned: boolean;
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  /** `20261123T034627Z` */
  readonly timestamp: string;
  readonly sessionToken: string | undefined;
  readonly payloadHash: string | undefined;
  /** Of a presigned URL; others have none. */
  readonly lifetimeSeconds: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
const unsignedPayload = 'UNSIGNED-PAYLOAD';
/** Seven days (S3 API Reference, "Authenticating Requests: Using Query Parameters"). */
const mostLifetimeSeconds = 604_800;
const minuteMs = 60_000;

/** S3 documents 15 minutes (`RequestTimeTooSkewed`), the IAM User Guide 5 minutes for services in general. */
const allowedSkewMilliseconds = (service: string) => (service === 's3' ? 15 : 5) * minuteMs;

const sha256Hex = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** Everything but RFC 3986's unreserved characters becomes %XX, in upper case. */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * S3 encodes the key once and leaves `//` and `..` alone; the others normalise the path and encode it twice.
 */
function canonicalPath(path: string, service: string): string {
  const segments = path.split('/').map(percentDecode);
  if (service === 's3') {
    return segments
      .flatMap((segment) => segment.split('/'))
      .map(uriEncode)
      .join('/');
  }
  const normalised: string[] = [];
  for (const segment of segments) {
    if (segment === '..') {
      normalised.pop();
    } else if (segment !== '' && segment !== '.') {
      normalised.push(uriEncode(uriEncode(segment)));
    }
  }
  const trailingSlash = normalised.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${normalised.join('/')}${trailingSlash}`;
}

const byCodePoint = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function canonicalQuery(query: readonly QueryParameter[]): string {
  return query
    .filter(({ name }) => name !== 'X-Amz-Signature')
    .map(({ name, value }) => [uriEncode(name), uriEncode(value)] as const)
    .sort((a, b) => byCodePoint(a[0], b[0]) || byCodePoint(a[1], b[1]))
    .map((pair) => pair.join('='))
    .join('&');
}

function claimsOf(request: ReceivedRequest): Claims {
  const { headers, query } = request;
  const presigned = query.some(({ name }) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature');
  const authorization = headers.get('authorization');
  if (presigned && authorization !== undefined) {
    throw new SignatureRefused('malformed', 'the request is signed both in its query and in its header');
  }
  if (!presigned && authorization === undefined) {
    throw new SignatureRefused('missing', 'the request is not signed');
  }
  const read = (name: string) => (presigned ? queryValue(request, name) : headers.get(name.toLowerCase()));
  return {
    presigned,
    ...(authorization === undefined ? querySignature(request) : headerSignature(authorization)),
    timestamp: read('X-Amz-Date') ?? '',
    sessionToken: read('X-Amz-Security-Token'),
    payloadHash: read('X-Amz-Content-Sha256') ?? headers.get('x-amz-content-sha256'),
    lifetimeSeconds: read('X-Amz-Expires') ?? '',
  };
}

type SignatureParts = Pick<Claims, 'credential' | 'signedHeaders' | 'signature'>;

function headerSignature(authorization: string): SignatureParts {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([^,\s]+)$/.exec(
      authorization,
    );
  if (match === null) {
    throw new SignatureRefused('malformed', `the Authorization header is not one of ${algorithm}`);
  }
  const [, credential = '', signedHeaders = '', signature = ''] = match;
  return { credential, signedHeaders, signature };
}

function querySignature(request: ReceivedRequest): SignatureParts {
  const read = (name: string) => queryValue(request, name) ?? '';
  if (read('X-Amz-Algorithm') !== algorithm) {
    throw new SignatureRefused('malformed', `X-Amz-Algorithm is not ${algorithm}`);
  }
  return {
    credential: read('X-Amz-Credential'),
    signedHeaders: read('X-Amz-SignedHeaders'),
    signature: read('X-Amz-Signature'),
  };
}

/** @throws SignatureRefused */
export function parseTimestamp(timestamp: string): Date {
  const iso = timestamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const instant = new Date(iso);
  if (iso === timestamp || Number.isNaN(instant.getTime())) {
    throw new SignatureRefused('malformed', 'the X-Amz-Date is missing or not like 20261123T034627Z');
  }
  return instant;
}

function checkTime(claims: Claims, { service, now }: SignatureExpectation): void {
  const ageMilliseconds = now().getTime() - parseTimestamp(claims.timestamp).getTime();
  const skew = allowedSkewMilliseconds(service);
  if (!claims.presigned) {
    // A captured request is worth nothing once this time is over.
    if (Math.abs(ageMilliseconds) > skew) {
      throw new SignatureRefused('clock-skew', `signed more than ${skew / minuteMs} minutes off this clock`);
    }
    return;
  }
  const lifetimeSeconds = Number(claims.lifetimeSeconds);
  if (
    !/^\d{1,7}$/.test(claims.lifetimeSeconds) ||
    lifetimeSeconds < 1 ||
    lifetimeSeconds > mostLifetimeSeconds
  ) {
    throw new SignatureRefused('malformed', `X-Amz-Expires is not 1 to ${mostLifetimeSeconds} seconds`);
  }
  if (-ageMilliseconds > skew) {
    throw new SignatureRefused('not-yet-valid', 'Request is not yet valid');
  }
  if (ageMilliseconds > lifetimeSeconds * 1000) {
    throw new SignatureRefused('expired', 'Request has expired');
  }
}

function checkSignedHeaders(request: ReceivedRequest, { signedHeaders }: Claims): string[] {
  const names = signedHeaders.split(';');
  const inOrder = names.every(
    (name, index) => /^[!-:<-@[-~]+$/.test(name) && (names[index - 1] ?? '') < name,
  );
  if (!inOrder || !names.every((name) => request.headers.has(name))) {
    throw new SignatureRefused('malformed', 'SignedHeaders are not sorted, or not all in the request');
  }
  // A signature over another host, or one that leaves x-amz-* headers open, could be used for more than was
  // signed.
  const mustBeSigned = [...request.headers.keys()].filter(
    (name) => name === 'host' || name.startsWith('x-amz-'),
  );
  const unsigned = mustBeSigned.filter((name) => !names.includes(name));
  if (unsigned.length > 0 || !names.includes('host')) {
    throw new SignatureRefused('unsigned-headers', `headers that are not signed: ${unsigned.join(', ')}`);
  }
  return names;
}

function checkedPayloadHash(request: ReceivedRequest, claims: Claims, service: string): string {
  const { payloadHash: declared, presigned } = claims;
  if (declared?.startsWith('STREAMING-')) {
    throw new SignatureRefused('streaming-payload', `${declared} bodies are not implemented`);
  }
  // The sender of a presigned URL does not know the body. Signed in a header, it is for HTTPS only, which
  // this is not.
  if (service === 's3' && presigned && (declared === undefined || declared === unsignedPayload)) {
    return unsignedPayload;
  }
  if (service === 's3' && declared === undefined) {
    throw new SignatureRefused('malformed', 'the header x-amz-content-sha256 is missing');
  }
  const actual = sha256Hex(request.body);
  if (declared !== undefined && declared !== actual) {
    throw new SignatureRefused('payload-mismatch', 'x-amz-content-sha256 is not the SHA-256 of the body');
  }
  return actual;
}

/**
 * The identity that signed the request, in its `Authorization` header or its query. Throws {@link
 * SignatureRefused}, or `UnreadableRequest` where parameters are given twice.
 */
export function verifySignature(request: ReceivedRequest, expectation: SignatureExpectation): Identity {
  const { service, region, identities } = expectation;
  const claims = claimsOf(request);

  checkTime(claims, expectation);
  const [accessKeyId = '', ...scopeParts] = claims.credential.split('/');
  const scope = scopeParts.join('/');
  const expectedScope = `${claims.timestamp.slice(0, 8)}/${region}/${service}/aws4_request`;
  if (scope !== expectedScope) {
    // The signature of one service, region or day must not open another.
    throw new SignatureRefused(
      'wrong-scope',
      `the credential scope is "${scope}", expected "${expectedScope}"`,
    );
  }
  const identity = identities.find(accessKeyId);
  if (identity === undefined) {
    throw new SignatureRefused('unknown-access-key', 'the access key id does not exist');
  }
  if ((claims.sessionToken ?? '') !== identity.sessionToken) {
    throw new SignatureRefused(
      'wrong-session-token',
      'the session token is missing or not the one of this access key',
    );
  }

  const signedHeaders = checkSignedHeaders(request, claims);
  const canonicalHeaders = signedHeaders.map(
    (name) => `${name}:${(request.headers.get(name) ?? '').replace(/[ \t]+/g, ' ')}\n`,
  );
  const canonicalRequest = [
    request.method,
    canonicalPath(request.path, service),
    canonicalQuery(request.query),
    canonicalHeaders.join(''),
    claims.signedHeaders,
    checkedPayloadHash(request, claims, service),
  ].join('\n');
  const stringToSign = [
    algorithm,
    claims.timestamp,
    scope,
    // Node decodes header bytes as Latin-1; this gives the bytes of the wire back.
    sha256Hex(Buffer.from(canonicalRequest, 'latin1')),
  ].join('\n');
  const signingKey = scopeParts.reduce<string | Buffer>(hmac, `AWS4${identity.secretAccessKey}`);
  if (hmac(signingKey, stringToSign).toString('hex') !== claims.signature) {
    throw new SignatureRefused('wrong-signature', 'the signature does not match the request');
  }
  return identity;
}
