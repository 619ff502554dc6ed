/**
 * The entity types that can be created here, with Kong 3.9's fields and defaults
 * (kong/db/schema/entities/*.lua). The recorded configuration has more types; the simulator sends their rows,
 * and creates none.
 */
import * as v from 'valibot';
import { record, recordOf } from './records.ts';

export interface EntityType {
  /** The field that may stand in a URL, or in a foreign key, in place of the id. */
  readonly nameField: string;
  /** Fields whose values no two rows share. */
  readonly unique: readonly string[];
  /** The type that a field refers to, by the field. */
  readonly references: Readonly<Record<string, string>>;
  /** Validates the fields of a row, and fills in defaults. */
  readonly fields: v.GenericSchema<unknown, Record<string, unknown>>;
}

const name = v.pipe(v.string(), v.minLength(1, 'length must be at least 1'));
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
const reference = orNull(v.string());
const names = orNull(v.array(name));
const timeoutMilliseconds = v.optional(integer(1, 2 ** 31 - 2), 60_000);
const addresses = orNull(
  v.array(v.pipe(record, v.strictObject({ ip: orNull(name), port: orNull(integer(0, 65_535)) }))),
);
const webProtocols = ['grpc', 'grpcs', 'http', 'https'] as const;
const protocol = oneOf([...webProtocols, 'tcp', 'tls', 'udp', 'tls_passthrough', 'ws', 'wss']);

const serviceFields = v.strictObject({
  name: orNull(name),
  protocol: v.optional(protocol, 'http'),
  host: name,
  port: v.optional(integer(0, 65_535), 80),
  path: orNull(v.pipe(v.string(), v.startsWith('/', 'should start with: /'))),
  retries: v.optional(integer(0, 32_767), 5),
  connect_timeout: timeoutMilliseconds,
  write_timeout: timeoutMilliseconds,
  read_timeout: timeoutMilliseconds,
  client_certificate: reference,
  tls_verify: orNull(v.boolean()),
  tls_verify_depth: orNull(integer(0, 64)),
  ca_certificates: names,
  enabled: v.optional(v.boolean(), true),
  tags: names,
});

const routeFields = v.pipe(
  v.strictObject({
    name: orNull(name),
    service: reference,
    protocols: v.optional(v.array(protocol), ['http', 'https']),
    methods: names,
    hosts: names,
    paths: names,
    headers: orNull(recordOf(v.array(v.string()))),
    snis: names,
    sources: addresses,
    destinations: addresses,
    regex_priority: v.optional(integer(0, 2 ** 31 - 1), 0),
    path_handling: v.optional(oneOf(['v0', 'v1']), 'v0'),
    strip_path: v.optional(v.boolean(), true),
    preserve_host: v.optional(v.boolean(), false),
    https_redirect_status_code: v.optional(oneOf([301, 302, 307, 308, 426]), 426),
    request_buffering: v.optional(v.boolean(), true),
    response_buffering: v.optional(v.boolean(), true),
    tags: names,
  }),
  v.check(
    ({ methods, hosts, paths, headers, snis, sources, destinations }) =>
      [methods, hosts, paths, headers, snis, sources, destinations].some((value) => value !== null),
    "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'sources', 'destinations'",
  ),
);

const consumerFields = v.pipe(
  v.strictObject({ username: orNull(name), custom_id: orNull(name), tags: names }),
  v.check(
    ({ username, custom_id }) => username !== null || custom_id !== null,
    "at least one of these fields must be non-empty: 'custom_id', 'username'",
  ),
);

const pluginFields = v.strictObject({
  name,
  instance_name: orNull(name),
  service: reference,
  route: reference,
  consumer: reference,
  config: v.optional(record, {}),
  protocols: v.optional(v.array(protocol), webProtocols),
  enabled: v.optional(v.boolean(), true),
  tags: names,
});

/** By the list's name in a declarative config, which is also the Admin API's. */
export const entityTypes: ReadonlyMap<string, EntityType> = new Map([
  [
    'services',
    {
      nameField: 'name',
      unique: ['name'],
      references: { client_certificate: 'certificates' },
      fields: serviceFields,
    },
  ],
  [
    'routes',
    { nameField: 'name', unique: ['name'], references: { service: 'services' }, fields: routeFields },
  ],
  [
    'consumers',
    { nameField: 'username', unique: ['username', 'custom_id'], references: {}, fields: consumerFields },
  ],
  [
    'plugins',
    {
      nameField: 'instance_name',
      unique: ['instance_name'],
      references: { service: 'services', route: 'routes', consumer: 'consumers' },
      fields: pluginFields,
    },
  ],
]);
