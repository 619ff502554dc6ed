/**
 * An error whose caller decides by its code, one of a closed set, and never by its text. The message says
 * what was wrong and what to do about it.
 */
export abstract class CodedError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
