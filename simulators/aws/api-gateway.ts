import { isUtf8 } from 'node:buffer';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyEventV2WithIAMAuthorizer,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda';
import { overTls } from './access.ts';
import type { Identity } from './identities.ts';
import { largestEventBytes } from './lambda.ts';
import type { LambdaFunction } from './lambda-function.ts';
import { type Listening, listenLocally } from './listening.ts';
import {
  percentDecode,
  type QueryParameter,
  type ReceivedRequest,
  receiveRequest,
  UnreadableRequest,
} from './received-request.ts';
import { type ServiceContext, ServiceError } from './signed-server.ts';
import { SignatureRefused, verifySignature } from './sigv4.ts';

/** A function as the API sees it. */
export interface IntegratedFunction {
  readonly arn: string;
  readonly invoke: LambdaFunction['invoke'];
}

export interface Route {
  /** As API Gateway writes it: `POST /control-planes/{controlPlane}/events`. */
  readonly key: string;
  readonly authorization: 'AWS_IAM' | 'NONE';
  readonly function: IntegratedFunction;
}

export interface Throttle {
  readonly perSecond: number;
  readonly burst: number;
}

/** What the stage `$default` says of routes. */
export interface StageSettings {
  /** By the key of their route. */
  readonly throttles: ReadonlyMap<string, Throttle>;
  /** Of each route that has none of its own. @default it is not throttled */
  readonly defaultThrottle?: Throttle | undefined;
  /** What stands in each event. @default nothing */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Is told of a request that no route fits. */
  readonly onNoRoute?: ((request: { readonly method: string; readonly path: string }) => void) | undefined;
  /** Is told of each answer of a route. */
  readonly onAnswered?:
    | ((answer: { readonly routeKey: string; readonly status: number }) => void)
    | undefined;
  /** Takes a line of the access log. */
  readonly log: (line: string) => void;
  /** The line, with context variables such as `$context.routeKey`. */
  readonly logFormat: string;
}

/** The guard is asked of callers of IAM routes, and of the API where it invokes a function. */
export interface HttpApiOptions extends ServiceContext {
  /** @default a free one */
  readonly port?: number | undefined;
}

export interface HttpApi extends Listening {
  /**
   * A route without a parameter answers before one with a parameter (API Gateway Developer Guide, "Routing
   * API requests"); of others the first that fits.
   */
  createRoute(route: Route): void;
  /**
   * Opens the routes: without a stage, every request is answered with 404.
   *
   * @throws Error when the settings name a route that does not exist
   */
  createStage(settings: StageSettings): void;
  hasStage(): boolean;
}

interface RunningApi extends HttpApiOptions {
  readonly routes: Route[];
  stage: (StageSettings & { readonly take: (routeKey: string) => boolean }) | undefined;
}

export const localApiId = 'local';

// docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxBodyBytes = 10 * 1024 * 1024;

/**
 * API Gateway's HTTP API in front of the functions: routes, IAM authorization, throttles, payload format 2.0.
 */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const api: RunningApi = { ...options, routes: [], stage: undefined };
  const server = createServer((message, response) => {
    void answer(api, message).then((result) => send(response, result));
  });
  return {
    ...(await listenLocally(server, options.port)),
    createRoute: (route) => {
      api.routes.push(route);
      api.routes.sort((one, other) => countParameters(one) - countParameters(other));
    },
    createStage(settings) {
      const unknown = [...settings.throttles.keys()].find(
        (key) => !api.routes.some((each) => each.key === key),
      );
      if (unknown !== undefined) {
        throw new Error(`Unable to find Route by key ${unknown} within the provided RouteSettings`);
      }
      api.stage = { ...settings, take: createThrottle(settings, options.now) };
    },
    hasStage: () => api.stage !== undefined,
  };
}

const countParameters = ({ key }: Route) => key.split('{').length;

/**
 * A token bucket for each route: `burst` requests at once, filled up again at `perSecond`.
 * Whether routes without settings of their own share one, AWS does not say for HTTP APIs; of REST APIs it
 * says that each method has its own (API Gateway Developer Guide, "Throttle requests to your REST APIs").
 */
