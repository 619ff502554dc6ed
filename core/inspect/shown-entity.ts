import { readId } from './entity-name.ts';
import { type FieldKind, type FieldKinds, fieldsOfPlugin, fieldsOfType } from './kong-schema.ts';

/** Stands for a value that is not shown. */
export const hiddenValue = '(set)';

/** Another entity. */
export interface Reference {
  readonly type: string;
  readonly id: string;
  /** Where it has one that is known (core/inspect/file-differences.ts looks for it). */
  readonly name?: string;
}

/** What of a value may be shown. */
export type ShownValue =
  | null
  | boolean
  | number
  | string
  | { readonly reference: Reference }
  | readonly ShownValue[]
  | { readonly [field: string]: ShownValue };

type Entity = Readonly<Record<string, unknown>>;

/**
 * What of an entity may be shown. It is a list of what is allowed: names, ids, tags, hosts, paths, methods,
 * ports, booleans, numbers, and words of Kong's schemas. Any other value is "(set)", never a part of it and
 * never a hash of it: Kong's own marks of secrets leave out headers of request-transformer, passwords in
 * URLs, and Lua. A plugin that is not bundled with Kong shows no field of its `config`: a field's name may be
 * a secret, too, where it is the key of a map.
 */
export function showEntity(type: string, entity: Entity): Readonly<Record<string, ShownValue>> {
  return showFields(entity, kindsOf(type, entity));
}

/** The kinds of the fields of one entity: a plugin's `config` depends on which plugin it is. */
export function kindsOf(type: string, ...states: readonly Entity[]): FieldKinds {
  const kinds = fieldsOfType(type);
  if (type !== 'plugins') {
    return kinds;
  }
  const names = new Set(states.map(({ name }) => name));
  const config = names.size === 1 ? fieldsOfPlugin([...names][0]) : undefined;
  return { ...kinds, config: config === undefined ? 'hidden' : { record: config } };
}

function showFields(record: Entity, kinds: FieldKinds): Readonly<Record<string, ShownValue>> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([field, value]): (readonly [string, ShownValue])[] => {
      const kind = kindOfField(kinds, field);
      return kind === undefined ? [] : [[field, showValue(value, kind)]];
    }),
  );
}

/** @returns undefined for a field whose name is none that Kong would give one */
export function kindOfField(kinds: FieldKinds, field: string): FieldKind | undefined {
  if (Object.hasOwn(kinds, field)) {
    return kinds[field];
  }
  // Of a later Kong. What is longer, or has other characters, is no name of a field.
  return /^[a-z][a-z0-9_]{0,39}$/.test(field) ? 'hidden' : undefined;
}

export function showValue(value: unknown, kind: FieldKind): ShownValue {
  if (value === null || value === undefined) {
    return null;
  }
  if (Array.isArray(kind)) {
    return kind.includes(value) ? (value as string) : hiddenValue;
  }
  switch (kind) {
    case 'hidden':
      return hiddenValue;
    case 'id':
      return readId(value) ?? hiddenValue;
    case 'text':
      return typeof value === 'string' ? value : hiddenValue;
    case 'boolean':
      return typeof value === 'boolean' ? value : hiddenValue;
    case 'number':
      return typeof value === 'number' ? value : hiddenValue;
    default:
      return showComposite(value, kind as Exclude<FieldKind, string | readonly string[]>);
  }
}

function showComposite(value: unknown, kind: Exclude<FieldKind, string | readonly string[]>): ShownValue {
  if ('of' in kind) {
    const id = readId(value) ?? readId((value as { readonly id?: unknown }).id);
    return id === undefined ? hiddenValue : { reference: { type: kind.of, id } };
  }
  if ('list' in kind) {
    // Lua has no difference between an empty list and an empty map.
    if (!Array.isArray(value)) {
      return isRecord(value) && Object.keys(value).length === 0 ? [] : hiddenValue;
    }
    const shown = value.map((each) => showValue(each, kind.list));
    return shown.length > 0 && shown.every((each) => each === hiddenValue) ? hiddenValue : shown;
  }
  if (!isRecord(value)) {
    return Array.isArray(value) && value.length === 0 ? {} : hiddenValue;
  }
  return showFields(value, kind.record);
}

export function isRecord(value: unknown): value is Entity {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isReference(value: ShownValue): value is { readonly reference: Reference } {
  // No field that Kong knows has this name.
  return isRecord(value) && isRecord(value.reference);
}
