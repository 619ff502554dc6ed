/**
 * The entity types of Kong 3.9: where the Admin API has them, what is unique, what refers to what, and for those that
 * can be written here, their fields and defaults (kong/db/schema/entities/*.lua).
 */
import * as v from 'valibot';
import { recordedFrame } from './recording.ts';

/** What happens to a row when the row that it refers to is deleted: it goes too, or it forbids the deletion. */
export interface Reference {
  readonly to: string;
  readonly onDelete: 'cascade' | 'restrict';
}

export interface EntityType {
  /** The list's name in a declarative config. */
  readonly name: string;
  /** The Admin API's list of all; undefined where there is only a list per parent (targets). */
  readonly collection?: string;
  /** Its path below a parent: `/consumers/{consumer}/key-auth`. */
  readonly nested: string;
  /** The field that may stand in a URL in place of the id. */
  readonly nameField?: string;
  /** Fields, or groups of them, that no two rows share. */
  readonly unique: readonly (readonly string[])[];
  readonly references: Readonly<Record<string, Reference>>;
  /** Validates the fields of a row and fills in defaults. Types without one can only be read and deleted. */
  readonly schema?: z.ZodMiniType<Record<string, unknown>>;
  /** Unit of `created_at`/`updated_at` values: whole seconds, for targets with milliseconds behind the point. */
  readonly preciseTimestamps?: true;
  /** Credentials have no `updated_at` (facts §3). */
  readonly hasUpdatedAt: boolean;
}

const text = v.string().check(z.minLength(1, 'length must be at least 1'));
const uuid = z
  .string()
  .check(z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'expected a valid UUID'));
const integer = (from: number, to: number) => {
  const message = `value should be between ${from} and ${to}`;
  return z.int().check(z.minimum(from, message), z.maximum(to, message));
};
const orNull = <T extends z.ZodMiniType>(schema: T) => v.optional(z.nullable(schema), null);
const reference = orNull(uuid);
const strings = orNull(v.array(text));
const timeoutMilliseconds = v.optional(integer(1, 2 ** 31 - 2), 60_000);
const pemText = v.string().check(z.regex(/^-----BEGIN [A-Z ]+-----/, 'invalid PEM'));
const path = v.string().check(z.startsWith('/', 'should start with: /'));
const record = v.record(v.string(), v.unknown());

const created = { id: v.optional(uuid), created_at: v.optional(v.number()), tags: strings };
const timestamped = { ...created, updated_at: v.optional(v.number()) };

const cascade = (to: string): Reference => ({ to, onDelete: 'cascade' });
const restrict = (to: string): Reference => ({ to, onDelete: 'restrict' });
const ofConsumer = { consumer: cascade('consumers') };

const webProtocols = ['grpc', 'grpcs', 'http', 'https'];
const protocol = v.picklist([
  'http',
  'https',
  'grpc',
  'grpcs',
  'tcp',
  'tls',
  'udp',
  'tls_passthrough',
  'ws',
  'wss',
]);

const service = v.strictObject({
  ...timestamped,
  name: orNull(text),
  protocol: v.optional(protocol, 'http'),
  host: text,
  port: v.optional(integer(0, 65_535), 80),
  path: orNull(path),
  retries: v.optional(integer(0, 32_767), 5),
  connect_timeout: timeoutMilliseconds,
  write_timeout: timeoutMilliseconds,
  read_timeout: timeoutMilliseconds,
  client_certificate: reference,
  tls_verify: orNull(v.boolean()),
  tls_verify_depth: orNull(integer(0, 64)),
  ca_certificates: orNull(v.array(uuid)),
  enabled: v.optional(v.boolean(), true),
});

