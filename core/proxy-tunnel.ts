/**
 * A connection through a forward proxy (CONNECT, RFC 9110, 9.3.6). Not by https-proxy-agent: it passes a
 * proxy's refusal for the answer of the host, and keeps its connection when the request is given up.
 */
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { isNativeError } from 'node:util/types';
import { nameForeignError, readErrorCode } from './error-code.ts';

/** The proxy gave no connection. Its message names the proxy, without its user and password. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
  /** What the proxy answered; undefined where it did not. */
  readonly status: number | undefined;

  constructor(proxy: URL, what: string, options: ErrorOptions & { readonly status?: number | undefined }) {
    super(`through the proxy ${proxy.host}: ${what}`, options);
    this.status = options.status;
  }
}

export interface ProxyCredentials {
  readonly username: string;
  readonly password: string;
}

export interface TunnelOptions {
  /** An http:// or https:// URL. User and password in it are not looked at. */
  readonly proxy: URL;
  readonly credentials?: ProxyCredentials | undefined;
  /** Whom to trust as an https:// proxy. @default Node's own */
  readonly secureContext?: SecureContext | undefined;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a connection through a proxy.
 *
 * @param authority `host:port`, an IPv6 address in brackets
 * @throws TunnelError
 */
export function openTunnel(
  authority: string,
  { proxy, credentials, secureContext, signal }: TunnelOptions,
): Promise<Socket> {
  const user = credentials === undefined ? '' : `${credentials.username}:${credentials.password}`;
  const options: RequestOptions & { readonly secureContext?: SecureContext } = {
    host: bareHost(proxy),
    port: portOf(proxy),
    method: 'CONNECT',
    path: authority,
    headers: {
      host: authority,
      ...(user === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` }),
    },
    agent: false,
    ...(signal === undefined ? {} : { signal }),
    ...(secureContext === undefined ? {} : { secureContext }),
  };
  return new Promise((resolve, reject) => {
    const sent = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)(options);
    sent.once('connect', ({ statusCode: status }, socket, head) => {
      if (status === 200) {
        socket.unshift(head);
        resolve(socket);
      } else {
        socket.destroy();
        reject(new TunnelError(proxy, `it answered ${status}`, { status }));
      }
    });
    sent.on('error', (cause) => reject(new TunnelError(proxy, describeByCode(cause), { cause })));
    sent.end();
  });
}

/** Host of a URL as sockets take it: an IPv6 address without its brackets. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

export function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** Node's code of an error, else its words where it is ours or a plain one: parsers' errors are neither. */
export function describeByCode(error: unknown): string {
  const isPlain = isNativeError(error) && error.name === 'Error' && readErrorCode(error) === undefined;
  return error instanceof TunnelError || isPlain ? error.message : nameForeignError(error);
}
