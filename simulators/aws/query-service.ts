/** AWS Query, the protocol of CloudFormation and STS: forms in, XML out (smithy.io, "AWS Query protocol"). */
import { randomUUID } from 'node:crypto';
import type { Access } from './access.ts';
import type { ReceivedRequest } from './received-request.ts';
import { xmlReply } from './s3-objects.ts';
import {
  type Operation,
  type Reply,
  type RunningService,
  type ServiceContext,
  ServiceError,
  startSignedServer,
} from './signed-server.ts';
import type { SignatureRefused } from './sigv4.ts';

interface QueryProtocol {
  /** Name in the credential scope. */
  readonly service: string;
  /** Of its XML. */
  readonly namespace: string;
}

/** What a request says: a form, with the operation's name as `Action`. */
export const parametersOf = ({ body }: ReceivedRequest) => new URLSearchParams(body.toString());

export function queryReply(namespace: string, operation: string, result: object): Reply {
  return xmlReply(200, {
    [`${operation}Response`]: {
      '@xmlns': namespace,
      [`${operation}Result`]: result,
      ResponseMetadata: { RequestId: randomUUID() },
    },
  });
}

/** Codes of the Query protocol (API Reference, "Common Errors"). */
function signatureError({ code, message }: SignatureRefused): ServiceError {
  const isUnknown = code === 'unknown-access-key' || code === 'wrong-session-token';
  const codes = { missing: 'MissingAuthenticationToken', malformed: 'IncompleteSignature' };
  const known = isUnknown ? 'InvalidClientTokenId' : 'SignatureDoesNotMatch';
  return new ServiceError(403, code === 'missing' || code === 'malformed' ? codes[code] : known, message);
}

export function startQueryService(
  { service, namespace }: QueryProtocol,
  operations: Readonly<Record<string, Operation>>,
  accessesOf: (operation: string, request: ReceivedRequest) => readonly Access[],
  context: ServiceContext,
): Promise<RunningService> {
  return startSignedServer(
    {
      service,
      operationOf: (request) => parametersOf(request).get('Action') ?? '',
      operations: new Map(Object.entries(operations)),
      accessesOf,
      accessDenied: (reason) => new ServiceError(403, 'AccessDenied', reason),
      signatureError,
      errorReply: ({ status, code, message }) =>
        xmlReply(status, {
          ErrorResponse: {
            '@xmlns': namespace,
            Error: { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message },
            RequestId: randomUUID(),
          },
        }),
    },
    context,
  );
}
