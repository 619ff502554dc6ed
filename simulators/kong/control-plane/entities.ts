/**
 * The entity types of Kong 3.9: where the Admin API has them, what is unique, what refers to what, and for those that
 * can be written here, their fields and defaults (kong/db/schema/entities/*.lua).
 */
import * as v from 'valibot';
import { recordedFrame } from './recording.ts';
import { record, recordOf } from './records.ts';

/** What happens to a row when the row that it refers to is deleted: it goes too, or it forbids the deletion. */
export interface Reference {
  readonly to: string;
  readonly onDelete: 'cascade' | 'restrict';
}

type RowSchema = v.GenericSchema<unknown, Record<string, unknown>> & { readonly entries: v.ObjectEntries };

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
  /**
   * Validates the fields of a row, fills in defaults, and leaves out what is no field of the type. Types without one
   * can only be read and deleted.
   */
  readonly schema?: RowSchema;
  /** Unit of `created_at`/`updated_at` values: whole seconds, for targets with milliseconds behind the point. */
  readonly preciseTimestamps?: true;
  /** Credentials have no `updated_at` (docs/kong.md#admin-api). */
  readonly hasUpdatedAt: boolean;
}

const text = v.pipe(v.string(), v.minLength(1, 'length must be at least 1'));
const uuid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'expected a valid UUID'),
);
const number = v.pipe(v.number(), v.finite('expected a number'));
const wholeNumber = v.pipe(v.number(), v.safeInteger('expected an integer'));
const integer = (from: number, to: number) => {
  const message = `value should be between ${from} and ${to}`;
  return v.pipe(
    v.number(),
    v.integer('expected an integer'),
    v.minValue(from, message),
    v.maxValue(to, message),
  );
};
const oneOf = <const Options extends readonly (string | number)[]>(options: Options) =>
  v.picklist(options, `expected one of: ${options.join(', ')}`);
const orNull = <Schema extends v.GenericSchema>(schema: Schema) => v.nullish(schema, null);
const reference = orNull(uuid);
const strings = orNull(v.array(text));
const timeoutMilliseconds = v.optional(integer(1, 2 ** 31 - 2), 60_000);
const pemText = v.pipe(v.string(), v.regex(/^-----BEGIN [A-Z ]+-----/, 'invalid PEM'));
const path = v.pipe(v.string(), v.startsWith('/', 'should start with: /'));

const created = { id: v.optional(uuid), created_at: v.optional(number), tags: strings };
const timestamped = { ...created, updated_at: v.optional(number) };

const cascade = (to: string): Reference => ({ to, onDelete: 'cascade' });
const restrict = (to: string): Reference => ({ to, onDelete: 'restrict' });
const ofConsumer = { consumer: cascade('consumers') };

const webProtocols = ['grpc', 'grpcs', 'http', 'https'] as const;
const protocol = oneOf([
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

const service = v.object({
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

const address = v.pipe(record, v.strictObject({ ip: orNull(text), port: orNull(integer(0, 65_535)) }));
const route = v.pipe(
  v.object({
    ...timestamped,
    name: orNull(text),
    service: reference,
    protocols: v.optional(v.array(protocol), ['http', 'https']),
    methods: strings,
    hosts: strings,
    paths: strings,
    headers: orNull(recordOf(v.array(v.string()))),
    snis: strings,
    sources: orNull(v.array(address)),
    destinations: orNull(v.array(address)),
    regex_priority: v.optional(wholeNumber, 0),
    path_handling: v.optional(oneOf(['v0', 'v1']), 'v0'),
    strip_path: v.optional(v.boolean(), true),
    preserve_host: v.optional(v.boolean(), false),
    https_redirect_status_code: v.optional(oneOf([301, 302, 307, 308, 426]), 426),
    request_buffering: v.optional(v.boolean(), true),
    response_buffering: v.optional(v.boolean(), true),
  }),
  v.check(
    ({ methods, hosts, paths, headers, snis, sources, destinations }) =>
      [methods, hosts, paths, headers, snis, sources, destinations].some((value) => value !== null),
    "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'sources', 'destinations'",
  ),
);

const consumer = v.pipe(
  v.object({ ...timestamped, username: orNull(text), custom_id: orNull(text) }),
  v.check(
    ({ username, custom_id }) => username !== null || custom_id !== null,
    "at least one of these fields must be non-empty: 'custom_id', 'username'",
  ),
);

const plugin = v.object({
  ...timestamped,
  name: text,
  instance_name: orNull(text),
  service: reference,
  route: reference,
  consumer: reference,
  config: v.optional(record, {}),
  protocols: v.optional(v.array(protocol), webProtocols),
  enabled: v.optional(v.boolean(), true),
});

const hashOn = oneOf(['none', 'consumer', 'ip', 'header', 'cookie', 'path', 'query_arg', 'uri_capture']);

/** The recorded upstream whose health checks are Kong's defaults (kong/db/schema/entities/upstreams.lua). */
function defaultHealthchecks(): Readonly<Record<string, unknown>> {
  const table = v.object({ upstreams: v.array(v.object({ name: v.string(), healthchecks: record })) });
  const { upstreams } = v.parse(table, recordedFrame('3.9.1').config_table);
  return upstreams.find(({ name }) => name === 'billing.upstream')?.healthchecks ?? {};
}

const upstream = v.object({
  ...timestamped,
  name: text,
  algorithm: v.optional(
    oneOf(['round-robin', 'consistent-hashing', 'least-connections', 'latency']),
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
    schema: v.object({
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
    schema: v.object({
      ...timestamped,
      cert: pemText,
      key: pemText,
      cert_alt: orNull(pemText),
      key_alt: orNull(pemText),
      // The Admin API computes the names; in the database and in frames it is null.
      snis: orNull(v.never('create SNIs with POST /snis: the simulator does not take them here')),
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
    schema: v.object({ ...timestamped, name: text, certificate: uuid }),
    hasUpdatedAt: true,
  },
  {
    name: 'ca_certificates',
    collection: 'ca_certificates',
    nested: 'ca_certificates',
    unique: [['cert_digest']],
    references: {},
    schema: v.object({ ...timestamped, cert: pemText, cert_digest: v.optional(text) }),
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
    schema: v.object({ ...created, consumer: uuid, key: text, ttl: orNull(wholeNumber) }),
    hasUpdatedAt: false,
  },
  {
    name: 'acls',
    collection: 'acls',
    nested: 'acls',
    nameField: 'group',
    unique: [['consumer', 'group']],
    references: ofConsumer,
    schema: v.object({ ...created, consumer: uuid, group: text }),
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
