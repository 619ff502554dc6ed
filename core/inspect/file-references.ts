import { readEntities } from '../kong/entity-reader.ts';
import { type EntityLabel, labelEntity, parseRow, readId } from './entity-name.ts';
import { type FieldKinds, fieldsOfType } from './kong-schema.ts';

/** An entity that refers to one that is not in its file: Kong refuses the whole file. */
export interface BrokenReference extends EntityLabel {
  readonly field: string;
  /** What it refers to. */
  readonly missing: { readonly type: string; readonly id: string };
}

export interface CheckedReferences {
  /** How many entities the file has. */
  readonly entities: number;
  /** How many references were followed. */
  readonly references: number;
  /** The first of the broken ones. */
  readonly broken: readonly BrokenReference[];
  readonly brokenCount: number;
}

const shownBroken = 20;

interface FoundReference extends BrokenReference {
  readonly key: string;
}

/**
 * Follows each reference of a file's entities. Types that Kong's bundled schemas do not have are left out.
 *
 * @param file the uncompressed file, in pieces
 */
export async function checkReferences(file: AsyncIterable<Uint8Array>): Promise<CheckedReferences> {
  const known = new Set<string>();
  const waiting: FoundReference[] = [];
  let entities = 0;
  let references = 0;
  for await (const rows of readEntities(file)) {
    for (const row of rows) {
      entities += 1;
      known.add(`${row.type}/${row.id}`);
      for (const { field, type } of referencesOfType(row.type)) {
        const entity = parseRow(row);
        for (const id of readReference(entity[field])) {
          references += 1;
          const key = `${type}/${id}`;
          // Most come after what they refer to.
          if (!known.has(key)) {
            waiting.push({ ...labelEntity(row.type, entity), field, missing: { type, id }, key });
          }
        }
      }
    }
  }
  const broken = waiting.filter(({ key }) => !known.has(key));
  return {
    entities,
    references,
    broken: broken.slice(0, shownBroken).map(({ key: _, ...reference }) => reference),
    brokenCount: broken.length,
  };
}

const fieldsByType = new Map<string, readonly { readonly field: string; readonly type: string }[]>();

/** The fields of a type that refer to another entity. They stand at its root. */
function referencesOfType(type: string) {
  const known = fieldsByType.get(type);
  if (known !== undefined) {
    return known;
  }
  const fields = findReferences(fieldsOfType(type));
  fieldsByType.set(type, fields);
  return fields;
}

function findReferences(kinds: FieldKinds) {
  return Object.entries(kinds).flatMap(([field, kind]) =>
    typeof kind === 'object' && 'of' in kind ? [{ field, type: kind.of }] : [],
  );
}

/** A reference is an id, or an object with one. */
function readReference(value: unknown): readonly string[] {
  const id = readId(value) ?? readId((value as { readonly id?: unknown } | null | undefined)?.id);
  return id === undefined ? [] : [id];
}
