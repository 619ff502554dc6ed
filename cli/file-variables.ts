import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { readErrorCode } from '../core/error-code.ts';

/**
 * Takes out variables that are set to nothing, as manifests and unit files often do, and fills others from
 * files, as container platforms hand secrets over: `NAME_FILE` names a file that holds the value of `NAME`.
 * Kong's own image does the same with each `KONG_*`.
 *
 * @param names of the variables that are read
 * @throws InvalidArgumentError where both are set, or the file cannot be read
 */
export function readFileVariables(names: readonly string[], environment: NodeJS.ProcessEnv): void {
  for (const name of names) {
    if (environment[name] === '') {
      delete environment[name];
    }
    const file = environment[`${name}_FILE`];
    if (file === undefined || file === '') {
      continue;
    }
    if (environment[name]) {
      throw new InvalidArgumentError(`${name} and ${name}_FILE are both set: unset one of them`);
    }
    environment[name] = contentOf(file, `${name}_FILE`);
  }
}

function contentOf(file: string, variable: string): string {
  try {
    // Editors end a file with a line break, which belongs to no value.
    return readFileSync(file, 'utf8').trimEnd();
  } catch (error) {
    // Not what was given: whoever takes the variable for its twin has put a key there.
    const code = readErrorCode(error) ?? 'not a file';
    throw new InvalidArgumentError(`${variable} must name a readable file (${code})`);
  }
}
