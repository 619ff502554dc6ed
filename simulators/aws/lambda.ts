/** Invoke of AWS Lambda, for functions that run here. Behaviour: its API Reference. */
import { type Access, overTls } from './access.ts';
import { percentDecode, type ReceivedRequest } from './received-request.ts';
import {
  notImplemented,
  type Operation,
  type Reply,
  type RunningService,
  type ServiceContext,
  ServiceError,
  startSignedServer,
} from './signed-server.ts';
import { commonSignatureError } from './sigv4.ts';

/** Rejects where the function fails. */
export type Invoke = (event: unknown) => Promise<unknown>;

export interface LocalLambda extends RunningService {
  /** The ARN that a function of this name has. */
  arnOf(name: string): string;
  createFunction(name: string, invoke: Invoke): void;
}

/** Lambda Developer Guide, "Lambda quotas": 6 MB for each synchronous invocation. */
export const largestEventBytes = 6 * 1024 * 1024;

const invocations = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/** Starts a Lambda whose functions are given to it. */
export async function startLocalLambda(context: ServiceContext): Promise<LocalLambda> {
  const functions = new Map<string, Invoke>();
  const arnOf = (name: string) => `arn:aws:lambda:${context.region}:${context.accountId}:function:${name}`;

  const invoke: Operation = async ({ request }) => {
    const type = request.headers.get('x-amz-invocation-type') ?? 'RequestResponse';
    if (type !== 'RequestResponse') {
      throw notImplemented(`the invocation type ${type}`);
    }
    if (request.query.length > 0 || request.headers.has('x-amz-client-context')) {
      throw notImplemented('qualifiers and client contexts');
    }
    const arn = functionArn(request, arnOf);
    const run = functions.get(arn);
    if (run === undefined) {
      throw new ServiceError(404, 'ResourceNotFoundException', `Function not found: ${arn}`);
    }
    return answer(run, payload(request));
  };

  const service = await startSignedServer(
    {
      service: 'lambda',
      operationOf: ({ method, path }) =>
        method === 'POST' && invocations.test(path) ? 'Invoke' : `${method} ${path}`,
      operations: new Map([['Invoke', invoke]]),
      accessesOf: (_operation, request): readonly Access[] => [
        { action: 'lambda:InvokeFunction', resourceArn: functionArn(request, arnOf), context: overTls },
      ],
      accessDenied: (reason) => new ServiceError(403, 'AccessDeniedException', reason),
      signatureError: ({ code, message }) => new ServiceError(403, commonSignatureError(code), message),
      errorReply: ({ status, code, message }) => ({
        status,
        headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
        body: JSON.stringify({ Message: message }),
      }),
    },
    context,
  );
  return {
    ...service,
    arnOf,
    createFunction: (name, run) => {
      functions.set(arnOf(name), run);
    },
  };
}

/** By name or ARN. */
function functionArn({ path }: ReceivedRequest, arnOf: (name: string) => string): string {
  const named = percentDecode(invocations.exec(path)?.[1] ?? '');
  return named.startsWith('arn:') ? named : arnOf(named);
}

function payload({ body }: ReceivedRequest): unknown {
  if (body.length > largestEventBytes) {
    throw new ServiceError(
      413,
      'RequestTooLargeException',
      `Request must be smaller than ${largestEventBytes} bytes for the InvokeFunction operation`,
    );
  }
  try {
    return body.length === 0 ? null : JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ServiceError(
      400,
      'InvalidRequestContentException',
      `Could not parse request body into json: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** The status tells whether the function was run, a header whether it failed (API Reference, "Invoke"). */
async function answer(run: Invoke, event: unknown): Promise<Reply> {
  const headers = { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST' };
  try {
    return { status: 200, headers, body: JSON.stringify((await run(event)) ?? null) };
  } catch {
    return {
      status: 200,
      headers: { ...headers, 'x-amz-function-error': 'Unhandled' },
      body: JSON.stringify({ errorType: 'Error', errorMessage: 'the function failed, see its log' }),
    };
  }
}
