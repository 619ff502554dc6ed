import type { ListedEntity } from '../kong/entity-reader.ts';

/**
 * The field that a person knows an entity by. Only for these types: other types have no name, and the closest
 * field is a key, a password or a token.
 */
const nameFields: Readonly<Record<string, string>> = {
  services: 'name',
  routes: 'name',
  consumers: 'username',
  consumer_groups: 'name',
  plugins: 'name',
  upstreams: 'name',
  targets: 'target',
  snis: 'name',
  key_sets: 'name',
  keys: 'name',
  vaults: 'prefix',
  filter_chains: 'name',
  partials: 'name',
};

/** Whether entities of a type have names at all. */
export function mayHaveName(type: string): boolean {
  return Object.hasOwn(nameFields, type);
}

/** The name of a row that may be shown, or else its id; undefined where it has neither. */
export function nameRow(row: ListedEntity): string | undefined {
  return nameEntity(row.type, mayHaveName(row.type) ? parseRow(row) : {}) ?? readId(row.id);
}

/** The name of an entity that may be shown; undefined where its type has none, or it has none itself. */
export function nameEntity(type: string, entity: Readonly<Record<string, unknown>>): string | undefined {
  const field = mayHaveName(type) ? nameFields[type] : undefined;
  const name = field === undefined ? undefined : entity[field];
  return typeof name === 'string' && name !== '' ? shortenName(name) : undefined;
}

/** Longer than a name that anybody means. Kong sets no limit, and a list of names must stay one. */
const longestName = 500;

function shortenName(name: string): string {
  return name.length <= longestName ? name : `${name.slice(0, longestName)}…`;
}

/** What a person knows an entity by. */
export interface EntityLabel {
  readonly type: string;
  /** Undefined where Kong gave it none. */
  readonly id?: string;
  /** Undefined where its type has no name that may be shown. */
  readonly name?: string;
}

/** Larger than what anybody can look through. To open it takes many times as much memory. */
const largestShownBytes = 4 * 2 ** 20;

/** Whether an entity is too large to be shown: then only its label is known. */
export function isTooLarge({ json }: Pick<ListedEntity, 'json'>): boolean {
  return json.length > largestShownBytes;
}

/** What is told of an entity that is not opened. */
export function labelRow({ type, id }: Pick<ListedEntity, 'type' | 'id'>): EntityLabel {
  const own = readId(id);
  return { type, ...(own === undefined ? {} : { id: own }) };
}

export function labelEntity(type: string, entity: Readonly<Record<string, unknown>>): EntityLabel {
  const id = readId(entity['id']);
  const name = nameEntity(type, entity);
  return { type, ...(id === undefined ? {} : { id }), ...(name === undefined ? {} : { name }) };
}

/** An id that Kong gave. `parameters` and rows of custom plugins have a key for one: that may be a secret. */
export function readId(id: unknown): string | undefined {
  return typeof id === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
}

/** @returns no field for what is no JSON object: what stands in the vault may be anybody's */
export function parseRow({ json }: Pick<ListedEntity, 'json'>): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'),
    );
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
