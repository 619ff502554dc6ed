import type { IncomingMessage } from 'node:http';
import { ControlPlaneError } from './errors.ts';

/** What a refusal or a loss has to name. */
export interface ConnectionSubject {
  readonly endpoint: string;
  readonly mtls: 'shared' | 'pki';
  readonly dataPlaneVersion: string;
}

/** Why the control plane's HTTP answer to the upgrade is none of a cluster endpoint. */
export function describeRefusal(
  response: IncomingMessage,
  { endpoint, dataPlaneVersion }: ConnectionSubject,
): ControlPlaneError {
  response.resume();
  const status = response.statusCode ?? 0;
  if (status >= 500) {
    return new ControlPlaneError(
      'unreachable',
      `control plane ${endpoint} answered ${status} to the WebSocket upgrade`,
    );
  }
  return new ControlPlaneError(
    'refused',
    `control plane ${endpoint} answered ${status} to the WebSocket upgrade for data plane version ${dataPlaneVersion}. ` +
      'Check that clusterEndpoint names its cluster_listen (8005), that the certificate is one of its data planes’, ' +
      'and that it is not older than dataPlaneVersions',
  );
}

// Going away, closed without a close frame, restarting, overloaded (RFC 6455 section 7.4.1 and IANA's
// registry).
const goneCodes = new Set([1001, 1006, 1012, 1013]);

/** Why the connection ended. */
export function describeLoss(
  code: number,
  reason: string,
  { endpoint, dataPlaneVersion }: ConnectionSubject,
): ControlPlaneError {
  const said = reason === '' ? '' : ` and said "${reason}"`;
  if (goneCodes.has(code)) {
    return new ControlPlaneError(
      'unreachable',
      `control plane ${endpoint} dropped the connection (${code}) before it sent a configuration`,
    );
  }
  return new ControlPlaneError(
    'refused',
    `control plane ${endpoint} closed the connection (${code}) for data plane version ${dataPlaneVersion}${said}. ` +
      'It serves versions of its own major and up to its own minor: check dataPlaneVersions',
  );
}

// Error codes of OpenSSL and Node for certificates that do not fit. Any other code is a network error.
const certificateErrorCodes =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

/** Why there is no connection. */
export function describeConnectionError(
  error: Error & { code?: string },
  { endpoint, mtls }: ConnectionSubject,
): ControlPlaneError {
  const code = error.code ?? '';
  if (certificateErrorCodes.test(code)) {
    return new ControlPlaneError(
      'refused',
      `the TLS connection to control plane ${endpoint} failed (${code}): check the cluster certificate in its secret, ` +
        `clusterMtls (now "${mtls}")${mtls === 'pki' ? ', the CA' : ''} and clusterServerName`,
      { cause: error },
    );
  }
  return new ControlPlaneError(
    'unreachable',
    `control plane ${endpoint} cannot be reached (${code === '' ? error.message : code})`,
    { cause: error },
  );
}
