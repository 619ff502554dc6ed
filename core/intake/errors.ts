import { CodedError } from '../coded-error.ts';

/**
 * - `no-secret`: Secrets Manager did not give the hook secret, or it has no value.
 * - `not-rung`: SQS did not take the message that asks for an export.
 */
export type IntakeErrorCode = 'no-secret' | 'not-rung';

/** A hook or a ring could not be taken: the schedule asks for an export all the same. */
export class IntakeError extends CodedError<IntakeErrorCode> {
  override readonly name = 'IntakeError';
}
