import { readErrorCode } from '../core/error-code.ts';
import { StandbyError } from '../core/fetch/errors.ts';

/**
 * Prints the result of a command. Who closes the pipe early (`| head`) wants no more of it: that is no
 * failure.
 *
 * @throws StandbyError `output`
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      const code = readErrorCode(error);
      if (error && code !== 'EPIPE') {
        reject(
          new StandbyError('output', `it was done, and its result cannot be printed (${code ?? error.name})`),
        );
      } else {
        resolve();
      }
    });
  });
}
