import type { Clock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import { urlBelow } from './endpoint-url.ts';
import { describeRequestFailure, type Fetch, fetchDirectly, readBodyText } from './http-client.ts';
import { requirePlausibleClock } from './plausible-clock.ts';
import {
  describeSigner,
  type IamAuthentication,
  isOurProblem,
  isStrangersAnswer,
  readExplanation,
  signRequest,
} from './signed-request.ts';

/**
 * - `denied`: the caller may not, or the signature is not good.
 * - `refused`: the request makes no sense now; the message says why.
 * - `failed`: nobody answered, or the API failed. It may be sent again.
 */
export type ApiErrorCode = 'denied' | 'refused' | 'failed';

/** A person's request to Lifeboat's API was not followed. */
export class ApiError extends CodedError<ApiErrorCode> {
  override readonly name = 'ApiError';
}

/** How people reach the API. */
export interface ApiAccess {
  /** Base URL of Lifeboat's HTTP API. */
  readonly endpoint: URL;
  readonly controlPlane: string;
  readonly authentication: IamAuthentication;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** @default without a proxy */
  readonly fetch?: Fetch | undefined;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Below the control plane's. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** JSON. */
  readonly body?: string | undefined;
  /** What is asked for, in quotes. */
  readonly what: string;
  /** What to do when nobody answers. */
  readonly advice: string;
  /** What a role needs besides the right to call this route; as the end of a sentence. */
  readonly needs?: string | undefined;
  readonly largestAnswerBytes: number;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a request that a person has signed.
 *
 * @returns the answer, JSON
 * @throws ApiError, or StandbyError `denied` when the credentials or this machine's clock are of no use
 */
export async function askApi(access: ApiAccess, request: ApiRequest): Promise<string> {
  const { endpoint, controlPlane, authentication, clock } = access;
  const { method, query = {}, body, what, needs = '' } = request;
  requirePlausibleClock(clock.now());
  const path = `/control-planes/${controlPlane}${request.path}`;
  const asked = urlBelow(endpoint, path);
  for (const [name, value] of Object.entries(query)) {
    asked.searchParams.set(name, value);
  }
  const { url, ...signed } = await signRequest(
    authentication,
    'execute-api',
    {
      url: asked,
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    },
    clock.now(),
  );
  const { status, text } = await send(access, request, url, signed);
  if ((status === 200 || status === 202) && looksLikeObject(text)) {
    return text;
  }
  const said = `${endpoint.origin} answered ${status} to "${what}" for control plane "${controlPlane}"${readExplanation(text)}`;
  if (isStrangersAnswer(status, text)) {
    throw new ApiError(
      'failed',
      `${said}: it is neither AWS nor Lifeboat that answers so. Check --endpoint, and what is on the way, such as a proxy`,
    );
  }
  if (status === 401 || status === 403) {
    const right = `execute-api:Invoke on ${describeArn(endpoint, authentication.region)}/${method}${path}${needs}`;
    throw new ApiError(
      'denied',
      isOurProblem(text)
        ? `${said}. The role needs ${right}`
        : `${said}. ${describeSigner(authentication)} If the credentials are good and still valid, their role needs ${right}`,
    );
  }
  if ((status === 404 || status < 300) && !isOurProblem(text)) {
    throw new ApiError(
      'failed',
      `${said}. That is not how Lifeboat answers: is this the right endpoint? Check host and path of --endpoint, and whether its stack is ` +
        'of the release of this command',
    );
  }
  throw new ApiError(status >= 500 || status === 429 ? 'failed' : 'refused', said);
}

/** All that the API answers is an object. Readers look into it; pages of megabytes are not read twice. */
const looksLikeObject = (text: string) => text.trimStart().startsWith('{');

/** Of the API's stage, as a policy names it; where its host does not tell the API, as far as that goes. */
function describeArn({ hostname }: URL, region: string): string {
  const [, apiId] = /^([a-z0-9]+)\.execute-api\./.exec(hostname) ?? [];
  return apiId === undefined ? '...' : `arn:*:execute-api:${region}:*:${apiId}/*`;
}

async function send(
  { endpoint, timeoutMs, clock, fetch = fetchDirectly }: ApiAccess,
  { advice, largestAnswerBytes, signal: ending }: ApiRequest,
  url: URL,
  signed: Parameters<Fetch>[1],
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { ...signed, signal: clock.deadline(timeoutMs, ending) });
    return { status: response.status, text: (await readBodyText(response, largestAnswerBytes)).text };
  } catch (error) {
    throw new ApiError(
      'failed',
      `${endpoint.origin} did not answer (${describeRequestFailure(error)}). ${advice}`,
      { cause: error },
    );
  }
}
