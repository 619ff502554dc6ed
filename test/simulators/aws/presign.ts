import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

/** Node's SHA-256, in the shape that the AWS signer wants. */
export class Sha256 {
  private readonly hash: Hash | Hmac;

  constructor(secret?: unknown) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }

  update(data: Uint8Array): void {
    this.hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }

  reset(): void {
    throw new Error('not used by the signer');
  }
}

/** As RFC 3986 has it: everything but unreserved characters. */
export const percentEncode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Keys keep their slashes, as the SDK sends them. */
export const encodePath = (text: string) => text.split('/').map(percentEncode).join('/');

export interface PresignTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly bucket: string;
}

/** A URL that reads an object for 120 seconds from `signingDate` on. */
export async function presignObject(
  target: PresignTarget,
  key: string,
  signingDate = new Date(),
): Promise<string> {
  const { protocol, host, hostname } = new URL(target.endpoint);
  const signer = new SignatureV4({
    service: 's3',
    region: target.region,
    credentials: target.credentials,
    sha256: Sha256,
    uriEscapePath: false,
  });
  const path = `/${target.bucket}/${encodePath(key)}`;
  const { query = {} } = await signer.presign(
    {
      protocol,
      hostname,
      method: 'GET',
      path,
      headers: { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    },
    { signingDate, expiresIn: 120 },
  );
  const parameters = Object.entries(query).map(([name, value]) => `${name}=${percentEncode(String(value))}`);
  return `${target.endpoint}${path}?${parameters.join('&')}`;
}
