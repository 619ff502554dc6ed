import type { Socket } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { Clock } from '../clock.ts';
import { readErrorCode } from '../error-code.ts';
import { openTunnel, type ProxyCredentials, TunnelError } from '../proxy-tunnel.ts';
import { gatewayStatuses, outageCodes } from './cluster-loss.ts';
import { ControlPlaneError } from './errors.ts';

/** A forward proxy on the way to a control plane, as Kong's `proxy_server` with `cluster_use_proxy`. */
export interface ForwardProxy {
  /** An http:// or https:// URL without user and password. */
  readonly url: URL;
  readonly credentials?: ProxyCredentials | undefined;
  /** PEM: what an https:// proxy's certificate is checked against, besides the CAs that Node knows. */
  readonly ca?: string | undefined;
}

export interface TunnelLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

/**
 * Opens a connection through a proxy to a cluster endpoint.
 *
 * @param endpoint `host:port`
 * @throws ControlPlaneError `refused` by the proxy, `unreachable` or `cancelled`
 */
export async function openClusterTunnel(
  { url, credentials, ca }: ForwardProxy,
  endpoint: string,
  { timeoutMs, signal, clock }: TunnelLimits,
): Promise<Socket> {
  const secureContext = ca === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, ca] });
  const deadline = clock.deadline(timeoutMs, signal);
  try {
    return await openTunnel(endpoint, { proxy: url, credentials, secureContext, signal: deadline });
  } catch (error) {
    if (signal?.aborted === true) {
      throw new ControlPlaneError(
        'cancelled',
        `the export ended while it waited for forward proxy ${url.host}: its time was up`,
      );
    }
    throw deadline.aborted
      ? new ControlPlaneError(
          'unreachable',
          `forward proxy ${url.host} opened no way to control plane ${endpoint} within ${timeoutMs / 1000} s (timed out): check the ` +
            'way to the proxy (security groups, routes), and its log for why it waits',
        )
      : describeTunnelError(error, url, endpoint);
  }
}

function describeTunnelError(error: unknown, { host }: URL, endpoint: string): unknown {
  if (!(error instanceof TunnelError)) {
    return error;
  }
  const { status, cause } = error;
  if (status === undefined) {
    const code = readErrorCode(cause) ?? 'no answer';
    return outageCodes.has(code)
      ? new ControlPlaneError(
          'unreachable',
          `forward proxy ${host} cannot be reached (${code}), and so control plane ${endpoint} cannot`,
          { cause },
        )
      : new ControlPlaneError(
          'refused',
          `the connection to forward proxy ${host} failed (${code}): check proxyServer. It begins with http:// where the proxy takes no ` +
            'TLS; where it does, its certificate must be of an authority that Node knows, or of the "ca" in the secret of proxySecretArn',
          { cause },
        );
  }
  // Tinyproxy answers 407 where there are no credentials, and 401 where they are wrong.
  if (status === 407 || status === 401) {
    return new ControlPlaneError(
      'refused',
      `forward proxy ${host} asks for other credentials (${status}): check "username" and "password" in the secret of proxySecretArn`,
    );
  }
  return gatewayStatuses.has(status)
    ? new ControlPlaneError(
        'unreachable',
        `forward proxy ${host} has no way to control plane ${endpoint} (it answered ${status})`,
      )
    : new ControlPlaneError(
        'refused',
        `forward proxy ${host} opens no way to control plane ${endpoint} (it answered ${status}): it must allow CONNECT to this host ` +
          'and port, and many allow only 443',
      );
}
