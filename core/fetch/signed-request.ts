import type { AwsCredentialIdentity, Provider } from '@smithy/types';
import * as v from 'valibot';
import { Sha256 } from '../access/sha256.ts';
import { StandbyError } from './errors.ts';
import { describeRequestFailure } from './http-client.ts';

/** By AWS credentials. */
export interface IamAuthentication {
  readonly by: 'iam';
  readonly region: string;
  readonly credentials: AwsCredentialIdentity | Provider<AwsCredentialIdentity>;
}

/** One HTTP request, ready to be sent. */
export interface PreparedRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

let signatures: Promise<typeof import('@smithy/signature-v4')> | undefined;

/** Loads what signs. Not at the client's start, for most nodes never ask; and once. */
export function loadSignatures(): Promise<typeof import('@smithy/signature-v4')> {
  signatures ??= import('@smithy/signature-v4');
  return signatures;
}

/**
 * With SigV4.
 *
 * @throws StandbyError `denied` when the credentials are of no use
 */
export async function signRequest(
  { region, credentials }: IamAuthentication,
  service: string,
  { url, method, headers, body }: PreparedRequest,
  now: Date,
): Promise<PreparedRequest> {
  const { SignatureV4 } = await loadSignatures();
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const request = await signer
    .sign(
      {
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { ...headers, host: url.host, accept: 'application/json' },
        body,
      },
      { signingDate: now },
    )
    .catch((error: unknown) => {
      throw new StandbyError(
        'denied',
        `the request cannot be signed with the AWS credentials (${describeRequestFailure(error)}): give this machine a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
        { cause: error },
      );
    });
  // The client writes the host header itself, from the URL.
  const { host: _, ...others } = request.headers;
  return { url, method, headers: others, ...(body === undefined ? {} : { body }) };
}

/**
 * What a request was signed with, for a person who was refused: API Gateway says "Forbidden" for every cause.
 * An access key's id is no secret, and its ends are enough to know it by.
 */
export function describeSigner({ credentials, region }: IamAuthentication): string {
  const known = typeof credentials === 'function' ? undefined : credentials;
  const id = known?.accessKeyId ?? '';
  const key = known === undefined ? '' : `with the access key ${id.slice(0, 4)}…${id.slice(-4)}`;
  const end = known?.expiration === undefined ? '' : `, which ends at ${known.expiration.toISOString()},`;
  return `The request was signed ${key}${end}${key === '' ? '' : ' '}for region ${region}. If the API is in another one, name that with --region.`;
}

/** Whether an answer is an error that one of our functions has made. */
export function isOurProblem(text: string): boolean {
  return v.safeParse(v.pipe(v.string(), v.parseJson(), v.object({ detail: v.string() })), text).success;
}

/**
 * Whether somebody on the way has answered in the endpoint's place, such as a proxy: API Gateway, Lambda and
 * our functions answer with JSON, and never with a page.
 */
export function isStrangersAnswer(status: number, text: string): boolean {
  return status < 500 && text.trimStart().startsWith('<');
}

/**
 * What the endpoint said: our own problem details (RFC 9457), or the words of API Gateway, of Lambda, or of a
 * function that failed.
 */
export function readExplanation(text: string): string {
  const said = v.safeParse(
    v.pipe(
      v.string(),
      v.parseJson(),
      v.object({
        detail: v.optional(v.string()),
        message: v.optional(v.string()),
        Message: v.optional(v.string()),
        errorMessage: v.optional(v.string()),
      }),
    ),
    text,
  );
  const { detail, message, Message, errorMessage } = said.success ? said.output : {};
  const words = detail ?? message ?? Message ?? errorMessage;
  return words === undefined ? '' : ` (${words.slice(0, 500)})`;
}
