import { createHash } from 'node:crypto';

const plugins = 'response-transformer';

/** A different, always the same, id for each entity. */
function id(type: string, index: number): string {
  const hex = createHash('md5').update(`${type} ${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

// Brings an entity to about 1 kB, the size that Kong's documents reckon with.
const tags = (index: number) => [
  `env-${index % 7}`,
  `domain-${index % 113}`,
  ...Array.from(
    { length: 10 },
    (_, part) => `${part}-${id('tag', index + part)}-of-a-busy-team-and-its-tools`,
  ),
];

/**
 * A declarative config that Kong loads, with that many entities and a route `/lifeboat-bench` to a service that answers.
 *
 * @param upstream where that service is
 */
export function loadableConfiguration(entities: number, upstream: URL): object {
  const list = <Row extends object>(type: string, share: number, row: (index: number) => Row) =>
    Array.from({ length: Math.max(1, Math.round(entities * share)) }, (_, index) => ({
      id: id(type, index),
      tags: tags(index),
      ...row(index),
    }));
  const at = (type: string, index: number) => id(type, index >> 1);
  return {
    _format_version: '3.0',
    _transform: false,
    services: list('services', 0.2, (index) => ({
      name: `service-${index}`,
      protocol: 'http',
      host: upstream.hostname,
      port: Number(upstream.port),
      path: '/',
    })),
    routes: list('routes', 0.3, (index) => ({
      name: `route-${index}`,
      protocols: ['http', 'https'],
      paths: [index === 0 ? '/lifeboat-bench' : `/${id('path', index)}`],
      strip_path: true,
      service: at('services', index),
    })),
    consumers: list('consumers', 0.2, (index) => ({ username: `consumer-${index}@example.com` })),
    keyauth_credentials: list('keyauth_credentials', 0.2, (index) => ({
      key: id('key', index),
      consumer: at('consumers', index),
    })),
    plugins: list('plugins', 0.1, (index) => ({
      name: plugins,
      enabled: true,
      protocols: ['grpc', 'grpcs', 'http', 'https'],
      service: id('services', index),
      config: { add: { headers: [`x-request-owner: ${id('owner', index)}`] } },
    })),
  };
}
