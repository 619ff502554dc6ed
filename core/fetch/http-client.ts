/**
 * As much of HTTP as a data plane needs, on Node's own http and https: `fetch` alone takes some 30 MB, which
 * a sidecar pays on every node, and in Node 20 it knows no proxy.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { isNativeError } from 'node:util/types';
import { bareHost, describeByCode, openTunnel, portOf } from '../proxy-tunnel.ts';
import { decodeBody } from './content-encoding.ts';
import type { Network } from './network.ts';
import type { ForwardProxy } from './proxies.ts';

export interface HttpRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Gives up early, with its reason. */
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** As it was before what its Content-Encoding says was done to it; once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** For whoever does not want the rest of it. */
  discard(): void;
}

export interface HttpHeaders {
  get(name: string): string | null;
  has(name: string): boolean;
}

/**
 * Sends a request; a redirect is a failure, for it leads away from the host that was named.
 *
 * @throws Error whose cause has Node's code or says in a few words what was wrong, or the signal's reason
 */
export type Fetch = (url: URL | string, request?: HttpRequest) => Promise<HttpResponse>;

/** How grants and files are fetched over a network. */
export function fetchOver({ findProxy, secureContext }: Network): Fetch {
  return async (address, request = {}) => {
    const url = new URL(address);
    return send(url, request, { secureContext, proxy: findProxy(url) });
  };
}

/** Without a proxy, and trusting whom Node trusts. */
export const fetchDirectly: Fetch = async (address, request = {}) => send(new URL(address), request, {});

/** Without a proxy. */
export function fetchPastProxies(trust: Trust): Fetch {
  return async (address, request = {}) => send(new URL(address), request, trust);
}

export interface BodyText {
  /** The body's first bytes. */
  readonly text: string;
  /** The body has more bytes than these. */
  readonly isCut: boolean;
}

/** Reads a body as UTF-8, up to a limit: the rest is not waited for. */
export async function readBodyText(response: HttpResponse, maxBytes: number): Promise<BodyText> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of response.body) {
    parts.push(part);
    sizeBytes += part.length;
    if (sizeBytes > maxBytes) {
      break;
    }
  }
  return { text: Buffer.concat(parts).toString('utf8', 0, maxBytes), isCut: sizeBytes > maxBytes };
}

/**
 * Says in a few words why a `Fetch` failed, or what came of it could not be read: the error's own message
 * says only that it did, or quotes what came.
 */
export function describeRequestFailure(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return 'timeout';
  }
  const said = describeByCode(isNativeError(error) && isNativeError(error.cause) ? error.cause : error);
  const advice = adviceByCode.get(said);
  return advice === undefined ? said : `${said}: ${advice}`;
}

const clockAdvice = 'check this machine’s clock, then the certificate';
const authorityAdvice =
  'no authority that is trusted here has issued its certificate, or that of a proxy that opens TLS. --ca-file adds one';

/** What to do about certificates that are refused (Node, "X509 certificate error codes"). */
const adviceByCode: ReadonlyMap<string, string> = new Map([
  ['CERT_NOT_YET_VALID', clockAdvice],
  ['CERT_HAS_EXPIRED', clockAdvice],
  ['SELF_SIGNED_CERT_IN_CHAIN', authorityAdvice],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', authorityAdvice],
  ['UNABLE_TO_GET_ISSUER_CERT', authorityAdvice],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', authorityAdvice],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', authorityAdvice],
]);

interface Trust {
  /** @default Node's own */
  readonly secureContext?: SecureContext | undefined;
  /** For what never leaves this machine. @default false */
  readonly acceptsAnyCertificate?: boolean | undefined;
}

interface Way extends Trust {
  readonly proxy?: ForwardProxy | undefined;
}

async function send(url: URL, request: HttpRequest, way: Way): Promise<HttpResponse> {
  const { signal } = request;
  try {
    signal?.throwIfAborted();
    const socket = way.proxy === undefined ? undefined : await tunnel(way.proxy, url, way, signal);
    const response = await exchange(url, request, way, socket);
    if ([301, 302, 303, 307, 308].includes(response.statusCode ?? 0)) {
      response.destroy();
      throw new Error('unexpected redirect');
    }
    return {
      status: response.statusCode ?? 0,
      headers: headersOf(response),
      body: pieces(response, signal),
      discard: () => response.destroy(),
    };
  } catch (error) {
    throw failure(error, signal);
  }
}

function exchange(
  url: URL,
  { method = 'GET', headers = {}, body, signal }: HttpRequest,
  { secureContext, acceptsAnyCertificate = false }: Way,
  tunnelled: Socket | undefined,
): Promise<IncomingMessage> {
  const isTls = url.protocol === 'https:';
  const options: RequestOptions & { readonly secureContext?: SecureContext } = {
    method,
    // Without an agent Node takes 443 for a port that must be named.
    headers: { host: url.host, ...headers },
    ...(signal === undefined ? {} : { signal }),
    ...(secureContext === undefined ? {} : { secureContext }),
    ...(acceptsAnyCertificate ? { rejectUnauthorized: false } : {}),
    // A connection each: one that is kept may be gone when it is needed.
    ...(tunnelled === undefined
      ? { agent: false }
      : { createConnection: () => (isTls ? overTls(tunnelled, url, secureContext) : tunnelled) }),
  };
  return new Promise((resolve, reject) => {
    const sent = (isTls ? httpsRequest : httpRequest)(url, options);
    sent.once('response', resolve);
    // It may come more than once, and after the response: then the body says so too.
    sent.on('error', reject);
    // An upgrade that nobody asked for ends in nothing else, not even an error.
    sent.once('close', () => reject(new Error('the connection was closed without an answer')));
    sent.end(body);
  });
}

function overTls(socket: Socket, url: URL, secureContext: SecureContext | undefined): Socket {
  const host = bareHost(url);
  return connectTls({
    socket,
    host,
    // An address is no name to ask for (RFC 6066, 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(secureContext === undefined ? {} : { secureContext }),
  });
}

function tunnel(
  proxy: ForwardProxy,
  url: URL,
  { secureContext }: Way,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const { url: address, credentials } = proxy;
  const authority = `${url.hostname}:${portOf(url)}`;
  return openTunnel(authority, { proxy: address, credentials, secureContext, signal });
}

async function* pieces(
  response: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* await decodeBody(response, response.headers['content-encoding']);
  } catch (error) {
    throw failure(error, signal);
  } finally {
    response.destroy();
  }
}

function headersOf({ headers }: IncomingMessage): HttpHeaders {
  const get = (name: string) => {
    const value = headers[name.toLowerCase()];
    return value === undefined ? null : String(value);
  };
  return { get, has: (name) => get(name) !== null };
}

/** The signal's reason where that ended the request: it tells the caller which deadline or signal it was. */
function failure(error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true ? signal.reason : new Error('the request failed', { cause: error });
}
