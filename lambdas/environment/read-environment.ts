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
    const wrong = read.issues.map((issue) => `${v.getDotPath(issue)}: ${describe(issue)}`);
    throw new Error(`environment variables are missing or wrong (${wrong.join('; ')})`);
  }
  return read.output;
}

/** The schema's own message would quote what stands in the variable: a key may have come there by mistake. */
function describe({ message, received }: v.BaseIssue<unknown>): string {
  return received?.startsWith('"') === true ? message.replaceAll(received, 'another text') : message;
}
