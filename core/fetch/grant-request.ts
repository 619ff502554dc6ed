import * as v from 'valibot';
import { grantPath } from '../access/assertion.ts';
import { type ClusterIdentity, signAssertion } from '../access/cluster-identity.ts';
import type { Clock } from '../clock.ts';
import { controlPlaneName, kongVersion as kongVersionSchema } from '../names.ts';
import type { RandomSource } from '../random-source.ts';
import { findFunctionRegion, lambdaUrl } from './aws-endpoints.ts';
import { isThisMachine, urlBelow } from './endpoint-url.ts';
import { StandbyError } from './errors.ts';
import {
  describeRequestFailure,
  type Fetch,
  fetchDirectly,
  type HttpResponse,
  readBodyText,
} from './http-client.ts';
import { requirePlausibleClock } from './plausible-clock.ts';
import { readThrottling, throttlingAdvice } from './retry-after.ts';
import {
  describeSigner,
  type IamAuthentication,
  isOurProblem,
  isStrangersAnswer,
  type PreparedRequest,
  readExplanation,
  signRequest,
} from './signed-request.ts';

/** By the certificate and key of Kong's hybrid mode. */
export interface ClusterAuthentication {
  readonly by: 'cluster-certificate';
  readonly identity: ClusterIdentity;
}

export type GrantAuthentication = IamAuthentication | ClusterAuthentication;

export interface GrantRequest {
  /**
   * Base URL of Lifeboat's HTTP API, or the ARN of a control plane's function (`arn:` is a URL's scheme), as
   * the stack's outputs give them.
   */
  readonly endpoint: URL;
  readonly controlPlane: string;
  /** Full version of the data plane. */
  readonly kongVersion: string;
  /** S3's id of a version of the file. @default the current one */
  readonly versionId?: string | undefined;
  /** A function is invoked by IAM only. */
  readonly authentication: GrantAuthentication;
  /** Another endpoint of Lambda than AWS's own. */
  readonly lambdaEndpoint?: URL | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Gives assertions their ids. */
  readonly random: RandomSource;
  /** @default without a proxy */
  readonly fetch?: Fetch | undefined;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

// What comes from there is as secret as the URL itself.
const secretUrl = v.pipe(
  v.string(),
  v.check((url) => URL.canParse(url) && (url.startsWith('https:') || isThisMachine(new URL(url)))),
);

/** A grant, as far as it is read. */
export const grantSchema = v.object({
  url: secretUrl,
  // Grants of older releases have none; a file can be taken without it.
  statusUrl: v.fallback(v.optional(secretUrl), undefined),
  method: v.literal('GET'),
  expiresAt: v.pipe(v.string(), v.isoTimestamp()),
  controlPlane: controlPlaneName,
  kongVersion: kongVersionSchema,
});

export type ReceivedGrant = v.InferOutput<typeof grantSchema>;

// API Gateway refuses signatures that are five minutes off; assertions are good for a minute, and ten seconds
// ahead of their time.
const tolerableSkewMs = { iam: 4 * 60 * 1000, 'cluster-certificate': 9 * 1000 } as const;
const largestAnswerBytes = 64 * 1024;

interface Answer {
  /** 200, or that of a problem. */
  readonly status: number;
  readonly text: string;
  readonly response: HttpResponse;
}

/**
 * Asks for a grant: by a request signed for IAM, by an assertion that the cluster certificate's key has
 * signed, or by invoking the function.
 *
 * @throws StandbyError `denied`, `no-file` or `unreachable`
 */
export async function requestGrant(request: GrantRequest): Promise<ReceivedGrant> {
  const answer = await sendRequest(request, await prepareRequest(request));
  if (answer.status !== 200) {
    throw refusalError(request, answer);
  }
  const grant = v.safeParse(v.pipe(v.string(), v.parseJson(), grantSchema), answer.text);
  if (!grant.success) {
    throw new StandbyError(
      'unreachable',
      `${nameEndpoint(request.endpoint)} answered 200, but the answer is not a grant. Check that --endpoint is the URL of Lifeboat’s HTTP API or the ARN of its function`,
    );
  }
  return grant.output;
}

const isFunction = (endpoint: URL) => endpoint.protocol === 'arn:';

/** What a message calls the endpoint. */
export function nameEndpoint(endpoint: URL): string {
  return isFunction(endpoint) ? endpoint.href : endpoint.origin;
}

function prepareRequest(request: GrantRequest): Promise<PreparedRequest> {
  const { endpoint, controlPlane, kongVersion, versionId, authentication, clock } = request;
  requirePlausibleClock(clock.now());
  const asked = { kongVersion, ...(versionId === undefined ? {} : { versionId }) };
  if (isFunction(endpoint)) {
    return prepareInvocation(request, asked);
  }
  const url = urlBelow(endpoint, grantPath(controlPlane), asked);
  return authentication.by === 'iam'
    ? signRequest(authentication, 'execute-api', { url, method: 'GET', headers: {} }, clock.now())
    : prepareAssertion(authentication, url, request);
}

async function prepareAssertion(
  { identity }: ClusterAuthentication,
  url: URL,
  { controlPlane, clock, random }: GrantRequest,
): Promise<PreparedRequest> {
  const assertion = await signAssertion(identity, controlPlane, clock.now(), random);
  return {
    url,
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({ assertion }),
  };
}

/**
 * Invoke of Lambda's API, which has a private endpoint where HTTP APIs have none (Lambda API Reference,
 * "Invoke").
 */
function prepareInvocation(
  { endpoint, authentication, lambdaEndpoint, clock }: GrantRequest,
  asked: object,
): Promise<PreparedRequest> {
  if (authentication.by !== 'iam') {
    throw new StandbyError(
      'denied',
      `${nameEndpoint(endpoint)} is a function, which takes AWS credentials only`,
    );
  }
  const region = findFunctionRegion(endpoint) ?? authentication.region;
  const url = urlBelow(
    lambdaEndpoint ?? lambdaUrl(region),
    `/2015-03-31/functions/${encodeURIComponent(endpoint.href)}/invocations`,
  );
  return signRequest(
    { ...authentication, region },
    'lambda',
    {
      url,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'RequestResponse' },
      body: JSON.stringify(asked),
    },
    clock.now(),
  );
}

