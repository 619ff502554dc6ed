/** Records are JSON's objects. `typeof` and `v.record` take lists for records, too. */
import * as v from 'valibot';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A record with anything in it. */
export const record = v.custom<Readonly<Record<string, unknown>>>(isRecord, 'expected a record');

/**
 * A record of such values. `v.record` drops the keys `constructor` and `prototype`; nothing here has those
 * names.
 */
export const recordOf = <Value extends v.GenericSchema>(value: Value) =>
  v.pipe(record, v.record(v.string(), value));