const address = v.strictObject({ ip: orNull(text), port: orNull(integer(0, 65_535)) });
const route = z
  .strictObject({
    ...timestamped,
    name: orNull(text),
    service: reference,
    protocols: v.optional(v.array(protocol), ['http', 'https']),
    methods: strings,
    hosts: strings,
    paths: strings,
    headers: orNull(v.record(v.string(), v.array(v.string()))),
    snis: strings,
    sources: orNull(v.array(address)),
    destinations: orNull(v.array(address)),
    regex_priority: v.optional(z.int(), 0),
    path_handling: v.optional(v.picklist(['v0', 'v1']), 'v0'),
    strip_path: v.optional(v.boolean(), true),
    preserve_host: v.optional(v.boolean(), false),
    https_redirect_status_code: v.optional(v.literal([301, 302, 307, 308, 426]), 426),
    request_buffering: v.optional(v.boolean(), true),
    response_buffering: v.optional(v.boolean(), true),
  })
  .check(
    z.refine(
      ({ methods, hosts, paths, headers, snis, sources, destinations }) =>
        [methods, hosts, paths, headers, snis, sources, destinations].some((value) => value !== null),
      "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'sources', 'destinations'",
    ),
  );

const consumer = z
  .strictObject({ ...timestamped, username: orNull(text), custom_id: orNull(text) })
  .check(
    z.refine(
      ({ username, custom_id }) => username !== null || custom_id !== null,
      "at least one of these fields must be non-empty: 'custom_id', 'username'",
    ),
  );

const plugin = v.strictObject({
  ...timestamped,
  name: text,
  instance_name: orNull(text),
  service: reference,
  route: reference,
  consumer: reference,
  config: v.optional(record, {}),
  protocols: v.optional(v.array(protocol), [...webProtocols] as v.InferOutput<typeof protocol>[]),
  enabled: v.optional(v.boolean(), true),
});

const hashOn = v.picklist(['none', 'consumer', 'ip', 'header', 'cookie', 'path', 'query_arg', 'uri_capture']);

/** The recorded upstream whose health checks are Kong's defaults (kong/db/schema/entities/upstreams.lua). */
function defaultHealthchecks(): Record<string, unknown> {
  const { upstreams } = z
    .object({ upstreams: v.array(v.object({ name: v.string(), healthchecks: record })) })
    .parse(recordedFrame('3.9.1').config_table);
  return upstreams.find(({ name }) => name === 'billing.upstream')?.healthchecks ?? {};
}

const upstream = v.strictObject({
  ...timestamped,
  name: text,
  algorithm: v.optional(
    v.picklist(['round-robin', 'consistent-hashing', 'least-connections', 'latency']),
    'round-robin',
  ),
  hash_on: v.optional(hashOn, 'none'),
  hash_fallback: v.optional(hashOn, 'none'),
  hash_on_header: orNull(text),
  hash_fallback_header: orNull(text),
  hash_on_cookie: orNull(text),
  hash_on_cookie_path: v.optional(path, '/'),
  hash_on_query_arg: orNull(text),
  hash_fallback_query_arg: orNull(text),
  hash_on_uri_capture: orNull(text),
  hash_fallback_uri_capture: orNull(text),
  slots: v.optional(integer(10, 65_536), 10_000),
  healthchecks: v.optional(record, defaultHealthchecks()),
  host_header: orNull(text),
  client_certificate: reference,
  use_srv_name: v.optional(v.boolean(), false),
});

