import { CodedError } from '../core/coded-error.ts';
import { errorFields } from './error-fields.ts';
import { logger } from './telemetry.ts';

/**
 * A handler that fails in our words alone: Lambda logs the message of whatever a handler throws, and answers
 * an invocation with it, and that of a parser quotes its input.
 */
export function inOurWords<Input extends readonly unknown[], Answer>(
  handle: (...input: Input) => Promise<Answer>,
): (...input: Input) => Promise<Answer> {
  return async (...input) => {
    try {
      return await handle(...input);
    } catch (error) {
      if (error instanceof CodedError) {
        throw error;
      }
      logger.error('the function failed', errorFields(error));
      throw new Error('the function failed; the line before this one says how');
    }
  };
}