async function sendRequest(
  { endpoint, timeoutMs, clock, fetch = fetchDirectly, signal }: GrantRequest,
  { url, ...request }: PreparedRequest,
): Promise<Answer> {
  try {
    const response = await fetch(url, { ...request, signal: clock.deadline(timeoutMs, signal) });
    const { text, isCut } = await readBodyText(response, largestAnswerBytes);
    if (isCut) {
      throw new StandbyError(
        'unreachable',
        `the grant endpoint’s answer is larger than ${largestAnswerBytes} bytes`,
      );
    }
    return {
      status: isFunction(endpoint) ? readInvocationStatus(response, text) : response.status,
      text,
      response,
    };
  } catch (error) {
    if (error instanceof StandbyError) {
      throw error;
    }
    throw new StandbyError(
      'unreachable',
      `the grant endpoint ${isFunction(endpoint) ? url.origin : endpoint.origin} did not answer (${describeRequestFailure(error)})`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Lambda answers 200 when the function has run: whether it failed says a header, and a problem of ours says
 * so itself.
 */
function readInvocationStatus(response: HttpResponse, text: string): number {
  if (response.status !== 200) {
    return response.status;
  }
  if (response.headers.has('x-amz-function-error')) {
    return 500;
  }
  const problem = v.safeParse(
    v.pipe(v.string(), v.parseJson(), v.object({ status: v.pipe(v.number(), v.integer()) })),
    text,
  );
  return problem.success ? problem.output.status : 200;
}

function refusalError(
  { endpoint, controlPlane, authentication, clock }: GrantRequest,
  answer: Answer,
): StandbyError {
  const { status, response, text } = answer;
  const answered = `${nameEndpoint(endpoint)} answered ${status} to the request for control plane "${controlPlane}"${readExplanation(text)}`;
  if (isStrangersAnswer(status, text)) {
    return new StandbyError(
      'unreachable',
      `${answered}: it is neither AWS nor Lifeboat that answers so. Check --endpoint, and what is on the way, such as a proxy`,
    );
  }
  if (status === 401 || status === 403) {
    const skewMs = measureClockSkewMs(response, clock.now());
    const skew =
      Math.abs(skewMs) > tolerableSkewMs[authentication.by]
        ? ` This machine’s clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead' : 'behind'}, which makes every signature invalid: set it.`
        : '';
    return new StandbyError(
      'denied',
      `${answered}.${skew} ${describeNeed(endpoint, controlPlane, authentication)}`,
    );
  }
  if (status === 404) {
    const advice = isOurProblem(text)
      ? 'Check --control-plane and --kong-version against the deployment'
      : 'That is not how Lifeboat answers: is this the right endpoint? Check host and path of --endpoint';
    return new StandbyError('no-file', `${answered}. ${advice}`);
  }
  const throttling = readThrottling({ ...response, status }, clock.now());
  return throttling === undefined
    ? new StandbyError('unreachable', answered)
    : new StandbyError('unreachable', `${answered}: ${throttlingAdvice}`, { throttling });
}

/** API Gateway says "Forbidden" for every cause: what was used is said, for a person to see which it is. */
function describeNeed(endpoint: URL, controlPlane: string, authentication: GrantAuthentication): string {
  if (authentication.by === 'cluster-certificate') {
    return 'The deployment’s dataPlaneAuth must name this cluster certificate, or the authority that issued it';
  }
  const region = findFunctionRegion(endpoint) ?? authentication.region;
  const need = isFunction(endpoint)
    ? `lambda:InvokeFunction on ${endpoint.href}`
    : `execute-api:Invoke on .../GET${grantPath(controlPlane)}`;
  return `${describeSigner({ ...authentication, region })} If the credentials are good and still valid, their role needs ${need}`;
}

/** How far this machine's clock is ahead of the endpoint's. */
function measureClockSkewMs(response: HttpResponse, now: Date): number {
  const theirs = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(theirs) ? 0 : now.getTime() - theirs;
}
