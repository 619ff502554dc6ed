import { CodedError } from '../coded-error.ts';
import type { Throttling } from './retry-after.ts';

/**
 * Why a data plane has no verified file, or not loaded it, each with the exit code of the command line:
 * - `denied` (3): the grant was refused: credentials, role, clock.
 * - `no-file` (4): the vault has no file for this control plane and version.
 * - `unreachable` (5): the grant endpoint or the vault did not answer, or broke off.
 * - `verification` (6): something came that must not be loaded.
 * - `outdated` (6): the file is not the newest, or nobody can tell that it is, which was demanded.
 * - `output` (7): the file could not be written.
 * - `kong` (8): Kong could not be given the file: prefix, process or status API.
 * - `refused` (9): Kong was given the file and did not load it.
 */
export type StandbyErrorCode =
  | 'denied'
  | 'no-file'
  | 'unreachable'
  | 'verification'
  | 'outdated'
  | 'output'
  | 'kong'
  | 'refused';

export const exitCodes: Readonly<Record<StandbyErrorCode, number>> = {
  denied: 3,
  'no-file': 4,
  unreachable: 5,
  verification: 6,
  outdated: 6,
  output: 7,
  kong: 8,
  refused: 9,
};

/** What of a downloaded file is not as it must be. */
export type VerifiedPart = 'signature' | 'owner' | 'version' | 'content';

/**
 * The data plane did not get a file, or Kong did not load it; what either had before is untouched. Messages
 * never hold a presigned URL.
 */
export class StandbyError extends CodedError<StandbyErrorCode> {
  override readonly name = 'StandbyError';
  /** Where it failed because too many ask at once. */
  readonly throttling: Throttling | undefined;
  /** With `verification`: what has failed it. */
  readonly part: VerifiedPart | undefined;

  constructor(
    code: StandbyErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly throttling?: Throttling | undefined;
      readonly part?: VerifiedPart | undefined;
    } = {},
  ) {
    const { throttling, part, ...others } = options;
    super(code, message, others);
    this.throttling = throttling;
    this.part = part;
  }
}
