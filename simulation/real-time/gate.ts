import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Clock } from '../../core/clock.ts';
import { listenLocally } from '../../simulators/aws/listening.ts';
import { type CallName, calls, type FaultKind, type Faults } from '../faults.ts';

/** As in the simulation (simulation/engine/call.ts). */
export const lateMs = 90_000;

/** What stands behind a gate, by the name that requests are signed for. */
export type Upstreams = Readonly<Record<'s3' | 'kms' | 'sqs' | 'secretsmanager' | 'execute-api', string>>;

/** What one process has of the network: HTTP to all services, on which calls fail as they are told to. */
export interface Gate {
  readonly url: string;
  /** The process is dead: what it waits for never comes, and nothing of it comes through any more. */
  close(): Promise<void>;
}

interface GateOptions {
  readonly upstreams: Upstreams;
  readonly faults: Faults;
  readonly clock: Clock;
}

interface Received {
  readonly message: IncomingMessage;
  readonly body: Buffer;
  readonly service: keyof Upstreams;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A call that a fault has hit, with all the attempts that its client makes. */
interface BrokenCall {
  readonly kind: FaultKind;
  attempts: number;
}

/** Opens a gate. A fault hits a whole call: the SDK's attempts of one share their invocation id. */
export async function openGate(options: GateOptions): Promise<Gate> {
  const broken = new Map<string, BrokenCall>();
  const server = createServer((message, response) => {
    // Who is dead hears of nothing.
    answerRequest(options, broken, message, response).catch(() => response.destroy());
  });
  const { url, stop } = await listenLocally(server);
  return { url, close: stop };
}

async function answerRequest(
  { upstreams, faults, clock }: GateOptions,
  broken: Map<string, BrokenCall>,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const received = { message, body: await buffer(message), service: findService(message) };
  const call = nameCall(received);
  const fault = call === undefined ? undefined : findFault(message, call, faults, broken);
  const forward = () => forwardTo(upstreams[received.service], received);
  switch (fault?.kind) {
    case 'fails before':
      return fail(response, received, 'failed');
    case 'throttled':
      return fail(response, received, 'throttled');
    case 'fails after':
      if (fault.attempts === 1) {
        await forward();
      }
      return fail(response, received, 'failed');
    case 'sent again':
      if (fault.attempts === 1) {
        await forward();
        response.destroy();
        return;
      }
      return send(response, await forward());
    case 'done twice': {
      const first = await forward();
      await forward();
      return send(response, first);
    }
    case 'late': {
      const answer = await forward();
      await clock.sleep(lateMs);
      return send(response, answer);
    }
    case 'never answers':
      await forward();
      return;
    default:
      return send(response, await forward());
  }
}

function findFault(
  { headers }: IncomingMessage,
  call: CallName,
  faults: Faults,
  broken: Map<string, BrokenCall>,
): BrokenCall | undefined {
  const id = String(headers['amz-sdk-invocation-id'] ?? '');
  const known = id === '' ? undefined : broken.get(id);
  if (known !== undefined) {
    known.attempts += 1;
    return known;
  }
  const kind = faults.take(call);
  if (kind === undefined) {
    return undefined;
  }
  const hit = { kind, attempts: 1 };
  broken.set(id, hit);
  return hit;
}

/** By the scope of its signature, in a header or in a presigned URL. */
function findService({ headers, url = '' }: IncomingMessage): keyof Upstreams {
  const signed = headers.authorization ?? decodeURIComponent(url);
  const [, service = ''] = /Credential=[^/]+\/\d{8}\/[^/]+\/([\w-]+)\/aws4_request/.exec(signed) ?? [];
  return service as keyof Upstreams;
}

/** Undefined for a call that is not of the table. */
function nameCall({ message, body, service }: Received): CallName | undefined {
  const { method, url = '', headers } = message;
  const operation = String(headers['x-amz-target']).split('.').at(-1);
  const named = {
    s3: () => nameS3Call(method, url, headers.authorization !== undefined),
    kms: () => ({ Sign: 'signer.sign', GetPublicKey: 'signer.verificationKey' })[String(operation)],
    sqs: () => `sqs.${operation}`,
    // The first one of two at the same time, in the simulation.
    secretsmanager: () =>
      String(body).includes('"AWSCURRENT"') ? 'secretsManager.GetSecretValue' : undefined,
    'execute-api': () => 'api.grant',
  }[service]();
  return calls.find((call) => call === named);
}

function nameS3Call(method: string | undefined, url: string, isOfClient: boolean): string {
  const of = url.includes('/status/') ? 'a status' : 'a file';
  if (!isOfClient) {
    return of === 'a status' ? 'vault.status' : 'vault.download';
  }
  const { searchParams } = new URL(url, 'http://s3');
  if (searchParams.has('versions')) {
    return 's3.ListObjectVersions';
  }
  if (searchParams.has('versioning')) {
    return 's3.GetBucketVersioning';
  }
  return method === 'HEAD' ? 's3.HeadObject' : `s3.${method === 'PUT' ? 'Put' : 'Get'}Object of ${of}`;
}

/** As the service itself says it; a data plane's request ends without an answer. */
function fail(response: ServerResponse, { message, service }: Received, how: 'failed' | 'throttled'): void {
  const isThrottled = how === 'throttled';
  if (!isThrottled && message.headers['amz-sdk-invocation-id'] === undefined) {
    response.destroy();
    return;
  }
  const [status, text] =
    service === 's3'
      ? ([isThrottled ? 503 : 500, s3Error(isThrottled ? 'SlowDown' : 'InternalError')] as const)
      : service === 'execute-api'
        ? ([429, '{"message":"Too Many Requests"}'] as const)
        : ([
            isThrottled ? 400 : 500,
            JSON.stringify({ __type: isThrottled ? 'ThrottlingException' : 'InternalFailure' }),
          ] as const);
  response.writeHead(status, { 'content-type': service === 's3' ? 'application/xml' : 'application/json' });
  response.end(text);
}

function s3Error(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
}

/** As it came: its host is signed. */
function forwardTo(upstream: string, { message, body }: Received): Promise<Answer> {
  const { expect: _, connection: __, ...headers } = message.headers;
  return new Promise((resolve, reject) => {
    const sent = requestHttp(
      new URL(message.url ?? '/', upstream),
      { method: message.method, headers },
      (answer) => {
        buffer(answer).then(
          (whole) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole }),
          reject,
        );
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const { connection: _, 'keep-alive': __, ...kept } = headers;
  response.writeHead(status, kept);
  response.end(body);
}
