import { CodedError } from '../core/coded-error.ts';
import { nameForeignError, readErrorCode } from '../core/error-code.ts';

/**
 * What a log line says of an error. Errors of ours have a code and a message with the next step. Of all
 * others only the class is told, and where in the code it came from: their messages may quote what they are
 * about, and that may be a configuration or a secret.
 */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof CodedError) {
    return { error: error.message, errorName: error.name, errorCode: error.code };
  }
  const name = nameForeignError(error);
  if (!(error instanceof Error)) {
    return { error: name };
  }
  const code = readErrorCode(error);
  return {
    error: `an error that was not foreseen (${name}); its message is not logged, since it may quote content`,
    errorName: error.name,
    ...(code === undefined ? {} : { errorCode: code }),
    errorAt: placesOf(error),
  };
}

/** Lines of the stack, without the message that stands before them. */
function placesOf({ stack = '', message }: Error): readonly string[] {
  const places = stack.slice(stack.indexOf(message) + message.length).match(/^ +at .+:\d+:\d+\)?$/gm) ?? [];
  return places.slice(0, 5).map((line) => line.trim());
}
