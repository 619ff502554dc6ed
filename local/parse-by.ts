import { InvalidArgumentError } from 'commander';
import * as v from 'valibot';

/** For options whose value a schema takes. */
export function parseBy<Output>(schema: v.GenericSchema<string, Output>): (value: string) => Output {
  return (value) => {
    const result = v.safeParse(schema, value);
    if (!result.success) {
      throw new InvalidArgumentError(result.issues[0].message);
    }
    return result.output;
  };
}
