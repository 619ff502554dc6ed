import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './project-root.ts';

/** The types of entities that a file may hold, of Kong and of its bundled plugins. */
const entityTypes = [
  'acls',
  'acme_storage',
  'basicauth_credentials',
  'ca_certificates',
  'certificates',
  'consumers',
  'filter_chains',
  'hmacauth_credentials',
  'jwt_secrets',
  'key_sets',
  'keyauth_credentials',
  'keys',
  'oauth2_authorization_codes',
  'oauth2_credentials',
  'oauth2_tokens',
  'parameters',
  'plugins',
  'routes',
  'services',
  'sessions',
  'snis',
  'targets',
  'upstreams',
  'vaults',
  'workspaces',
];

/** A field of a schema, as the Admin API's `/schemas` tells it (kong/db/schema/init.lua). */
interface SchemaField {
  readonly type: string;
  readonly one_of?: readonly string[];
  readonly eq?: unknown;
  readonly reference?: string;
  readonly elements?: SchemaField;
  readonly fields?: readonly Readonly<Record<string, SchemaField>>[];
  readonly shorthand_fields?: readonly Readonly<Record<string, SchemaField>>[];
}

type Kinds = Record<string, unknown>;

/**
 * Writes core/inspect/kong-fields.json from the schemas of a running Kong, of which only the Admin API is
 * needed: `npx tsx build/kong-fields.ts http://127.0.0.1:8001`.
 */
async function writeKongFields(adminUrl: string): Promise<void> {
  const root = (await readJson(adminUrl, '/')) as {
    readonly version: string;
    readonly plugins: { readonly available_on_server: Readonly<Record<string, unknown>> };
  };
  const entities: Kinds = {};
  for (const type of entityTypes) {
    entities[type] = kindsOf((await readJson(adminUrl, `/schemas/${type}`)) as SchemaField);
  }
  const plugins: Kinds = {};
  for (const name of Object.keys(root.plugins.available_on_server).sort()) {
    const kinds = kindsOf((await readJson(adminUrl, `/schemas/plugins/${name}`)) as SchemaField);
    plugins[name] = (kinds['config'] as { readonly record: Kinds }).record;
  }
  const content = { kongVersion: root.version, entities, plugins };
  await writeFile(
    join(projectRoot, 'core/inspect/kong-fields.json'),
    `${JSON.stringify(content, null, 2)}\n`,
  );
}

async function readJson(adminUrl: string, path: string): Promise<unknown> {
  const answer = await fetch(new URL(path, adminUrl));
  if (!answer.ok) {
    throw new Error(`${path} was answered with ${answer.status}: is this the Admin API of a Kong?`);
  }
  return answer.json();
}

function kindsOf({ fields = [], shorthand_fields = [] }: Partial<SchemaField>): Kinds {
  const all = [...shorthand_fields, ...fields].flatMap((field) => Object.entries(field));
  return Object.fromEntries(all.map(([name, field]) => [name, kindOf(field)]));
}

function kindOf(field: SchemaField): unknown {
  switch (field.type) {
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
      return field.one_of ?? (typeof field.eq === 'string' ? [field.eq] : 'hidden');
    case 'foreign':
      return { of: field.reference };
    case 'array':
    case 'set':
      return { list: field.elements === undefined ? 'hidden' : kindOf(field.elements) };
    case 'record':
      return { record: kindsOf(field) };
    default:
      return 'hidden';
  }
}

const adminUrl = process.argv[2];
if (adminUrl === undefined) {
  throw new Error('which Kong? Name its Admin API: npx tsx build/kong-fields.ts http://127.0.0.1:8001');
}
await writeKongFields(adminUrl);
