import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, QueryParameterBag } from '@smithy/types';
import { Sha256 } from './sha256.ts';

export interface PresignerOptions {
  readonly bucket: string;
  readonly region: string;
  /** The end of AWS's domain names in the partition of the region, for example `amazonaws.com`. */
  readonly urlSuffix: string;
  /** Leads to S3's names with IPv6 addresses beside those with IPv4. @default false */
  readonly isDualStack?: boolean | undefined;
  readonly credentials: AwsCredentialIdentity;
  /** Another S3 endpoint than AWS's own, addressed with the bucket in the path; the local system's. */
  readonly endpoint?: string | undefined;
}

export interface PresignedObject {
  readonly key: string;
  /** @default whatever is current when the URL is used */
  readonly versionId?: string | undefined;
  /** What the URL is good for. @default GET */
  readonly method?: 'GET' | 'HEAD' | undefined;
}

/** Makes URLs with which one object can be read for a short time, without other credentials. */
export type Presigner = (object: PresignedObject, lifetimeSeconds: number, now: Date) => Promise<string>;

/**
 * Presigned URLs by SigV4 (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html). Pure
 * computation: no network call, so that a grant works whatever else is down.
 */
export function s3Presigner(options: PresignerOptions): Presigner {
  const { region, credentials } = options;
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials,
    sha256: Sha256,
    // S3's one exception: its paths are encoded once.
    uriEscapePath: false,
    applyChecksum: false,
  });
  const { origin, host, basePath } = bucketAddress(options);

  return async ({ key, versionId, method = 'GET' }, lifetimeSeconds, now) => {
    const path = `${basePath}/${key.split('/').map(percentEncode).join('/')}`;
    const { query = {} } = await signer.presign(
      {
        method,
        protocol: 'https:',
        hostname: host,
        path,
        // The hash of the body is part of the signature; for presigned URLs S3 uses this constant in its
        // place.
        headers: { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
        query: {
          'x-id': `${method === 'GET' ? 'Get' : 'Head'}Object`,
          ...(versionId === undefined ? {} : { versionId }),
        },
      },
      { expiresIn: lifetimeSeconds, signingDate: now },
    );
    return `${origin}${path}?${queryString(query)}`;
  };
}

function bucketAddress({ bucket, region, urlSuffix, isDualStack, endpoint }: PresignerOptions) {
  if (endpoint !== undefined) {
    const { origin, host } = new URL(endpoint);
    return { origin, host, basePath: `/${bucket}` };
  }
  const host = `${bucket}.s3.${isDualStack === true ? 'dualstack.' : ''}${region}.${urlSuffix}`;
  return { origin: `https://${host}`, host, basePath: '' };
}

function queryString(query: QueryParameterBag): string {
  return Object.entries(query)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(String(value))}`)
    .join('&');
}

/**
 * As SigV4 has it (RFC 3986 section 2.3): everything but the unreserved characters, so also those that
 * encodeURIComponent leaves.
 */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
