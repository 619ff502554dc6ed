/**
 * What functions read from their environment, a file for each function so that none carries the others'. The
 * constructs in `lib/` take their variables by these types, so that a variable that is forgotten does not
 * compile, and the functions parse the same schemas at cold start.
 */
import * as v from 'valibot';
import { kongVersion } from '../../core/names.ts';

export const nonEmptyText = v.pipe(v.string(), v.nonEmpty());
export const wholeNumber = v.pipe(
  v.string(),
  v.regex(/^\d{1,9}$/, 'a whole number is expected'),
  v.transform(Number),
);
export const atLeastOne = v.pipe(wholeNumber, v.minValue(1, 'a whole number above 0 is expected'));
export const onOff = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((value) => value === 'true'),
);
export const commaSeparated = <Item extends v.GenericSchema<string>>(item: Item) =>
  v.pipe(
    v.string(),
    v.transform((value) => value.split(',').filter((part) => part !== '')),
    v.array(item),
  );
// Without a version an export would look at nothing, and call that complete.
export const versionList = v.pipe(
  commaSeparated(kongVersion),
  v.nonEmpty('at least one version is expected, for example "3.9.1"'),
);
