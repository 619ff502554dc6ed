/**
 * The database of the simulated control plane. Rows are kept as frames have them, with foreign keys as ids.
 */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { CodedError } from '../../../core/coded-error.ts';
import { type EntityType, entityTypes } from './entities.ts';
import type { ConfigTable } from './recording.ts';
import { isRecord } from './records.ts';

export type Entity = Readonly<Record<string, unknown>>;

/** A row that was created: by the Admin API nothing is ever changed or deleted. */
export interface Change {
  /** The list's name in a declarative config, `services`. */
  readonly type: string;
  readonly entity: Entity;
}

/** What Kong's database layer refuses, by the names that Kong gives it (kong/db/errors.lua). */
export type ConfigurationErrorCode =
  | 'schema violation'
  | 'foreign key violation'
  | 'unique constraint violation'
  | 'not found';

/** A request that Kong would refuse. */
export class ConfigurationError extends CodedError<ConfigurationErrorCode> {
  override readonly name = 'ConfigurationError';
}

/** The primary key: an id, except for the few types (`parameters`) that have another. */
export function primaryKey(row: Entity): string {
  return String(row['id'] ?? row['key']);
}

function schemaViolation(problem: string): ConfigurationError {
  return new ConfigurationError('schema violation', `schema violation (${problem})`);
}

function validateFields({ fields: schema }: EntityType, fields: Entity): Entity {
  const result = v.safeParse(schema, fields);
  if (result.success) {
    return result.output;
  }
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? '@entity'}: ${issue.message}`);
  throw schemaViolation(problems.join('; '));
}

/** `url` of a service is shorthand for four fields (kong/db/schema/entities/services.lua). */
function expandUrl({ url, ...fields }: Entity): Entity {
  if (url === undefined) {
    return fields;
  }
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) {
    throw schemaViolation('url: missing host in url');
  }
  const protocol = parsed.protocol.slice(0, -1);
  return {
    ...fields,
    protocol,
    host: parsed.hostname,
    port: parsed.port === '' ? (protocol === 'https' ? 443 : 80) : Number(parsed.port),
    path: parsed.pathname === '/' ? null : parsed.pathname,
  };
}

export class Configuration {
  readonly #rows: Map<string, readonly Entity[]>;
  readonly #plugins: ReadonlySet<string>;
  readonly #listeners = new Set<(change: Change) => void>();

  /**
   * @param table what to start with, in the form of a frame
   * @param plugins those that may be configured
   */
  constructor(table: ConfigTable, plugins: ReadonlySet<string>) {
    this.#rows = new Map(
      Object.entries(table).flatMap(([type, rows]) => (Array.isArray(rows) ? [[type, rows]] : [])),
    );
    this.#plugins = plugins;
  }

  /** Names of the types that have rows, types of custom plugins included. */
  types(): readonly string[] {
    return [...this.#rows].filter(([, rows]) => rows.length > 0).map(([type]) => type);
  }

  /** All rows of a type in the order of their primary keys, as Kong exports and lists them. */
  rows(type: string): readonly Entity[] {
    const rows = this.#rows.get(type) ?? [];
    return rows.toSorted((a, b) => (primaryKey(a) < primaryKey(b) ? -1 : 1));
  }

  /** The row with this id or name. */
  find(type: string, key: unknown): Entity | undefined {
    const nameField = entityTypes.get(type)?.nameField ?? 'id';
    return this.rows(type).find((row) => row['id'] === key || row[nameField] === key);
  }

  /** Calls back after every change. Returns what ends that. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * @param given as the Admin API takes it: foreign keys as `{"id"}` or `{"name"}`
   * @throws ConfigurationError with what Kong would answer
   */
  create(type: string, given: Entity): Entity {
    const entityType = entityTypes.get(type);
    if (entityType === undefined) {
      throw new ConfigurationError('not found', `the simulator cannot create ${type}`);
    }
    const expanded = type === 'services' ? expandUrl(given) : given;
    const fields = validateFields(entityType, this.#flattenReferences(entityType, expanded));
    this.#checkPlugin(type, fields);
    this.#checkUnique(type, entityType, fields);
    const now = Math.floor(Date.now() / 1000);
    const entity = { ...fields, id: randomUUID(), created_at: now, updated_at: now };
    this.#rows.set(type, [...(this.#rows.get(type) ?? []), entity]);
    for (const listener of this.#listeners) {
      listener({ type, entity });
    }
    return entity;
  }

  /** Takes rows out behind the Admin API: nobody is told. Nothing may refer to them. */
  lose(type: string, isLost: (row: Entity) => boolean): void {
    this.#rows.set(
      type,
      this.rows(type).filter((row) => !isLost(row)),
    );
  }

  /** Foreign keys as the Admin API takes them → ids. */
  #flattenReferences({ references }: EntityType, fields: Entity): Entity {
    const flattened = Object.entries(references).map(([field, target]) => {
      const reference = fields[field] ?? null;
      if (reference === null) {
        return [field, null];
      }
      if (!isRecord(reference)) {
        throw schemaViolation(`${field}: expected a record`);
      }
      const [key] = Object.values(reference);
      const row = this.find(target, key);
      if (row === undefined) {
        throw new ConfigurationError(
          'foreign key violation',
          `the foreign key '${JSON.stringify(reference)}' does not reference an existing '${target}' entity`,
        );
      }
      return [field, primaryKey(row)];
    });
    return { ...fields, ...Object.fromEntries(flattened) };
  }

  #checkPlugin(type: string, { name }: Entity): void {
    if (type === 'plugins' && !this.#plugins.has(String(name))) {
      throw schemaViolation(`name: plugin '${name}' not enabled; add it to the 'plugins' property`);
    }
  }

  #checkUnique(type: string, { unique }: EntityType, fields: Entity): void {
    const taken = unique.find(
      (field) => fields[field] !== null && this.rows(type).some((row) => row[field] === fields[field]),
    );
    if (taken !== undefined) {
      const message = `UNIQUE violation detected on '{${taken}=${JSON.stringify(fields[taken])}}'`;
      throw new ConfigurationError('unique constraint violation', message);
    }
  }
}