const types: readonly EntityType[] = [
  {
    name: 'services',
    collection: 'services',
    nested: 'services',
    nameField: 'name',
    unique: [['name']],
    references: { client_certificate: restrict('certificates') },
    schema: service,
    hasUpdatedAt: true,
  },
  {
    name: 'routes',
    collection: 'routes',
    nested: 'routes',
    nameField: 'name',
    unique: [['name']],
    references: { service: restrict('services') },
    schema: route,
    hasUpdatedAt: true,
  },
  {
    name: 'consumers',
    collection: 'consumers',
    nested: 'consumers',
    nameField: 'username',
    unique: [['username'], ['custom_id']],
    references: {},
    schema: consumer,
    hasUpdatedAt: true,
  },
  {
    name: 'plugins',
    collection: 'plugins',
    nested: 'plugins',
    nameField: 'instance_name',
    unique: [['instance_name'], ['name', 'service', 'route', 'consumer']],
    references: { service: cascade('services'), route: cascade('routes'), consumer: cascade('consumers') },
    schema: plugin,
    hasUpdatedAt: true,
  },
  {
    name: 'upstreams',
    collection: 'upstreams',
    nested: 'upstreams',
    nameField: 'name',
    unique: [['name']],
    references: { client_certificate: restrict('certificates') },
    schema: upstream,
    hasUpdatedAt: true,
  },
  {
    name: 'targets',
    nested: 'targets',
    nameField: 'target',
    unique: [['upstream', 'target']],
    references: { upstream: cascade('upstreams') },
    schema: v.strictObject({
      ...timestamped,
      upstream: uuid,
      target: text,
      weight: v.optional(integer(0, 65_535), 100),
    }),
    preciseTimestamps: true,
    hasUpdatedAt: true,
  },
  {
    name: 'certificates',
    collection: 'certificates',
    nested: 'certificates',
    unique: [],
    references: {},
    schema: v.strictObject({
      ...timestamped,
      cert: pemText,
      key: pemText,
      cert_alt: orNull(pemText),
      key_alt: orNull(pemText),
      // The Admin API computes the names; in the database and in frames it is null.
      snis: orNull(z.never('create SNIs with POST /snis: the simulator does not take them here')),
    }),
    hasUpdatedAt: true,
  },
  {
    name: 'snis',
    collection: 'snis',
    nested: 'snis',
    nameField: 'name',
    unique: [['name']],
    references: { certificate: cascade('certificates') },
    schema: v.strictObject({ ...timestamped, name: text, certificate: uuid }),
    hasUpdatedAt: true,
  },
  {
    name: 'ca_certificates',
    collection: 'ca_certificates',
    nested: 'ca_certificates',
    unique: [['cert_digest']],
    references: {},
    schema: v.strictObject({ ...timestamped, cert: pemText, cert_digest: v.optional(text) }),
    hasUpdatedAt: true,
  },
  {
    name: 'keyauth_credentials',
    collection: 'key-auths',
    nested: 'key-auth',
    nameField: 'key',
    unique: [['key']],
    references: ofConsumer,
    // `ttl` is the absolute epoch second here, as in the database and in frames.
    schema: v.strictObject({ ...created, consumer: uuid, key: text, ttl: orNull(z.int()) }),
    hasUpdatedAt: false,
  },
  {
    name: 'acls',
    collection: 'acls',
    nested: 'acls',
    nameField: 'group',
    unique: [['consumer', 'group']],
    references: ofConsumer,
    schema: v.strictObject({ ...created, consumer: uuid, group: text }),
    hasUpdatedAt: false,
  },
  {
    name: 'basicauth_credentials',
    collection: 'basic-auths',
    nested: 'basic-auth',
    nameField: 'username',
    unique: [['username']],
    references: ofConsumer,
    hasUpdatedAt: false,
  },
  {
    name: 'hmacauth_credentials',
    collection: 'hmac-auths',
    nested: 'hmac-auth',
    nameField: 'username',
    unique: [['username']],
    references: ofConsumer,
    hasUpdatedAt: false,
  },
  {
    name: 'jwt_secrets',
    collection: 'jwts',
    nested: 'jwt',
    nameField: 'key',
    unique: [['key']],
    references: ofConsumer,
    hasUpdatedAt: false,
  },
  {
    name: 'oauth2_credentials',
    collection: 'oauth2',
    nested: 'oauth2',
    nameField: 'client_id',
    unique: [['client_id']],
    references: ofConsumer,
    hasUpdatedAt: false,
  },
  {
    name: 'vaults',
    collection: 'vaults',
    nested: 'vaults',
    nameField: 'prefix',
    unique: [['prefix']],
    references: {},
    hasUpdatedAt: true,
  },
  {
    name: 'key_sets',
    collection: 'key-sets',
    nested: 'key-sets',
    nameField: 'name',
    unique: [['name']],
    references: {},
    hasUpdatedAt: true,
  },
  {
    name: 'keys',
    collection: 'keys',
    nested: 'keys',
    nameField: 'name',
    unique: [['name']],
    references: { set: cascade('key_sets') },
    hasUpdatedAt: true,
  },
];

/** By the list's name in a declarative config. */
export const entityTypes: ReadonlyMap<string, EntityType> = new Map(types.map((type) => [type.name, type]));