function createThrottle(
  { throttles, defaultThrottle }: StageSettings,
  now: () => Date,
): (routeKey: string) => boolean {
  const buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  return (routeKey) => {
    const throttle = throttles.get(routeKey) ?? defaultThrottle;
    if (throttle === undefined) {
      return true;
    }
    const nowMs = now().getTime();
    const { tokens, atMs } = buckets.get(routeKey) ?? { tokens: throttle.burst, atMs: nowMs };
    const left = Math.min(throttle.burst, tokens + ((nowMs - atMs) / 1000) * throttle.perSecond);
    buckets.set(routeKey, { tokens: left < 1 ? left : left - 1, atMs: nowMs });
    return left >= 1;
  };
}

/** What an answer says of its request, for the access log. */
interface Exchange {
  request?: ReceivedRequest;
  route?: Route;
  caller?: Identity | undefined;
  error?: unknown;
}

async function answer(api: RunningApi, message: IncomingMessage): Promise<APIGatewayProxyStructuredResultV2> {
  const exchange: Exchange = {};
  const result = await answerByRoute(api, message, exchange).catch((error: unknown) => {
    exchange.error = error;
    return errorAnswer(error);
  });
  const { stage } = api;
  if (stage !== undefined) {
    const { route } = exchange;
    if (route !== undefined) {
      stage.onAnswered?.({ routeKey: route.key, status: result.statusCode ?? 200 });
    }
    const values = contextValues(exchange, result, api.now());
    stage.log(stage.logFormat.replaceAll(/\$context\.[\w.]+/g, (name) => values[name] ?? '-'));
  }
  return result;
}

async function answerByRoute(
  api: RunningApi,
  message: IncomingMessage,
  exchange: Exchange,
): Promise<APIGatewayProxyStructuredResultV2> {
  const request = await receiveRequest(message, maxBodyBytes);
  exchange.request = request;
  for (const route of api.stage === undefined ? [] : api.routes) {
    const pathParameters = match(route, request);
    if (pathParameters !== undefined) {
      exchange.route = route;
      if (api.stage?.take(route.key) === false) {
        throw new ServiceError(429, 'Too Many Requests', 'more requests than the stage lets through');
      }
      const caller = route.authorization === 'AWS_IAM' ? await authorizeCaller(api, request) : undefined;
      exchange.caller = caller;
      await requirePermission(api, route);
      const event = proxyEvent(api, route, request, pathParameters, caller);
      requireInvocable(event);
      return (await route.function.invoke(event)) as APIGatewayProxyStructuredResultV2;
    }
  }
  const { method, path } = request;
  api.stage?.onNoRoute?.({ method, path });
  throw new ServiceError(404, 'Not Found', 'no route');
}

function errorAnswer(error: unknown): APIGatewayProxyStructuredResultV2 {
  if (error instanceof SignatureRefused) {
    return gatewayError(403, 'Forbidden');
  }
  if (error instanceof ServiceError) {
    return gatewayError(error.status, error.code);
  }
  if (error instanceof UnreadableRequest) {
    return error.code === 'too-large'
      ? gatewayError(413, 'Request Entity Too Large')
      : gatewayError(400, 'Bad Request');
  }
  return gatewayError(500, 'Internal Server Error');
}

/** How API Gateway answers for a larger event is not documented; that it does not reach the function is. */
function requireInvocable(event: object): void {
  if (Buffer.byteLength(JSON.stringify(event)) > largestEventBytes) {
    throw new Error(
      `Request must be smaller than ${largestEventBytes} bytes for the InvokeFunction operation`,
    );
  }
}

