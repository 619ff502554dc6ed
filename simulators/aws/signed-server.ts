import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Access, Guard } from './access.ts';
import type { Identities } from './identities.ts';
import { listenLocally } from './listening.ts';
import { type ReceivedRequest, receiveRequest, UnreadableRequest } from './received-request.ts';
import { SignatureRefused, verifySignature } from './sigv4.ts';

/** What every service of the local AWS needs to know. */
export interface ServiceContext {
  readonly region: string;
  readonly accountId: string;
  readonly identities: Identities;
  readonly now: () => Date;
  /** Policies. @default every request with a valid signature is allowed */
  readonly guard?: Guard | undefined;
}

/** A request whose sender is known, and may. */
export interface Call {
  readonly request: ReceivedRequest;
  readonly callerArn: string;
  /** Aborted when the client hangs up or the server stops. */
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export type Operation = (call: Call) => Reply | Promise<Reply>;

/** An error that the client is told about, in the code and status that AWS documents. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Says so, rather than do half of what was asked. */
export const notImplemented = (what: string) =>
  new ServiceError(501, 'NotImplemented', `the local AWS does not implement ${what}`);

export interface ServiceDefinition {
  /** Name in the credential scope: `s3`, `kms`, ... */
  readonly service: string;
  /** The operation that a request asks for, by AWS's name. */
  readonly operationOf: (request: ReceivedRequest) => string;
  readonly operations: ReadonlyMap<string, Operation>;
  /** What the caller must be allowed for an operation to run. */
  readonly accessesOf: (operation: string, request: ReceivedRequest) => readonly Access[];
  readonly accessDenied: (reason: string) => ServiceError;
  /** The service's own way to say that a signature is refused. */
  readonly signatureError: (refusal: SignatureRefused) => ServiceError;
  readonly errorReply: (error: ServiceError) => Reply;
}

export interface RunningService {
  /** For example `http://127.0.0.1:41234`. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Above the largest configuration that any setting allows (`maxFrameMiB`). */
const mostBodyBytes = 512 * 1024 * 1024;

async function execute(
  definition: ServiceDefinition,
  context: ServiceContext,
  message: IncomingMessage,
  signal: AbortSignal,
): Promise<Reply> {
  const request = await receiveRequest(message, mostBodyBytes);
  const caller = verifySignature(request, { ...context, service: definition.service });
  const name = definition.operationOf(request);
  const operation = definition.operations.get(name);
  if (operation === undefined) {
    throw notImplemented(name);
  }
  // The caller, the operation and the request are known, and nothing has happened yet.
  const { guard } = context;
  for (const access of guard === undefined ? [] : definition.accessesOf(name, request)) {
    const refusal = await guard?.(caller.principalArn, access);
    if (refusal !== undefined) {
      throw definition.accessDenied(refusal);
    }
  }
  return operation({ request, callerArn: caller.principalArn, signal });
}

function toServiceError(definition: ServiceDefinition, error: unknown): ServiceError {
  if (error instanceof ServiceError) {
    return error;
  }
  if (error instanceof SignatureRefused) {
    return definition.signatureError(error);
  }
  if (error instanceof UnreadableRequest) {
    return error.code === 'too-large'
      ? new ServiceError(400, 'EntityTooLarge', error.message)
      : new ServiceError(400, 'InvalidRequest', error.message);
  }
  // A defect of ours: the client learns only that there was one.
  console.error(`the local ${definition.service} failed`, error);
  return new ServiceError(500, 'InternalError', 'the local AWS has a defect: see its standard error');
}

function send(response: ServerResponse, reply: Reply, now: Date): void {
  const requestId = randomUUID();
  const body = Buffer.from(reply.body ?? '');
  response.writeHead(reply.status, {
    // SDKs set their clocks by this when a signature is refused for its time.
    date: now.toUTCString(),
    'x-amzn-requestid': requestId,
    'x-amz-request-id': requestId,
    ...(reply.status === 204 ? {} : { 'content-length': String(body.length) }),
    ...reply.headers,
  });
  // Node itself leaves the body out where there must be none (HEAD, 204).
  response.end(body);
}

/** Serves one service on 127.0.0.1; each request is verified before anything else looks at it. */
export async function startSignedServer(
  definition: ServiceDefinition,
  context: ServiceContext,
): Promise<RunningService> {
  const server = createServer((message, response) => {
    const hangUp = new AbortController();
    response.on('close', () => hangUp.abort());
    execute(definition, context, message, hangUp.signal)
      .catch((error: unknown) => definition.errorReply(toServiceError(definition, error)))
      .then((reply) => send(response, reply, context.now()))
      // Only a client that is gone gets here.
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  const { url, stop } = await listenLocally(server);
  return { endpoint: url, stop };
}
