/** The database of the simulated control plane: entities by type, kept as frames have them (foreign keys as ids). */
import { createHash, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { type EntityType, entityTypes } from './entities.ts';
import { type ConfigTable, recordedDatabase, recordedRoot } from './recording.ts';
import { isRecord } from './records.ts';

/** A row. Rows are never changed, only replaced, so that whoever holds one may compare it by identity. */
export type Entity = Readonly<Record<string, unknown>>;

export interface Change {
  readonly operation: 'create' | 'update' | 'delete';
  /** The list's name in a declarative config, `services`. */
  readonly type: string;
  readonly entity: Entity;
  readonly oldEntity?: Entity;
}

/** What Kong's database layer refuses, with its code and HTTP status (kong/db/errors.lua, kong/api/endpoints.lua). */
const refusals = {
  'schema violation': { code: 2, status: 400 },
  'primary key violation': { code: 3, status: 400 },
  'foreign key violation': { code: 4, status: 400 },
  'unique constraint violation': { code: 5, status: 409 },
  'not found': { code: 6, status: 404 },
  'invalid offset': { code: 7, status: 400 },
  'invalid size': { code: 9, status: 400 },
} as const;

/** A request that Kong would refuse. `fields` is Kong's: what is wrong, by field. */
export class ConfigurationError extends Error {
  readonly kind: keyof typeof refusals;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly code: number;
  readonly status: number;

  constructor(kind: keyof typeof refusals, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'ConfigurationError';
    this.kind = kind;
    this.fields = fields;
    this.code = refusals[kind].code;
    this.status = refusals[kind].status;
  }
}

/** The primary key: an id, except for the few types (`parameters`) that have another. */
export function primaryKey(row: Entity): string {
  return String(row['id'] ?? row['key']);
}

/** Kong's PATCH: records are merged at every depth, anything else is replaced (kong/db/schema/init.lua). */
function merge(old: Entity, patch: Entity): Entity {
  const merged = Object.entries(patch).map(([field, value]) => {
    const before = old[field];
    return [field, isRecord(before) && isRecord(value) ? merge(before, value) : value] as const;
  });
  return { ...old, ...Object.fromEntries(merged) };
}

function schemaViolation(fields: Readonly<Record<string, unknown>>): ConfigurationError {
  const problems = Object.entries(fields).map(([field, problem]) =>
    typeof problem === 'string' ? `${field}: ${problem}` : `${field}: ${JSON.stringify(problem)}`,
  );
  const title = problems.length === 1 ? 'schema violation' : `${problems.length} schema violations`;
  return new ConfigurationError('schema violation', `${title} (${problems.join('; ')})`, fields);
}

/** For a value of the wrong type, where its schema has no words of its own. */
const wrongType = ({ expected }: v.BaseIssue<unknown>) =>
  expected === 'never' ? 'unknown field' : `expected a ${expected?.toLowerCase()}`;

/** The row with defaults filled in, or a schema violation that names every wrong field. */
function validated(type: EntityType, row: Entity): Entity {
  const { schema } = type;
  if (schema === undefined) {
    throw new ConfigurationError(
      'schema violation',
      `the simulator cannot write ${type.name}: give them with its option "configuration"`,
    );
  }
  // Not v.strictObject, which names the first unknown field only.
  const unknown = Object.keys(row).filter((field) => !Object.hasOwn(schema.entries, field));
  const result = v.safeParse(schema, row, { message: wrongType });
  if (result.success && unknown.length === 0) return result.output;
  const fields: Record<string, unknown> = {};
  for (const { kind, type: expected, path, message } of result.issues ?? []) {
    const [at] = path ?? [];
    if (at === undefined) {
      fields['@entity'] = [message];
      continue;
    }
    const field = String(at.key);
    const given = row[field] !== undefined && row[field] !== null;
    fields[field] ??=
      given || kind !== 'schema' || expected === 'picklist' ? message : 'required field missing';
  }
  for (const field of unknown) fields[field] = 'unknown field';
  throw schemaViolation(fields);
}

/** `url` of a service is shorthand for four fields (kong/db/schema/entities/services.lua). */
function expandUrl({ url, ...fields }: Entity): Entity {
  if (url === undefined) return fields;
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw schemaViolation({ url: 'missing host in url' });
  const protocol = parsed.protocol.slice(0, -1);
  return {
    ...fields,
    protocol,
    host: parsed.hostname,
    port: parsed.port === '' ? (protocol === 'https' ? 443 : 80) : Number(parsed.port),
    path: parsed.pathname === '/' ? null : parsed.pathname,
  };
}

export interface ConfigurationOptions {
  /** A configuration to start with, in the form of a frame; default: the recorded one. */
  readonly table?: ConfigTable;
  /** Plugins that may be configured; default: those of the recorded control plane. */
  readonly plugins?: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class Configuration {
  readonly #rows = new Map<string, Map<string, Entity>>();
  readonly #sorted = new Map<string, readonly Entity[]>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #plugins: ReadonlySet<string>;
  readonly #now: () => number;

  constructor(options: ConfigurationOptions = {}) {
    this.#plugins = options.plugins ?? new Set(recordedRoot().plugins.keys());
    this.#now = options.now ?? Date.now;
    for (const [name, rows] of Object.entries(options.table ?? recordedDatabase())) {
      if (!Array.isArray(rows)) continue;
      this.#rows.set(name, new Map(rows.map((row: Entity) => [primaryKey(row), row])));
    }
  }

  /** Names of the types that have rows, those included that only a custom plugin knows. */
  types(): readonly string[] {
    return [...this.#rows].filter(([, rows]) => rows.size > 0).map(([name]) => name);
  }

  /** All rows of a type in primary key order, as Kong exports and pages them. */
  rows(name: string): readonly Entity[] {
    const known = this.#sorted.get(name);
    if (known !== undefined) return known;
    const rows = [...(this.#rows.get(name)?.entries() ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, row]) => row);
    this.#sorted.set(name, rows);
    return rows;
  }

  /** The row with this id or name, among those that `within` (a parent) has. */
  find(type: EntityType, key: string, within: Entity = {}): Entity | undefined {
    const belongs = (row: Entity) => Object.entries(within).every(([field, value]) => row[field] === value);
    const byId = this.#rows.get(type.name)?.get(key);
    if (byId !== undefined) return belongs(byId) ? byId : undefined;
    const { nameField } = type;
    if (nameField === undefined) return undefined;
    return this.rows(type.name).find((row) => row[nameField] === key && belongs(row));
  }

  /** Calls back after every change, rows deleted with their parent included. Returns what ends that. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * @param fields as the Admin API takes them: foreign keys as `{"id"}` or `{"name"}`, `ttl` in seconds from now
   * @throws ConfigurationError with what Kong would answer
   */
  create(name: string, fields: Entity): Entity {
    const type = typeNamed(name);
    const id = fields['id'] ?? randomUUID();
    const row = this.#stamped(
      type,
      validated(type, { ...this.#completed(type, this.#flattened(type, fields)), id }),
    );
    if (this.#rows.get(name)?.has(primaryKey(row))) {
      throw new ConfigurationError('primary key violation', `primary key violation on key '{id="${id}"}'`, {
        id,
      });
    }
    return this.#store(type, row, undefined);
  }

  /** Changes the given fields only. @throws ConfigurationError, `not found` where there is no such row */
  update(name: string, id: string, fields: Entity): Entity {
    const type = typeNamed(name);
    const old = this.#rows.get(name)?.get(id);
    if (old === undefined) throw new ConfigurationError('not found', 'Not found');
    const patched = merge(old, this.#flattened(type, fields));
    const row = validated(type, { ...this.#derived(type, patched), id });
    return this.#store(type, this.#stamped(type, row, old), old);
  }

  /** Creates the row or replaces it whole: fields that are not given get their defaults. */
  upsert(name: string, id: string, fields: Entity): Entity {
    const type = typeNamed(name);
    const old = this.#rows.get(name)?.get(id);
    if (old === undefined) return this.create(name, { ...fields, id });
    const row = validated(type, { ...this.#completed(type, this.#flattened(type, fields)), id });
    return this.#store(type, this.#stamped(type, row, old), old);
  }

  /** Deletes the row and what Kong deletes with it. @throws ConfigurationError where another row forbids it */
  delete(name: string, id: string): void {
    const row = this.#rows.get(name)?.get(id);
    if (row === undefined) return;
    const references = [...entityTypes.values()].flatMap((type) =>
      Object.entries(type.references)
        .filter(([, reference]) => reference.to === name)
        .map(([field, reference]) => ({ type, field, reference })),
    );
    const referring = references.flatMap((one) =>
      this.rows(one.type.name)
        .filter((other) => other[one.field] === id)
        .map((other) => ({ ...one, row: other })),
    );
    const obstacle = referring.find(({ reference }) => reference.onDelete === 'restrict');
    if (obstacle !== undefined) {
      const by = obstacle.type.name;
      const message = `an existing '${by}' entity references this '${name}' entity`;
      throw new ConfigurationError('foreign key violation', message, { '@referenced_by': by });
    }
    for (const { type, row: other } of referring) this.delete(type.name, primaryKey(other));
    this.#rows.get(name)?.delete(id);
    this.#announce({ operation: 'delete', type: name, entity: row });
  }

  /** Foreign keys as the Admin API takes them → ids; `ttl` in seconds → the epoch second it ends. */
  #flattened(type: EntityType, fields: Entity): Entity {
    const flat: Record<string, unknown> = { ...(type.name === 'services' ? expandUrl(fields) : fields) };
    for (const [field, { to }] of Object.entries(type.references)) {
      const given = flat[field];
      if (given === undefined || given === null) continue;
      if (!isRecord(given)) throw schemaViolation({ [field]: 'expected a record' });
      const target = typeNamed(to);
      const name = target.nameField === undefined ? undefined : given[target.nameField];
      const key = given['id'] ?? name;
      const row = typeof key === 'string' ? this.find(target, key) : undefined;
      if (row === undefined) {
        const [which = 'id'] = Object.keys(given);
        const message = `the foreign key '{${which}="${String(key)}"}' does not reference an existing '${to}' entity.`;
        throw new ConfigurationError('foreign key violation', message, { [field]: given });
      }
      flat[field] = primaryKey(row);
    }
    const ttl = flat['ttl'];
    if (typeof ttl === 'number') flat['ttl'] = ttl === 0 ? null : Math.floor(this.#now() / 1000) + ttl;
    return flat;
  }

  /** What Kong generates or computes where it is not given. */
  #completed(type: EntityType, fields: Entity): Entity {
    const generated =
      type.name === 'keyauth_credentials' && fields['key'] === undefined
        ? { ...fields, key: randomBytes(24).toString('base64url') }
        : fields;
    return this.#derived(type, generated);
  }

  #derived(type: EntityType, fields: Entity): Entity {
    if (type.name === 'plugins' && typeof fields['name'] === 'string' && !this.#plugins.has(fields['name'])) {
      const problem = `plugin '${fields['name']}' not enabled; add it to the 'plugins' configuration property`;
      throw schemaViolation({ name: problem });
    }
    const { target, cert } = fields;
    if (type.name === 'targets' && typeof target === 'string' && !/:\d+$/.test(target)) {
      return { ...fields, target: `${target}:8000` };
    }
    if (type.name === 'ca_certificates' && typeof cert === 'string') {
      return { ...fields, cert_digest: certificateDigest(cert) };
    }
    return fields;
  }

  #stamped(type: EntityType, row: Entity, old?: Entity): Entity {
    const now = type.preciseTimestamps ? this.#now() / 1000 : Math.floor(this.#now() / 1000);
    const createdAt = old?.['created_at'] ?? row['created_at'] ?? now;
    return { ...row, created_at: createdAt, ...(type.hasUpdatedAt ? { updated_at: now } : {}) };
  }

  #store(type: EntityType, row: Entity, old: Entity | undefined): Entity {
    for (const group of type.unique) {
      if (group.every((field) => row[field] === null || row[field] === undefined)) continue;
      const twin = this.rows(type.name).find(
        (other) => other !== old && group.every((field) => other[field] === row[field]),
      );
      if (twin === undefined) continue;
      const fields = Object.fromEntries(group.map((field) => [field, row[field]]));
      const key = group.map((field) => `${field}=${JSON.stringify(row[field])}`).join(',');
      const message = `UNIQUE violation detected on '{${key}}'`;
      throw new ConfigurationError('unique constraint violation', message, fields);
    }
    const rows = this.#rows.get(type.name) ?? new Map<string, Entity>();
    this.#rows.set(type.name, rows.set(primaryKey(row), row));
    this.#announce(
      old === undefined
        ? { operation: 'create', type: type.name, entity: row }
        : { operation: 'update', type: type.name, entity: row, oldEntity: old },
    );
    return row;
  }

  #announce(change: Change): void {
    this.#sorted.delete(change.type);
    for (const listener of this.#listeners) listener(change);
  }
}

/** @throws Error for a type that is not Kong's */
function typeNamed(name: string): EntityType {
  const type = entityTypes.get(name);
  if (type === undefined)
    throw new Error(`"${name}" is not an entity type of Kong's: see entities.ts for those there are`);
  return type;
}

function certificateDigest(certificate: string): string {
  let der: Buffer;
  try {
    der = new X509Certificate(certificate).raw;
  } catch {
    throw schemaViolation({ cert: 'invalid certificate' });
  }
  return createHash('sha256').update(der).digest('hex');
}
