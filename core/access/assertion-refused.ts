import { CodedError } from '../coded-error.ts';

/**
 * - `malformed`: it is no assertion at all.
 * - `untrusted`: the certificate is no data plane's.
 * - `signature`: the certificate's key has not signed it, or not in the way that such a key does.
 * - `purpose`: it was made for something else.
 * - `time`: it is too old, lives too long, or the clock of its maker is wrong.
 */
export type AssertionRefusal = 'malformed' | 'untrusted' | 'signature' | 'purpose' | 'time';

/**
 * Why an assertion is not taken. The message is for the log: whoever sent the assertion learns less, see
 * `assertionProblem`.
 */
export class AssertionRefused extends CodedError<AssertionRefusal> {
  override readonly name = 'AssertionRefused';
}
