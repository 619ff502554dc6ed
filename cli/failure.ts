/** What a command ends with where it fails: a code, a sentence and an exit code. */
import { CommanderError, InvalidArgumentError } from 'commander';
import { CodedError } from '../core/coded-error.ts';
import { nameForeignError } from '../core/error-code.ts';
import { ApiError, type ApiErrorCode } from '../core/fetch/api-request.ts';
import { exitCodes, StandbyError } from '../core/fetch/errors.ts';
import { VaultError, type VaultErrorCode } from '../core/vault/errors.ts';

export interface Failure {
  /** `usage`, `unexpected`, or that of the error. */
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

const wrongOptions = 2;
const vaultExitCodes: Readonly<Partial<Record<VaultErrorCode, number>>> = {
  denied: exitCodes.denied,
  unavailable: exitCodes.unreachable,
};

const apiExitCodes: Readonly<Record<ApiErrorCode, number>> = {
  denied: exitCodes.denied,
  refused: 10,
  failed: exitCodes.unreachable,
};

/** Whether commander has printed what is wrong, or the help or version that was asked for. */
export function isSaidByCommander(error: unknown): error is CommanderError {
  return error instanceof CommanderError && !(error instanceof InvalidArgumentError);
}

/**
 * @param usage what commander has said of wrong options
 * @returns undefined for what is no failure: the help or the version was asked for
 */
export function readFailure(error: unknown, usage: string): Failure | undefined {
  if (isSaidByCommander(error)) {
    const message = usage.replace(/^error: /, '').trim() || 'a command is expected: see lifeboat --help';
    return error.exitCode === 0 ? undefined : { code: 'usage', message, exitCode: wrongOptions };
  }
  const message = describe(error);
  if (error instanceof InvalidArgumentError) {
    return { code: 'usage', message, exitCode: wrongOptions };
  }
  if (error instanceof StandbyError) {
    return { code: error.code, message, exitCode: exitCodes[error.code] };
  }
  if (error instanceof ApiError) {
    return { code: error.code, message, exitCode: apiExitCodes[error.code] };
  }
  if (error instanceof VaultError) {
    return { code: error.code, message, exitCode: vaultExitCodes[error.code] ?? 1 };
  }
  return { code: error instanceof CodedError ? String(error.code) : 'unexpected', message, exitCode: 1 };
}

/** Messages of parsers and of other code quote what they are about, which may be a configuration. */
function describe(error: unknown): string {
  const isOurs = error instanceof CodedError || error instanceof InvalidArgumentError;
  return isOurs || (error instanceof Error && error.name === 'Error')
    ? error.message
    : `an error that was not foreseen (${nameForeignError(error)})`;
}
