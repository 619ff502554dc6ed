/**
 * - `malformed`: it is no assertion at all.
 * - `untrusted`: the certificate is no data plane's.
 * - `signature`: the certificate's key has not signed it, or not in the way that such a key does.
 * - `purpose`: it was made for something else.
 * - `time`: it is too old, lives too long, or the clock of its maker is wrong.
 */
export type AssertionRefusal = 'malformed' | 'untrusted' | 'signature' | 'purpose' | 'time';

/** Why an assertion is not taken. The message is for the log: whoever sent the assertion learns less, see `assertionProblem`. */
export class AssertionRefused extends Error {
  override readonly name = 'AssertionRefused';
  readonly code: AssertionRefusal;

  constructor(code: AssertionRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
