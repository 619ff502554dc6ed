import { isNativeError } from 'node:util/types';

/**
 * Words for an error that is none of ours: its code, else the name of its class. Its message is not told,
 * for that may quote what it is about: parsers show the place (`Unexpected token … "password":…`).
 */
export function nameForeignError(error: unknown): string {
  return readErrorCode(error) ?? (error instanceof Error ? error.name : 'what was thrown is no error');
}

/**
 * The code of an error that Node or a library has thrown (`ENOENT`, `ECONNREFUSED`); undefined when it has
 * none.
 */
export function readErrorCode(error: unknown): string | undefined {
  return isNativeError(error) && 'code' in error ? String(error.code) : undefined;
}
