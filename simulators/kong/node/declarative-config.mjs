import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

// The root fields that a 3.9.1 loads: docs/kong.md#the-file and docs/kong.md#the-cluster-endpoint.
const rootFields = new Set([
  '_format_version',
  '_transform',
  '_comment',
  '_ignore',
  'workspaces',
  'parameters',
  'services',
  'routes',
  'consumers',
  'plugins',
  'certificates',
  'snis',
  'ca_certificates',
  'upstreams',
  'targets',
  'vaults',
  'key_sets',
  'keys',
  'filter_chains',
  'acls',
  'basicauth_credentials',
  'hmacauth_credentials',
  'jwt_secrets',
  'keyauth_credentials',
  'oauth2_credentials',
  'oauth2_tokens',
  'oauth2_authorization_codes',
  'acme_storage',
  'sessions',
]);

const ofConsumer = { consumer: 'consumers' };
/** Which list each foreign key points into. */
const foreignKeys = {
  services: { client_certificate: 'certificates' },
  routes: { service: 'services' },
  plugins: { service: 'services', route: 'routes', consumer: 'consumers' },
  snis: { certificate: 'certificates' },
  upstreams: { client_certificate: 'certificates' },
  targets: { upstream: 'upstreams' },
  keys: { set: 'key_sets' },
  filter_chains: { service: 'services', route: 'routes' },
  acls: ofConsumer,
  basicauth_credentials: ofConsumer,
  hmacauth_credentials: ofConsumer,
  jwt_secrets: ofConsumer,
  keyauth_credentials: ofConsumer,
  oauth2_credentials: ofConsumer,
};
/** What no two rows of a list may share; null is nothing to share. */
const uniqueFields = { services: ['name'], routes: ['name'], upstreams: ['name'], consumers: ['username'] };

/** What a node shows that has no configuration, or one without any entity besides workspaces. */
export const emptyHash = '0'.repeat(32);

/** Whether a node takes a table for no configuration at all (kong/db/declarative/import.lua). */
export function isEmptyTable(table) {
  return Object.entries(table).every(
    ([name, rows]) => name === 'workspaces' || !Array.isArray(rows) || rows.length === 0,
  );
}

/**
 * Reads a declarative config, and refuses what Kong's parser refuses: no JSON, another format, an unknown
 * field, a name without ".json" (or YAML's), two rows with one id or name, a reference to nothing.
 *
 * @returns {{ hash: string, table: Record<string, unknown> }} the hash is the md5 of the file's bytes
 */
export function parseDeclarativeConfig(path) {
  if (!/\.(json|ya?ml)$/.test(path)) {
    throw new Error(`Failed parsing:\n  unknown file type: ${path}. (Accepted types: json, yaml)`);
  }
  const bytes = readFileSync(path);
  const table = JSON.parse(bytes.toString('utf8'));
  const problems = Object.keys(table)
    .filter((name) => !rootFields.has(name))
    .map((name) => `in '${name}': unknown field`);
  if (!/^(1\.1|2\.1|3\.0)$/.test(table._format_version)) {
    problems.push("in '_format_version': expected one of: 1.1, 2.1, 3.0");
  }
  problems.push(...rowProblems(table));
  if (problems.length > 0) {
    throw new Error(`Failed parsing:\n  ${problems.join('\n  ')}`);
  }
  return { hash: createHash('md5').update(bytes).digest('hex'), table };
}

function rowProblems(table) {
  return Object.entries(table)
    .filter(([, rows]) => Array.isArray(rows))
    .flatMap(([list, rows]) => [...repetitions(list, rows), ...danglingReferences(list, rows, table)]);
}

function repetitions(list, rows) {
  return ['id', ...(uniqueFields[list] ?? [])].flatMap((field) => {
    const seen = new Set();
    return rows.flatMap(({ [field]: value }, at) => {
      if ((value ?? undefined) === undefined || !seen.has(value)) {
        seen.add(value);
        return [];
      }
      const what = field === 'id' ? 'primary key' : field;
      return `in '${list}': in entry ${at + 1} of '${list}': uniqueness violation: '${list}' entity with ${what} set to '${value}' already declared`;
    });
  });
}

function danglingReferences(list, rows, table) {
  return Object.entries(foreignKeys[list] ?? {}).flatMap(([field, target]) => {
    const ids = new Set((table[target] ?? []).map(({ id }) => id));
    return rows.flatMap(({ [field]: reference }) => {
      const id = reference?.id ?? reference ?? undefined;
      return id === undefined || ids.has(id)
        ? []
        : [`in '${list}': invalid reference '${field}: ${id}' (no such entry in '${target}')`];
    });
  });
}
