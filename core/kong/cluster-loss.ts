import type { IncomingMessage } from 'node:http';
import { badFrame, ControlPlaneError, tooLarge } from './errors.ts';

/** What a refusal or a loss has to name. */
export interface ConnectionSubject {
  readonly endpoint: string;
  readonly mtls: 'shared' | 'pki';
  readonly dataPlaneVersion: string;
}

/** How far a connection has come: what is being done now. */
export type ConnectionStage = 'TCP' | 'TLS' | 'upgrade' | 'open';

/**
 * With these a load balancer or a proxy says that what is behind it is away (RFC 9110, 15.6.3 to 15.6.5). A
 * 500 comes from who is there.
 */
export const gatewayStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

/** Why the control plane's HTTP answer to the upgrade is none of a cluster endpoint. */
export function describeRefusal(
  response: IncomingMessage,
  { endpoint, dataPlaneVersion }: ConnectionSubject,
): ControlPlaneError {
  response.resume();
  const status = response.statusCode ?? 0;
  if (gatewayStatuses.has(status)) {
    return new ControlPlaneError(
      'unreachable',
      `something before control plane ${endpoint} answered ${status} to the WebSocket upgrade: it has no way there`,
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
/** A close frame without a code, which is how Kong closes. */
const noCode = 1005;

/**
 * Why a connection ended that was open.
 *
 * @param hadFrame whether a configuration had come on it
 */
export function describeLoss(
  code: number,
  reason: string,
  { endpoint, dataPlaneVersion }: ConnectionSubject,
  hadFrame: boolean,
): ControlPlaneError {
  if (hadFrame) {
    return new ControlPlaneError('dropped', `control plane ${endpoint} ended the connection (${code})`);
  }
  if (goneCodes.has(code)) {
    // Never an outage by itself: a control plane that does not send its payload is up. One that went away has
    // no connection for the next try.
    return new ControlPlaneError(
      'dropped',
      `control plane ${endpoint} let data plane version ${dataPlaneVersion} in and dropped the connection (${code}) before a ` +
        'configuration had come. If its log says "payload too big", raise cluster_max_payload in its kong.conf; otherwise it went ' +
        'away meanwhile, or something between the two cut the connection',
    );
  }
  if (code === noCode && reason === '') {
    return new ControlPlaneError(
      'incompatible',
      `control plane ${endpoint} closed the connection for data plane version ${dataPlaneVersion}: it serves versions of its own ` +
        'major and up to its own minor. Its log says "is incompatible with". Take the version out of dataPlaneVersions, or upgrade ' +
        'the control plane',
    );
  }
  return new ControlPlaneError(
    'refused',
    `control plane ${endpoint} closed the connection (${code}) for data plane version ${dataPlaneVersion}` +
      `${reason === '' ? '' : ', with a reason that is not told here'}. Its log says why`,
  );
}

/**
 * Codes of Node and the operating system for what only a network does: nobody listens, there is no way, no
 * name, no answer in time. All others stand for something that somebody has to mend, for certificates and
 * foreign protocols fail in more ways than can be listed. A connection that is cut is among those: that is
 * how some refuse a certificate.
 */
export const outageCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
]);

/**
 * Why there is no connection, or no longer one.
 *
 * @param maxFrameBytes largest frame that is read
 */
export function describeConnectionError(
  error: Error & { readonly code?: string },
  stage: ConnectionStage,
  { endpoint, mtls }: ConnectionSubject,
  maxFrameBytes: number,
): ControlPlaneError {
  const what = error.code ?? error.message;
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
    return tooLarge(
      `control plane ${endpoint} sends a frame of more than ${maxFrameBytes / 2 ** 20} MiB compressed: raise the setting ` +
        'maxFrameMiB, and memoryMiB with it',
      { cause: error },
    );
  }
  if (stage === 'open') {
    return error.code?.startsWith('WS_ERR_') === true
      ? badFrame(`it breaks the WebSocket protocol (${what})`, { cause: error })
      : new ControlPlaneError('dropped', `the connection to control plane ${endpoint} broke off (${what})`, {
          cause: error,
        });
  }
  if (error.code !== undefined && outageCodes.has(error.code)) {
    return new ControlPlaneError('unreachable', `control plane ${endpoint} cannot be reached (${what})`, {
      cause: error,
    });
  }
  if (stage === 'upgrade') {
    // It has shown its certificate, so it runs.
    return new ControlPlaneError(
      'refused',
      `control plane ${endpoint} did not answer the WebSocket upgrade (${what}). In shared mode it hangs up on a certificate that ` +
        `is not its own cluster certificate: check the one in the secret, clusterMtls (now "${mtls}"), and that clusterEndpoint names ` +
        'cluster_listen (8005)',
      { cause: error },
    );
  }
  return new ControlPlaneError(
    'refused',
    stage === 'TCP'
      ? `control plane ${endpoint} cannot be connected to (${what}): check clusterEndpoint and the cluster certificate in its secret`
      : `the TLS connection to control plane ${endpoint} failed (${what}): check the cluster certificate in its secret, clusterMtls ` +
          `(now "${mtls}")${mtls === 'pki' ? ', the CA' : ''} and clusterServerName`,
    { cause: error },
  );
}
