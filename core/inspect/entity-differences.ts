import { isDeepStrictEqual } from 'node:util';
import type { FieldKind, FieldKinds } from './kong-schema.ts';
import { hiddenValue, isRecord, kindOfField, kindsOf, type ShownValue, showValue } from './shown-entity.ts';

/** Stands for a hidden value that is another one than before. */
export const changedValue = '(changed)';

/** What differs in one field between two states of an entity, as far as it may be shown. */
export interface FieldDifference {
  /** Dotted, `config.redis.port`. */
  readonly field: string;
  readonly before: ShownValue;
  readonly after: ShownValue;
}

type Entity = Readonly<Record<string, unknown>>;

// Kong changes these whenever it changes anything.
const timesOfChange = new Set(['created_at', 'updated_at']);

/**
 * Compares two states of an entity field by field, and shows what may be shown
 * (core/inspect/shown-entity.ts). Values that may not be shown are compared here, and nothing of them is
 * handed on: "(set)", "(changed)".
 */
export function compareEntity(type: string, before: Entity, after: Entity): readonly FieldDifference[] {
  return compareRecords(before, after, kindsOf(type, before, after), '').filter(
    ({ field }) => !timesOfChange.has(field),
  );
}

function compareRecords(
  before: Entity,
  after: Entity,
  kinds: FieldKinds,
  prefix: string,
): readonly FieldDifference[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return fields.flatMap((field) => {
    const [old, current] = [readField(before, field), readField(after, field)];
    if (isDeepStrictEqual(old, current)) {
      return [];
    }
    const kind = kindOfField(kinds, field);
    return kind === undefined ? [] : compareValues(old, current, kind, `${prefix}${field}`);
  });
}

/** Of its own: a field may be called "constructor". */
function readField(record: Entity, field: string): unknown {
  return Object.hasOwn(record, field) ? (record[field] ?? null) : null;
}

function compareValues(
  before: unknown,
  after: unknown,
  kind: FieldKind,
  field: string,
): readonly FieldDifference[] {
  if (typeof kind === 'object' && 'record' in kind && isRecord(before) && isRecord(after)) {
    return compareRecords(before, after, kind.record, `${field}.`);
  }
  const [old, current] = [showValue(before, kind), showValue(after, kind)];
  if (isDeepStrictEqual(old, current)) {
    // They differ in what is not shown.
    return [{ field, before: hiddenValue, after: changedValue }];
  }
  return [{ field, before: old, after: before !== null && current === hiddenValue ? changedValue : current }];
}
