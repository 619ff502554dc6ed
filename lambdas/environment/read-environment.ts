import * as v from 'valibot';

/**
 * Reads what a function needs from its environment.
 *
 * @throws Error that names every variable that is missing or wrong
 */
export function readEnvironment<Schema extends v.GenericSchema>(
  schema: Schema,
  variables: NodeJS.ProcessEnv,
): v.InferOutput<Schema> {
  const read = v.safeParse(schema, variables);
  if (!read.success) {
    const wrong = read.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`);
    throw new Error(`the environment is not what this function needs (${wrong.join('; ')})`);
  }
  return read.output;
}
