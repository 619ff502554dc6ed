import * as v from 'valibot';

/** Names and texts, all of them: `v.record` takes lists too, and leaves out names such as `constructor`. */
export const stringMap = v.custom<Readonly<Record<string, string>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string'),
  'an object whose values are strings is expected',
);
