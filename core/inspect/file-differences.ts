import { type ListedEntity, readEntities } from '../kong/entity-reader.ts';
import { compareEntity, type FieldDifference } from './entity-differences.ts';
import {
  type EntityLabel,
  isTooLarge,
  labelEntity,
  labelRow,
  mayHaveName,
  nameRow,
  parseRow,
} from './entity-name.ts';
import { compareFiles, type FileOpener, TooDifferent } from './entity-pairs.ts';
import { isReference, type Reference, type ShownValue, showEntity } from './shown-entity.ts';

/** What differs in one entity between two files, as far as it may be shown. */
export interface EntityDifference extends EntityLabel {
  readonly kind: 'added' | 'updated' | 'removed';
  /** Of an entity that was added or removed: what it has, or had. Empty where only its dates differ. */
  readonly fields: readonly FieldDifference[];
  /** Whether the entity is too large for its fields to be told. */
  readonly isCut?: true;
}

/**
 * Lists what differs between two published files, in the order of types and names. Entities that are referred
 * to are named (core/inspect/shown-entity.ts says what is shown of the others).
 *
 * @throws TooDifferent when the files have too little in common to be compared in `maxWaitingBytes`, or what
 * differs takes more than three times as much
 */
export async function listDifferences(
  before: FileOpener,
  after: FileOpener,
  maxWaitingBytes: number,
): Promise<readonly EntityDifference[]> {
  const differences = new ListedDifferences(differencesToWaiting * maxWaitingBytes);
  await compareFiles(
    before,
    after,
    {
      added: (row) => differences.add(describeRow('added', row)),
      removed: (row) => differences.add(describeRow('removed', row)),
      updated: (old, current) => differences.add(describeUpdate(old, current)),
    },
    maxWaitingBytes,
  );
  const names = await findNames([after, before], referencesOf(differences.list));
  return differences.list
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

/** What is found may take more than what waits: most of it is sent. */
const differencesToWaiting = 3;
/** What a difference takes in memory, and a field in it, roughly. */
const [bytesPerDifference, bytesPerField] = [300, 150];

/** Keeps what was found, while there is room for it. */
class ListedDifferences {
  readonly list: EntityDifference[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws TooDifferent */
  add(difference: EntityDifference): void {
    this.#bytes += bytesPerDifference + bytesPerField * difference.fields.length;
    if (this.#bytes > this.#maxBytes) {
      throw new TooDifferent('the revisions differ in too much to list it');
    }
    this.list.push(difference);
  }
}

function describeUpdate(old: ListedEntity, current: ListedEntity): EntityDifference {
  if (isTooLarge(old) || isTooLarge(current)) {
    return { kind: 'updated', ...labelRow(current), fields: [], isCut: true };
  }
  const entity = parseRow(current);
  const fields = compareEntity(current.type, parseRow(old), entity);
  return { kind: 'updated', ...labelEntity(current.type, entity), fields };
}

function describeRow(kind: 'added' | 'removed', row: ListedEntity): EntityDifference {
  if (isTooLarge(row)) {
    return { kind, ...labelRow(row), fields: [], isCut: true };
  }
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
        const isWanted = wanted.has(key) && !names.has(key) && !isTooLarge(row);
        const name = isWanted ? nameRow(row) : undefined;
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
