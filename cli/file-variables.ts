import { InvalidArgumentError } from 'commander';
import { decodePem } from '../core/access/certificate-with-key.ts';
import { findClosest } from '../core/closest-name.ts';
import { readErrorCode } from '../core/error-code.ts';
import { readSmallFile } from '../core/read-small-file.ts';

const largestValueBytes = 2 ** 20;

/**
 * Takes out variables that are set to nothing, as manifests and unit files often do, and fills others from
 * files, as container platforms hand secrets over: `NAME_FILE` names a file that holds the value of `NAME`.
 * Kong's own image does the same with each `KONG_*`.
 *
 * @param names of the variables that are read
 * @throws InvalidArgumentError where both are set, or the file cannot be read
 */
export async function readFileVariables(
  names: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<void> {
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
    environment[name] = await contentOf(file, `${name}_FILE`);
  }
}

const prefix = 'LIFEBOAT_';

/**
 * A sentence for each variable that was meant for us, as it seems, and that nothing reads.
 *
 * @param set names of the variables of the environment
 * @param known names of those that are read
 */
export function describeUnknownVariables(
  set: readonly string[],
  known: readonly string[],
): readonly string[] {
  const taken = new Set(known.flatMap((name) => [name, `${name}_FILE`]));
  const ours = new Map(
    [...taken].flatMap((name) => (name.startsWith(prefix) ? [[name.slice(prefix.length), name]] : [])),
  );
  return set.flatMap((name) => {
    const [, start = '', rest = ''] = /^([A-Za-z]+_)(.+)$/.exec(name) ?? [];
    if (taken.has(name) || findClosest(start, [prefix]) === undefined) {
      return [];
    }
    const meant = ours.get(findClosest(rest, ours.keys()) ?? '');
    return meant === undefined ? [] : [`the variable ${name} is none that is read: did you mean ${meant}?`];
  });
}

/** Not a word of what was given: whoever takes the variable for its twin has put a key there. */
async function contentOf(file: string, variable: string): Promise<string> {
  // Nor is a key the name of a file.
  const content =
    decodePem(file) === undefined
      ? await readSmallFile(file, largestValueBytes).catch(
          (error: unknown) => new InvalidArgumentError(readErrorCode(error) ?? 'not a file'),
        )
      : new InvalidArgumentError('it holds PEM itself');
  if (content instanceof InvalidArgumentError) {
    throw new InvalidArgumentError(`${variable} must name a readable file (${content.message})`);
  }
  // Editors end a file with a line break, which belongs to no value.
  return content.trimEnd();
}
