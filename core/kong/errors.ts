import { CodedError } from '../coded-error.ts';

/**
 * - `unreachable`: no connection, for a reason that only a network has: the control plane or the network is
 *   down. Whatever else goes wrong somebody has to mend, so nothing else has this code.
 * - `refused`: the connection was refused (certificate, version, path), or is none of a cluster endpoint.
 * - `no-secret`: Secrets Manager did not give what is needed for a connection.
 * - `dropped`: the connection was lost after it was open, which says nothing of an outage.
 * - `no-configuration`: connected, but no configuration was sent.
 * - `incompatible`: the control plane cannot serve this data-plane version.
 * - `bad-frame`: what was sent is not a complete configuration.
 * - `too-large`: what was sent is over a limit of ours, or over the control plane's own.
 * - `cancelled`: our own deadline ended the wait.
 */
export type ControlPlaneErrorCode =
  | 'unreachable'
  | 'refused'
  | 'no-secret'
  | 'dropped'
  | 'no-configuration'
  | 'incompatible'
  | 'bad-frame'
  | 'too-large'
  | 'cancelled';

/**
 * The control plane gave no configuration that could be published. What was published before is untouched.
 */
export class ControlPlaneError extends CodedError<ControlPlaneErrorCode> {
  override readonly name = 'ControlPlaneError';
}

/** Makes the error for a configuration that is over a limit, and may be good. */
export function tooLarge(what: string, options?: ErrorOptions): ControlPlaneError {
  return new ControlPlaneError(
    'too-large',
    `${what}. Nothing of it was published; the published configuration stays`,
    options,
  );
}

/** Makes the error for a frame that is not a complete configuration. */
export function badFrame(what: string, options?: ErrorOptions): ControlPlaneError {
  return new ControlPlaneError(
    'bad-frame',
    `the control plane sent a frame that is not a complete configuration: ${what}. Nothing of it was published; the published configuration stays`,
    options,
  );
}
