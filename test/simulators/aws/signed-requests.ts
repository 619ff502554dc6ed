import { createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../../core/access/sha256.ts';
import type { Identity } from '../../../simulators/aws/identities.ts';

/** The header of a delivery that Kong signs so. */
export function hookSignature(
  secret: string,
  body: string | Uint8Array,
  algorithm: 'sha1' | 'sha256' = 'sha256',
): string {
  return `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
}

export interface IamRequest {
  readonly url: string;
  readonly identity: Identity;
  readonly region: string;
  /** @default 'execute-api' */
  readonly service?: string;
  readonly method?: string;
  readonly signingDate?: Date;
}

/** Headers of a request signed with SigV4. */
export async function iamHeaders(request: IamRequest): Promise<Readonly<Record<string, string>>> {
  const { service = 'execute-api', method = 'GET' } = request;
  const { protocol, hostname, host, pathname, searchParams } = new URL(request.url);
  const signer = new SignatureV4({
    service,
    region: request.region,
    credentials: request.identity,
    sha256: Sha256,
  });
  const query: Record<string, string[]> = {};
  for (const [name, value] of searchParams) {
    query[name] = [...(query[name] ?? []), value];
  }
  const { headers } = await signer.sign(
    { method, protocol, hostname, path: pathname, query, headers: { host } },
    request.signingDate === undefined ? {} : { signingDate: request.signingDate },
  );
  const { host: _written, ...others } = headers;
  return others;
}
