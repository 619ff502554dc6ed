import { isNativeError } from 'node:util/types';

/**
 * The code of an error that Node or a library has thrown (`ENOENT`, `ECONNREFUSED`); undefined when it has
 * none.
 */
export function readErrorCode(error: unknown): string | undefined {
  return isNativeError(error) && 'code' in error ? String(error.code) : undefined;
}
