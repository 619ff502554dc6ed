/**
 * AWS JSON 1.0 and 1.1, the protocol of KMS, SQS and Secrets Manager (smithy.io, "AWS JSON 1.0 protocol").
 */
import * as v from 'valibot';
import type { Access } from './access.ts';
import type { ReceivedRequest } from './received-request.ts';
import {
  type Call,
  notImplemented,
  type Operation,
  type RunningService,
  type ServiceContext,
  ServiceError,
  startSignedServer,
} from './signed-server.ts';
import { commonSignatureError } from './sigv4.ts';

export interface JsonProtocol {
  /** Name in the credential scope. */
  readonly service: string;
  /** What stands before the operation in `X-Amz-Target`. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
}

const contentType = (protocol: JsonProtocol) => ({
  'content-type': `application/x-amz-json-${protocol.version}`,
});

function readJson({ body }: ReceivedRequest): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ServiceError(400, 'SerializationException', 'the body is not JSON');
  }
}

function parseInput<T extends v.GenericSchema>(schema: T, { request }: Call): v.InferOutput<T> {
  const result = v.safeParse(schema, readJson(request));
  if (result.success) {
    return result.output;
  }
  const unknown = result.issues.filter(
    ({ type, expected }) => type === 'strict_object' && expected === 'never',
  );
  throw unknown.length > 0
    ? notImplemented(`the parameter ${unknown.map((issue) => v.getDotPath(issue)).join(', ')}`)
    : new ServiceError(400, 'ValidationException', v.summarize(result.issues));
}

/**
 * One operation: its input's schema, strict, so that a parameter that would be ignored answers 501 instead.
 */
export type JsonOperation = (protocol: JsonProtocol) => Operation;

export function jsonOperation<T extends v.GenericSchema>(
  schema: T,
  run: (input: v.InferOutput<T>, call: Call) => object | Promise<object>,
): JsonOperation {
  return (protocol) => async (call) => ({
    status: 200,
    headers: contentType(protocol),
    body: JSON.stringify(await run(parseInput(schema, call), call)),
  });
}

/** What an operation was asked, before its schema has looked at it. */
export type JsonInput = Readonly<Record<string, unknown>>;

export function startJsonService(
  protocol: JsonProtocol,
  operations: Readonly<Record<string, JsonOperation>>,
  accessesOf: (operation: string, input: JsonInput) => readonly Access[],
  context: ServiceContext,
): Promise<RunningService> {
  return startSignedServer(
    {
      service: protocol.service,
      operationOf: ({ headers }) => {
        const target = headers.get('x-amz-target') ?? '';
        return target.startsWith(`${protocol.target}.`)
          ? target.slice(protocol.target.length + 1)
          : `"${target}"`;
      },
      operations: new Map(Object.entries(operations).map(([name, operation]) => [name, operation(protocol)])),
      accessesOf: (operation, request) => accessesOf(operation, Object(readJson(request))),
      accessDenied: (reason) => new ServiceError(400, 'AccessDeniedException', reason),
      signatureError: ({ code, message }) =>
        new ServiceError(code === 'missing' ? 403 : 400, commonSignatureError(code), message),
      errorReply: ({ status, code, message }) => ({
        status,
        headers: contentType(protocol),
        body: JSON.stringify({ __type: code, message }),
      }),
    },
    context,
  );
}
