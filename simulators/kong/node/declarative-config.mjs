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
 * field.
 *
 * @returns {{ hash: string, table: Record<string, unknown> }} the hash is the md5 of the file's bytes
 */
export function parseDeclarativeConfig(path) {
  const bytes = readFileSync(path);
  const table = JSON.parse(bytes.toString('utf8'));
  const problems = Object.keys(table)
    .filter((name) => !rootFields.has(name))
    .map((name) => `in '${name}': unknown field`);
  if (!/^(1\.1|2\.1|3\.0)$/.test(table._format_version)) {
    problems.push("in '_format_version': expected one of: 1.1, 2.1, 3.0");
  }
  if (problems.length > 0) {
    throw new Error(`Failed parsing:\n  ${problems.join('\n  ')}`);
  }
  return { hash: createHash('md5').update(bytes).digest('hex'), table };
}
