/** Records: JSON's objects, which lists are not, whatever `typeof` and `v.record` say. */
import * as v from 'valibot';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A record with anything in it. */
export const record = v.custom<Readonly<Record<string, unknown>>>(isRecord, 'expected a record');

/** A record of such values. `v.record` drops the keys `constructor` and `prototype`: no header, label or plugin. */
export const recordOf = <Value extends v.GenericSchema>(value: Value) =>
  v.pipe(record, v.record(v.string(), value));
