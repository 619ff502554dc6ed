import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyEventV2WithIAMAuthorizer,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda';
import { type Guard, overTls } from './access.ts';
import type { Identities, Identity } from './identities.ts';
import type { LambdaFunction } from './lambda-function.ts';
import {
  percentDecode,
  type QueryParameter,
  type ReceivedRequest,
  receiveRequest,
  UnreadableRequest,
} from './received-request.ts';
import { SignatureRefused, verifySignature } from './sigv4.ts';

/** A route of the HTTP API; the first that fits answers. */
export interface Route {
  readonly method: string;
  /** As API Gateway writes it: `/control-planes/{controlPlane}/events`. */
  readonly path: string;
  readonly authorization: 'iam' | 'none';
  readonly function: LambdaFunction;
}

export interface HttpApiOptions {
  readonly routes: readonly Route[];
  readonly identities: Identities;
  readonly region: string;
  readonly accountId: string;
  readonly now: () => Date;
  /** Policies that callers of IAM routes are checked against. */
  readonly guard?: Guard | undefined;
  /** @default a free one */
  readonly port?: number | undefined;
}

export interface HttpApi {
  readonly url: string;
  stop(): Promise<void>;
}

export const localApiId = 'local';

// docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxBodyBytes = 10 * 1024 * 1024;

/** API Gateway's HTTP API in front of the functions: routes, IAM authorization, payload format 2.0. It has no throttles. */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const server = createServer((message, response) => {
    void answer(options, message).then((result) => send(response, result));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  options: HttpApiOptions,
  message: IncomingMessage,
): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    const request = await receiveRequest(message, maxBodyBytes);
    for (const route of options.routes) {
      const pathParameters = match(route, request);
      if (pathParameters !== undefined) {
        const caller = route.authorization === 'iam' ? await authorized(options, request) : undefined;
        const event = proxyEvent(options, route, request, pathParameters, caller);
        return (await route.function.invoke(event)) as APIGatewayProxyStructuredResultV2;
      }
    }
    return gatewayError(404, 'Not Found');
  } catch (error) {
    if (error instanceof SignatureRefused || error instanceof NotAuthorized) {
      return gatewayError(403, 'Forbidden');
    }
    if (error instanceof UnreadableRequest) {
      return error.code === 'too-large'
        ? gatewayError(413, 'Request Entity Too Large')
        : gatewayError(400, 'Bad Request');
    }
    return gatewayError(500, 'Internal Server Error');
  }
}

function match(route: Route, request: ReceivedRequest): Readonly<Record<string, string>> | undefined {
  const pattern = route.path.split('/');
  const path = request.path.split('/');
  if (route.method !== request.method || pattern.length !== path.length) {
    return undefined;
  }
  const parameters: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const given = path[index] ?? '';
    if (part.startsWith('{') && given !== '') {
      parameters[part.slice(1, -1)] = percentDecode(given);
    } else if (part !== given) {
      return undefined;
    }
  }
  return parameters;
}

/** Names the resource as IAM policies do (API Gateway Developer Guide, "IAM authorization for HTTP APIs"). */
async function authorized(options: HttpApiOptions, request: ReceivedRequest): Promise<Identity> {
  const caller = verifySignature(request, { ...options, service: 'execute-api' });
  const refusal = await options.guard?.(caller.principalArn, {
    action: 'execute-api:Invoke',
    resourceArn: `arn:aws:execute-api:${options.region}:${options.accountId}:${localApiId}/$default/${request.method}${request.path}`,
    context: overTls,
  });
  if (refusal !== undefined) {
    throw new NotAuthorized(refusal);
  }
  return caller;
}

class NotAuthorized extends Error {
  override readonly name = 'NotAuthorized';
}

function proxyEvent(
  { accountId, now }: HttpApiOptions,
  route: Route,
  request: ReceivedRequest,
  pathParameters: Readonly<Record<string, string>>,
  caller: Identity | undefined,
): APIGatewayProxyEventV2 | APIGatewayProxyEventV2WithIAMAuthorizer {
  const at = now();
  const routeKey = `${route.method} ${route.path}`;
  // Payload format 2.0 (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
  return {
    version: '2.0',
    routeKey,
    rawPath: request.path,
    rawQueryString: encoded(request.query),
    headers: Object.fromEntries(request.headers),
    ...(request.query.length === 0 ? {} : { queryStringParameters: joined(request.query) }),
    ...(Object.keys(pathParameters).length === 0 ? {} : { pathParameters }),
    requestContext: {
      accountId,
      apiId: localApiId,
      domainName: request.headers.get('host') ?? '',
      domainPrefix: 'local',
      http: {
        method: request.method,
        path: request.path,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: request.headers.get('user-agent') ?? '',
      },
      requestId: `local-${at.getTime()}`,
      routeKey,
      stage: '$default',
      time: at.toISOString(),
      timeEpoch: at.getTime(),
      ...(caller === undefined ? {} : { authorizer: { iam: iamContext(caller, accountId) } }),
    },
    // Text stays text for the content types that API Gateway takes as text; the bytes are the same either way.
    ...(request.body.length === 0 ? {} : { body: request.body.toString('base64') }),
    isBase64Encoded: request.body.length > 0,
  };
}

/** Values of a parameter that is given more than once are joined by commas. */
function joined(query: readonly QueryParameter[]): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const { name, value } of query) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(values);
}

function encoded(query: readonly QueryParameter[]): string {
  return query.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
}

function iamContext(caller: Identity, accountId: string) {
  return {
    accessKey: caller.accessKeyId,
    accountId,
    callerId: caller.accessKeyId,
    cognitoIdentity: null,
    principalOrgId: '',
    userArn: caller.principalArn,
    userId: caller.accessKeyId,
  };
}

/** The gateway's own errors are not ours: `{"message": ...}`. */
function gatewayError(statusCode: number, message: string): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) };
}

function send(response: ServerResponse, result: APIGatewayProxyStructuredResultV2): void {
  for (const [name, value] of Object.entries(result.headers ?? {})) {
    response.setHeader(name, String(value));
  }
  response.statusCode = result.statusCode ?? 200;
  response.end(result.body ?? '');
}
