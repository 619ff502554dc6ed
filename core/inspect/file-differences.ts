import { type ListedEntity, readEntities } from '../kong/entity-reader.ts';
import { compareEntity, type FieldDifference } from './entity-differences.ts';
import { type EntityLabel, labelEntity, mayHaveName, nameRow, parseRow } from './entity-name.ts';
import { compareFiles, type FileOpener } from './entity-pairs.ts';
import { isReference, type Reference, type ShownValue, showEntity } from './shown-entity.ts';

/** What differs in one entity between two files, as far as it may be shown. */
export interface EntityDifference extends EntityLabel {
  readonly kind: 'added' | 'updated' | 'removed';
  /** Of an entity that was added or removed: what it has, or had. Empty where only its dates differ. */
  readonly fields: readonly FieldDifference[];
}

/**
 * Lists what differs between two published files, in the order of types and names. Entities that are referred
 * to are named (core/inspect/shown-entity.ts says what is shown of the others).
 *
 * @throws TooDifferent when the files have too little in common to be compared in `maxWaitingBytes`
 */
export async function listDifferences(
  before: FileOpener,
  after: FileOpener,
  maxWaitingBytes: number,
): Promise<readonly EntityDifference[]> {
  const differences: EntityDifference[] = [];
  await compareFiles(
    before,
    after,
    {
      added: (row) => differences.push(describeRow('added', row)),
      removed: (row) => differences.push(describeRow('removed', row)),
      updated(old, current) {
        const entity = parseRow(current);
        const fields = compareEntity(current.type, parseRow(old), entity);
        differences.push({ kind: 'updated', ...labelEntity(current.type, entity), fields });
      },
    },
    maxWaitingBytes,
  );
  const names = await findNames([after, before], referencesOf(differences));
  return differences
    .map((difference) => ({
      ...difference,
      fields: difference.fields.map(({ field, before: old, after: current }) => ({
        field,
        before: nameReferences(old, names),
        after: nameReferences(current, names),
      })),
    }))
    .sort(byTypeAndName);
}

function describeRow(kind: 'added' | 'removed', row: ListedEntity): EntityDifference {
  const entity = parseRow(row);
  const shown = showEntity(row.type, entity);
  const fields = Object.entries(shown).flatMap(([field, value]) => {
    const isSaid = value === null || field === 'id' || field === 'created_at' || field === 'updated_at';
    return isSaid
      ? []
      : [{ field, ...(kind === 'added' ? { before: null, after: value } : { before: value, after: null }) }];
  });
  return { kind, ...labelEntity(row.type, entity), fields };
}

/** The keys of those that may have a name. */
function referencesOf(differences: readonly EntityDifference[]): ReadonlySet<string> {
  const keys = new Set<string>();
  const look = (value: ShownValue): void => {
    if (isReference(value)) {
      if (mayHaveName(value.reference.type)) {
        keys.add(keyOf(value.reference));
      }
    } else if (typeof value === 'object' && value !== null) {
      Object.values(value).forEach(look);
    }
  };
  for (const { fields } of differences) {
    for (const { before, after } of fields) {
      look(before);
      look(after);
    }
  }
  return keys;
}

const keyOf = ({ type, id }: Pick<Reference, 'type' | 'id'>) => `${type}/${id}`;

/** The names of those that have one, from the first file that has the entity. */
async function findNames(
  files: readonly FileOpener[],
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const open of files) {
    for await (const rows of readEntities(open())) {
      if (names.size === wanted.size) {
        return names;
      }
      for (const row of rows) {
        const key = keyOf(row);
        const name = wanted.has(key) && !names.has(key) ? nameRow(row) : undefined;
        if (name !== undefined) {
          names.set(key, name);
        }
      }
    }
  }
  return names;
}

function nameReferences(value: ShownValue, names: ReadonlyMap<string, string>): ShownValue {
  if (isReference(value)) {
    const name = names.get(keyOf(value.reference));
    return name === undefined ? value : { reference: { ...value.reference, name } };
  }
  if (Array.isArray(value)) {
    return value.map((each) => nameReferences(each, names));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([field, each]) => [field, nameReferences(each, names)]),
    );
  }
  return value;
}

function byTypeAndName(one: EntityDifference, other: EntityDifference): number {
  const order = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  return (
    order(one.type, other.type) ||
    order(one.name ?? '', other.name ?? '') ||
    order(one.id ?? '', other.id ?? '')
  );
}
