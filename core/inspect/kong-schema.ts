import kongFields from './kong-fields.json' with { type: 'json' };

/**
 * What a field holds, by Kong's schemas: a boolean, a number, one of some words, the id of an entity of
 * another type, a list, or further fields. Texts, maps and JSON are `hidden`, save the texts that people may
 * read.
 */
export type FieldKind =
  | 'boolean'
  | 'number'
  | 'id'
  | 'text'
  | 'hidden'
  | readonly string[]
  | { readonly of: string }
  | { readonly list: FieldKind }
  | { readonly record: FieldKinds };

export type FieldKinds = { readonly [field: string]: FieldKind };

const schemas = kongFields as unknown as {
  readonly entities: Readonly<Record<string, FieldKinds>>;
  readonly plugins: Readonly<Record<string, FieldKinds>>;
};

/** Texts that people may read: names, ids, tags, hosts, paths and methods, by type of entity. */
const shownTexts: Readonly<Record<string, readonly string[]>> = {
  services: ['name', 'host', 'path'],
  routes: ['name', 'hosts', 'paths', 'methods', 'snis', 'sources.ip', 'destinations.ip'],
  consumers: ['username'],
  plugins: ['name', 'instance_name'],
  upstreams: ['name', 'host_header', 'healthchecks.active.http_path', 'healthchecks.active.https_sni'],
  targets: ['target'],
  snis: ['name'],
  key_sets: ['name'],
  keys: ['name'],
  vaults: ['name', 'prefix'],
  filter_chains: ['name', 'filters.name'],
  acls: ['group'],
  workspaces: ['name'],
};

/** What Kong's open-source schemas do not have, of Kong's Enterprise documentation. */
const furtherTypes: Readonly<Record<string, FieldKinds>> = {
  consumer_groups: { name: 'text' },
  partials: { name: 'text' },
};

const common: FieldKinds = {
  id: 'id',
  tags: { list: 'text' },
  created_at: 'number',
  updated_at: 'number',
};

const entityKinds = new Map<string, FieldKinds>();

/** The fields of a type of entity; of one that Kong's schemas do not have, as of a custom plugin, its id. */
export function fieldsOfType(type: string): FieldKinds {
  const known = entityKinds.get(type);
  if (known !== undefined) {
    return known;
  }
  const bundled = own(schemas.entities, type) ?? own(furtherTypes, type);
  if (bundled === undefined) {
    return { id: 'id' };
  }
  const kinds = { ...showTexts(bundled, own(shownTexts, type) ?? []), ...common };
  entityKinds.set(type, kinds);
  return kinds;
}

/** The fields of a bundled plugin's `config`; undefined for any other plugin. */
export function fieldsOfPlugin(name: unknown): FieldKinds | undefined {
  return typeof name === 'string' ? own(schemas.plugins, name) : undefined;
}

function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** @param shown dotted paths; lists are looked into */
function showTexts(kinds: FieldKinds, shown: readonly string[], prefix = ''): FieldKinds {
  return Object.fromEntries(
    Object.entries(kinds).map(([field, kind]) => [field, showText(kind, shown, `${prefix}${field}`)]),
  );
}

function showText(kind: FieldKind, shown: readonly string[], path: string): FieldKind {
  if (typeof kind === 'string' || Array.isArray(kind)) {
    // Kong lists the names of filters that it has; a name may be one of those that another Kong has.
    return shown.includes(path) ? 'text' : kind;
  }
  if ('list' in kind) {
    return { list: showText(kind.list, shown, path) };
  }
  return 'record' in kind ? { record: showTexts(kind.record, shown, `${path}.`) } : kind;
}