/** API Gateway Developer Guide, "Customize HTTP API access logs". */
function contextValues(
  { request, route, caller, error }: Exchange,
  result: APIGatewayProxyStructuredResultV2,
  now: Date,
): Readonly<Record<string, string | undefined>> {
  const reason = error instanceof Error ? error.message : undefined;
  return {
    '$context.requestTime': now.toISOString(),
    '$context.identity.sourceIp': '127.0.0.1',
    '$context.identity.userArn': caller?.principalArn,
    '$context.routeKey': route?.key,
    '$context.path': request?.path,
    '$context.status': String(result.statusCode ?? 200),
    '$context.error.message': reason?.replaceAll('"', "'"),
    '$context.responseLength': String(Buffer.byteLength(result.body ?? '')),
  };
}

/** The parameters of the path, where the route fits. */
function match(
  { key }: Route,
  { method, path }: ReceivedRequest,
): Readonly<Record<string, string>> | undefined {
  const pattern = new RegExp(`^${key.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
  const found = pattern.exec(`${method} ${path}`);
  const parameters = Object.entries(found?.groups ?? {});
  return found === null
    ? undefined
    : Object.fromEntries(parameters.map(([name, value]) => [name, percentDecode(value)]));
}

/** Names the resource as IAM policies do (API Gateway Developer Guide, "IAM authorization for HTTP APIs"). */
async function authorizeCaller(options: RunningApi, request: ReceivedRequest): Promise<Identity> {
  const caller = verifySignature(request, { ...options, service: 'execute-api' });
  const refusal = await options.guard?.(caller.principalArn, {
    action: 'execute-api:Invoke',
    resourceArn: `arn:aws:execute-api:${options.region}:${options.accountId}:${localApiId}/$default/${request.method}${request.path}`,
    context: overTls,
  });
  if (refusal !== undefined) {
    throw new ServiceError(403, 'Forbidden', refusal);
  }
  return caller;
}

/** Asks the function's own policy (Lambda Developer Guide, "API Gateway permissions"). */
async function requirePermission({ region, accountId, guard }: RunningApi, route: Route): Promise<void> {
  const refusal = await guard?.('apigateway.amazonaws.com', {
    action: 'lambda:InvokeFunction',
    resourceArn: route.function.arn,
    context: {
      'aws:SourceArn': `arn:aws:execute-api:${region}:${accountId}:${localApiId}/$default/${route.key.replace(' ', '')}`,
    },
  });
  if (refusal !== undefined) {
    throw new Error(refusal);
  }
}

function proxyEvent(
  { accountId, now, stage }: RunningApi,
  route: Route,
  request: ReceivedRequest,
  pathParameters: Readonly<Record<string, string>>,
  caller: Identity | undefined,
): APIGatewayProxyEventV2 | APIGatewayProxyEventV2WithIAMAuthorizer {
  const at = now();
  const routeKey = route.key;
  // Payload format 2.0
  // (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
  return {
    version: '2.0',
    routeKey,
    rawPath: request.path,
    rawQueryString: encodeQuery(request.query),
    headers: Object.fromEntries(request.headers),
    ...(request.query.length === 0 ? {} : { queryStringParameters: joinValues(request.query) }),
    ...(Object.keys(pathParameters).length === 0 ? {} : { pathParameters }),
    ...(stage?.variables === undefined ? {} : { stageVariables: { ...stage.variables } }),
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
    ...eventBody(request),
  };
}

/** JSON stays text, and so counts more in the event than it has bytes. What is no text is base64. */
function eventBody({
  body,
  headers,
}: ReceivedRequest): Pick<APIGatewayProxyEventV2, 'body' | 'isBase64Encoded'> {
  const isJson = /^application\/json\s*(;|$)/i.test(headers.get('content-type') ?? '');
  if (body.length === 0) {
    return { isBase64Encoded: false };
  }
  return isJson && isUtf8(body)
    ? { body: body.toString('utf8'), isBase64Encoded: false }
    : { body: body.toString('base64'), isBase64Encoded: true };
}

/** Values of a parameter that is given more than once are joined by commas. */
function joinValues(query: readonly QueryParameter[]): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const { name, value } of query) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(values);
}

function encodeQuery(query: readonly QueryParameter[]): string {
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
