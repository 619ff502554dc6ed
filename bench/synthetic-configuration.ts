import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** How many of a thousand entities are of which type, in the order of the table: the mix of a busy gateway. */
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

// One chain that all certificates end with, as those of one issuer do; their own part differs.
const issuer = randomBytes(1200).toString('base64');

/** A different, always the same, id for each entity: frames of two runs can be compared. */
function id(type: string, index: number): string {
  const hex = createHash('md5').update(`${type} ${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function entity(type: EntityType, index: number): object {
  const base = {
    id: id(type, index),
    created_at: 1_780_000_000 + index,
    updated_at: 1_790_000_000 + index,
    tags: ['team-payments', `env-${index % 7}`, 'managed-by-deck', `domain-${index % 113}`],
  };
  // Neighbours share a service or consumer, as they do in life.
  const service = id('services', index >> 2);
  const consumer = id('consumers', index >> 1);
  const text = `the ${type} number ${index} of the synthetic configuration, `.repeat(8);
  switch (type) {
    case 'services':
      return {
        ...base,
        name: `service-${index}`,
        protocol: 'https',
        host: `backend-${index}.internal.example.com`,
        port: 443,
        path: `/api/v${index % 4}/${text}`,
        retries: 5,
        connect_timeout: 60_000,
        read_timeout: 60_000,
        write_timeout: 60_000,
        enabled: true,
        client_certificate: null,
        ca_certificates: null,
        tls_verify: null,
        tls_verify_depth: null,
      };
    case 'routes':
      return {
        ...base,
        name: `route-${index}`,
        service,
        protocols: ['http', 'https'],
        methods: ['GET', 'POST', 'PUT', 'DELETE'],
        hosts: [`api-${index % 97}.example.com`],
        paths: [`/${id('path', index)}`, `~/v\\d+/${text}$`],
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
      };
    case 'plugins':
      return {
        ...base,
        name: 'response-transformer',
        instance_name: null,
        enabled: true,
        protocols: ['grpc', 'grpcs', 'http', 'https'],
        service,
        route: null,
        consumer: null,
        config: {
          add: { headers: [`x-request-owner: ${id('owner', index)}`], json: [], json_types: [] },
          append: { headers: [], json: [], json_types: [] },
          remove: { headers: ['server', 'via', 'x-powered-by'], json: [] },
          rename: { headers: [], json: [] },
          replace: { headers: [`x-notes: ${text}${text}`], json: [], json_types: [] },
        },
      };
    case 'certificates':
      return {
        ...base,
        cert: `-----BEGIN CERTIFICATE-----\n${id('cert', index).repeat(20)}${issuer}\n-----END CERTIFICATE-----\n`,
        key: `-----BEGIN PRIVATE KEY-----\n${id('key', index).repeat(30)}\n-----END PRIVATE KEY-----\n`,
        cert_alt: null,
        key_alt: null,
      };
    case 'upstreams':
      return {
        ...base,
        name: `upstream-${index}`,
        algorithm: 'round-robin',
        slots: 10_000,
        healthchecks: {
          active: { type: 'http', http_path: text, healthy: { interval: 0 }, unhealthy: { interval: 0 } },
          passive: { type: 'http', healthy: { successes: 0 }, unhealthy: { tcp_failures: 0 } },
          threshold: 0,
        },
      };
    case 'targets':
      return {
        ...base,
        upstream: id('upstreams', index >> 2),
        target: `10.${index % 256}.${(index >> 8) % 256}.7:8443`,
        weight: 100,
        cache_key: text,
      };
    case 'consumers':
      return {
        ...base,
        username: `consumer-${index}@example.com`,
        custom_id: id('custom', index),
        note: text,
      };
    default:
      return { ...base, consumer, key: id('secret', index), secret: id('secret2', index), note: text };
  }
}

/** The frame of a control plane with that many entities of about 1 kB, made without the whole in memory as objects. */
export async function syntheticFrame(
  entities: number,
  configHash: string,
): Promise<{ readonly frame: Buffer; readonly jsonBytes: number }> {
  let jsonBytes = 0;
  function* json(): Generator<Buffer> {
    const piece = (text: string) => {
      const bytes = Buffer.from(text);
      jsonBytes += bytes.length;
      return bytes;
    };
    yield piece('{"config_table":{"_format_version":"3.0","_transform":false');
    for (const [type, perThousand] of mix) {
      yield piece(`,"${type}":[`);
      const count = Math.round((entities * perThousand) / 1000);
      for (let from = 0; from < count; from += 100) {
        const rows = Array.from({ length: Math.min(100, count - from) }, (_, offset) =>
          JSON.stringify(entity(type, from + offset)),
        );
        yield piece(`${from === 0 ? '' : ','}${rows.join(',')}`);
      }
      yield piece(']');
    }
    const timestamp = Date.now() / 1000;
    yield piece(
      `},"timestamp":${timestamp},"type":"reconfigure","config_hash":"${configHash}","hashes":{"config":"${configHash}"}}`,
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
