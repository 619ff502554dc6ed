import * as v from 'valibot';

/** A moment in JSON: ISO 8601, as `Date.toISOString` writes it. */
export const instant = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.transform((text) => new Date(text)),
);
