import { CodedError } from '../coded-error.ts';

/**
 * - `malformed`: it is not an assertion.
 * - `untrusted`: the certificate is not a data plane's.
 * - `signature`: the certificate's key has not signed it, or not with its algorithm.
 * - `purpose`: it was made for something else.
 * - `time`: it is too old, lives too long, or the clock of its maker is wrong.
 */
export type AssertionRefusal = 'malformed' | 'untrusted' | 'signature' | 'purpose' | 'time';

/**
 * An assertion was refused. The message is for the log; the sender is told less, see `assertionProblem`.
 */
export class AssertionRefused extends CodedError<AssertionRefusal> {
  override readonly name = 'AssertionRefused';
}
