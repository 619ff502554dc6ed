import { isNativeError } from 'node:util/types';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, Provider } from '@smithy/types';
import * as v from 'valibot';
import { Sha256 } from '../access/sha256.ts';
import { controlPlaneName, kongVersion as kongVersionSchema } from '../names.ts';
import { StandbyError } from './errors.ts';
import type { Fetch } from './http-client.ts';

export interface GrantRequest {
  /** Base URL of Lifeboat's HTTP API, as the stack's outputs give it. */
  readonly endpoint: URL;
  readonly controlPlane: string;
  /** Full version of the data plane. */
  readonly kongVersion: string;
  /** S3's id of a version of the file. @default the current one */
  readonly versionId?: string | undefined;
  readonly region: string;
  readonly credentials: AwsCredentialIdentity | Provider<AwsCredentialIdentity>;
  readonly timeoutMs: number;
  readonly now: () => Date;
  /** @default Node's own */
  readonly fetch?: Fetch | undefined;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

const grantSchema = v.object({
  url: v.pipe(v.string(), v.url()),
  method: v.literal('GET'),
  expiresAt: v.pipe(v.string(), v.isoTimestamp()),
  controlPlane: controlPlaneName,
  kongVersion: kongVersionSchema,
});

export type ReceivedGrant = v.InferOutput<typeof grantSchema>;

// API Gateway refuses signatures that are five minutes off.
const tolerableSkewMs = 4 * 60 * 1000;
const largestAnswerBytes = 64 * 1024;

/**
 * Asks for a grant with an IAM-signed request (SigV4, service execute-api).
 *
 * @throws StandbyError `denied`, `no-file` or `unreachable`
 */
export async function requestGrant(request: GrantRequest): Promise<ReceivedGrant> {
  const { endpoint, controlPlane, kongVersion, versionId, timeoutMs, fetch = globalThis.fetch } = request;
  const query = { kongVersion, ...(versionId === undefined ? {} : { versionId }) };
  const path = `${endpoint.pathname.replace(/\/$/, '')}/control-planes/${controlPlane}/fallback-config`;
  const signer = new SignatureV4({
    service: 'execute-api',
    region: request.region,
    credentials: request.credentials,
    sha256: Sha256,
  });
  const { headers } = await signer
    .sign(
      {
        method: 'GET',
        protocol: endpoint.protocol,
        hostname: endpoint.hostname,
        path,
        query,
        headers: { host: endpoint.host, accept: 'application/json' },
      },
      { signingDate: request.now() },
    )
    .catch((error: unknown) => {
      throw new StandbyError(
        'denied',
        `there are no AWS credentials to ask with (${reason(error)}): give the machine a role, or set a profile or AWS_* variables`,
        { cause: error },
      );
    });
  // fetch writes the host header itself, from the URL.
  delete headers['host'];

  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL(`${path}?${new URLSearchParams(query)}`, endpoint), {
      headers,
      redirect: 'error',
      signal: limit(timeoutMs, request.signal),
    });
    text = await limitedText(response);
  } catch (error) {
    if (error instanceof StandbyError) {
      throw error;
    }
    throw new StandbyError(
      'unreachable',
      `the grant endpoint ${endpoint.origin} did not answer (${reason(error)})`,
      {
        cause: error,
      },
    );
  }
  if (response.status === 200) {
    const grant = v.safeParse(v.pipe(v.string(), v.parseJson(), grantSchema), text);
    if (!grant.success) {
      throw new StandbyError(
        'unreachable',
        `${endpoint.origin} answered 200 with something that is no grant: is --endpoint the URL of Lifeboat’s HTTP API?`,
      );
    }
    return grant.output;
  }
  throw refusal(request, response, explanation(text));
}

function refusal(
  { endpoint, controlPlane, now }: GrantRequest,
  response: Response,
  said: string,
): StandbyError {
  const { status } = response;
  const answered = `${endpoint.origin} answered ${status} to the request for control plane "${controlPlane}"${said}`;
  if (status === 401 || status === 403) {
    const skewMs = clockSkewMs(response, now());
    const clock =
      Math.abs(skewMs) > tolerableSkewMs
        ? ` This machine’s clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead' : 'behind'}, which alone makes every signature invalid: set it.`
        : '';
    return new StandbyError(
      'denied',
      `${answered}.${clock} The role whose credentials are used needs execute-api:Invoke on .../GET/control-planes/${controlPlane}/fallback-config`,
    );
  }
  if (status === 404) {
    return new StandbyError(
      'no-file',
      `${answered}. Check --control-plane and --kong-version against the deployment`,
    );
  }
  return new StandbyError('unreachable', answered);
}

/** How far this machine's clock is ahead of the endpoint's. */
function clockSkewMs(response: Response, now: Date): number {
  const theirs = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(theirs) ? 0 : now.getTime() - theirs;
}

/** What the endpoint said: our own problem details (RFC 9457), or API Gateway's `{"message"}`. */
function explanation(text: string): string {
  const said = v.safeParse(
    v.pipe(
      v.string(),
      v.parseJson(),
      v.object({ detail: v.optional(v.string()), message: v.optional(v.string()) }),
    ),
    text,
  );
  const words = said.success ? (said.output.detail ?? said.output.message) : undefined;
  return words === undefined ? '' : ` (${words.slice(0, 500)})`;
}

async function limitedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > largestAnswerBytes) {
      throw new StandbyError(
        'unreachable',
        `the grant endpoint’s answer is larger than ${largestAnswerBytes} bytes`,
      );
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Ends a fetch after a time, or with `signal`. */
export function limit(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

/** What went wrong with a fetch, in a word: its own message says only "fetch failed". */
export function reason(error: unknown): string {
  if (!isNativeError(error)) {
    return String(error);
  }
  const { cause } = error;
  if (isNativeError(cause)) {
    return 'code' in cause ? String(cause.code) : cause.message;
  }
  return error.name === 'TimeoutError' ? 'timeout' : error.message;
}
