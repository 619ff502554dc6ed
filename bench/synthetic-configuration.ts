import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** How many of a thousand entities are of which type, as in a busy gateway, in the order of the table. */
const mix = [
  ['services', 60],
  ['routes', 150],
  ['consumers', 230],
  ['plugins', 120],
  ['keyauth_credentials', 140],
  ['basicauth_credentials', 50],
  ['jwt_secrets', 50],
  ['acls', 50],
  ['upstreams', 30],
  ['targets', 100],
  ['certificates', 20],
] as const;

type EntityType = (typeof mix)[number][0];

// All certificates end with the same chain, as those of one issuer do.
const issuer = randomBytes(1200).toString('base64');

/** An id for each entity, the same in every run: frames of two runs can be compared. */
function makeId(type: string, index: number): string {
  const hex = createHash('md5').update(`${type} ${index}`).digest('hex');
  const start = `${hex.slice(0, 8)}-${hex.slice(8, 12)}`;
  return `${start}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** A sentence of about 500 bytes. */
function makeText(type: EntityType, index: number): string {
  return `the ${type} number ${index} of the synthetic configuration, `.repeat(8);
}

function makePem(label: string, content: string): string {
  return `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
}

function makeCredential(type: EntityType, index: number): object {
  return {
    consumer: consumerOf(index),
    key: makeId('secret', index),
    secret: makeId('secret2', index),
    note: makeText(type, index),
  };
}

// Neighbours share a service or a consumer.
const serviceOf = (index: number) => makeId('services', index >> 2);
const consumerOf = (index: number) => makeId('consumers', index >> 1);

/** What entities have besides id, times and tags. */
const makeFields: Readonly<Record<EntityType, (index: number) => object>> = {
  services: (index) => ({
    name: `service-${index}`,
    protocol: 'https',
    host: `backend-${index}.internal.example.com`,
    port: 443,
    path: `/api/v${index % 4}/${makeText('services', index)}`,
    retries: 5,
    connect_timeout: 60_000,
    read_timeout: 60_000,
    write_timeout: 60_000,
    enabled: true,
    client_certificate: null,
    ca_certificates: null,
    tls_verify: null,
    tls_verify_depth: null,
  }),
  routes: (index) => ({
    name: `route-${index}`,
    service: serviceOf(index),
    protocols: ['http', 'https'],
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    hosts: [`api-${index % 97}.example.com`],
    paths: [`/${makeId('path', index)}`, `~/v\\d+/${makeText('routes', index)}$`],
    headers: null,
    snis: null,
    sources: null,
    destinations: null,
    strip_path: true,
    preserve_host: false,
    regex_priority: 0,
    https_redirect_status_code: 426,
    request_buffering: true,
    response_buffering: true,
    path_handling: 'v0',
  }),
  plugins: (index) => ({
    name: 'response-transformer',
    instance_name: null,
    enabled: true,
    protocols: ['grpc', 'grpcs', 'http', 'https'],
    service: serviceOf(index),
    route: null,
    consumer: null,
    config: {
      add: { headers: [`x-request-owner: ${makeId('owner', index)}`], json: [], json_types: [] },
      append: { headers: [], json: [], json_types: [] },
      remove: { headers: ['server', 'via', 'x-powered-by'], json: [] },
      rename: { headers: [], json: [] },
      replace: {
        headers: [`x-notes: ${makeText('plugins', index)}${makeText('plugins', index)}`],
        json: [],
        json_types: [],
      },
    },
  }),
  certificates: (index) => ({
    cert: makePem('CERTIFICATE', `${makeId('cert', index).repeat(20)}${issuer}`),
    key: makePem('PRIVATE KEY', makeId('key', index).repeat(30)),
    cert_alt: null,
    key_alt: null,
  }),
  upstreams: (index) => ({
    name: `upstream-${index}`,
    algorithm: 'round-robin',
    slots: 10_000,
    healthchecks: {
      active: {
        type: 'http',
        http_path: makeText('upstreams', index),
        healthy: { interval: 0 },
        unhealthy: { interval: 0 },
      },
      passive: { type: 'http', healthy: { successes: 0 }, unhealthy: { tcp_failures: 0 } },
      threshold: 0,
    },
  }),
  targets: (index) => ({
    upstream: makeId('upstreams', index >> 2),
    target: `10.${index % 256}.${(index >> 8) % 256}.7:8443`,
    weight: 100,
    cache_key: makeText('targets', index),
  }),
  consumers: (index) => ({
    username: `consumer-${index}@example.com`,
    custom_id: makeId('custom', index),
    note: makeText('consumers', index),
  }),
  keyauth_credentials: (index) => makeCredential('keyauth_credentials', index),
  basicauth_credentials: (index) => makeCredential('basicauth_credentials', index),
  jwt_secrets: (index) => makeCredential('jwt_secrets', index),
  acls: (index) => makeCredential('acls', index),
};

function makeEntity(type: EntityType, index: number) {
  return {
    id: makeId(type, index),
    created_at: 1_780_000_000 + index,
    updated_at: 1_790_000_000 + index,
    tags: ['team-payments', `env-${index % 7}`, 'managed-by-deck', `domain-${index % 113}`],
    ...makeFields[type](index),
  };
}

/** Turns the keys of objects round, at any depth: the same content in other bytes. */
function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(reverseKeys);
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, reverseKeys(inner)]),
      )
    : value;
}

export interface Variation {
  /** Whether the keys come in another order, as after a restart of the control plane. @default false */
  readonly isRestarted?: boolean;
  /** Makes another entity of one, or leaves it out. @default each stays as it is */
  readonly edit?: (entity: SyntheticEntity, index: number) => SyntheticEntity | undefined;
}

export type SyntheticEntity = ReturnType<typeof makeEntity>;

/** Makes a control plane's frame with entities of about 1 kB, never all of them in memory as objects. */
export async function makeSyntheticFrame(
  entities: number,
  configHash: string,
  { isRestarted = false, edit = (entity) => entity }: Variation = {},
): Promise<{ readonly frame: Buffer; readonly jsonBytes: number }> {
  let jsonBytes = 0;
  function* json(): Generator<Buffer> {
    const piece = (text: string) => {
      const bytes = Buffer.from(text);
      jsonBytes += bytes.length;
      return bytes;
    };
    yield piece('{"config_table":{"_format_version":"3.0","_transform":false');
    for (const [type, perThousand] of isRestarted ? mix.toReversed() : mix) {
      yield piece(`,"${type}":[`);
      const count = Math.round((entities * perThousand) / 1000);
      let isFirst = true;
      for (let from = 0; from < count; from += 100) {
        const rows = Array.from({ length: Math.min(100, count - from) }, (_, offset) => {
          const entity = edit(makeEntity(type, from + offset), from + offset);
          return entity === undefined ? [] : [JSON.stringify(isRestarted ? reverseKeys(entity) : entity)];
        }).flat();
        yield piece(`${isFirst || rows.length === 0 ? '' : ','}${rows.join(',')}`);
        isFirst &&= rows.length === 0;
      }
      yield piece(']');
    }
    const timestamp = Date.now() / 1000;
    yield piece(
      `},"timestamp":${timestamp},"type":"reconfigure",` +
        `"config_hash":"${configHash}","hashes":{"config":"${configHash}"}}`,
    );
  }
  const compressed: Buffer[] = [];
  await pipeline(Readable.from(json()), createGzip(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      compressed.push(piece);
    }
  });
  return { frame: Buffer.concat(compressed), jsonBytes };
}
