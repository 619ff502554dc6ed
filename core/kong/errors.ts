import { CodedError } from '../coded-error.ts';

/**
 * - `unreachable`: no connection, or it was lost: the control plane or the network is down.
 * - `refused`: the control plane answered and refused the connection (certificate, version, path).
 * - `dropped`: the connection was lost before a configuration had come, which says nothing of an outage.
 * - `no-configuration`: connected, but no configuration was sent.
 * - `incompatible`: the control plane cannot serve this data-plane version.
 * - `bad-frame`: what was sent is not a complete configuration.
 * - `too-large`: what was sent is over a limit of ours, or over the control plane's own.
 * - `cancelled`: our own deadline ended the wait.
 */
export type ControlPlaneErrorCode =
  | 'unreachable'
  | 'refused'
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
