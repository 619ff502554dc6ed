import { createHash } from 'node:crypto';

const pluginName = 'response-transformer';

/** An id for each entity, the same in every run. */
function makeId(type: string, index: number): string {
  const hex = createHash('md5').update(`${type} ${index}`).digest('hex');
  const start = `${hex.slice(0, 8)}-${hex.slice(8, 12)}`;
  return `${start}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Brings an entity to about 1 kB, the size that Kong's documents assume. */
const makeTags = (index: number) => [
  `env-${index % 7}`,
  `domain-${index % 113}`,
  ...Array.from(
    { length: 10 },
    (_, part) => `${part}-${makeId('tag', index + part)}-of-a-busy-team-and-its-tools`,
  ),
];

/**
 * Makes a declarative config that Kong loads, with a route `/lifeboat-bench` to a service that answers.
 *
 * @param upstream where that service is
 */
export function makeLoadableConfiguration(entities: number, upstream: URL): object {
  const makeRows = <Row extends object>(type: string, share: number, row: (index: number) => Row) =>
    Array.from({ length: Math.max(1, Math.round(entities * share)) }, (_, index) => ({
      id: makeId(type, index),
      tags: makeTags(index),
      ...row(index),
    }));
  const findParent = (type: string, index: number) => makeId(type, index >> 1);
  return {
    _format_version: '3.0',
    _transform: false,
    services: makeRows('services', 0.2, (index) => ({
      name: `service-${index}`,
      protocol: 'http',
      host: upstream.hostname,
      port: Number(upstream.port),
      path: '/',
    })),
    routes: makeRows('routes', 0.3, (index) => ({
      name: `route-${index}`,
      protocols: ['http', 'https'],
      paths: [index === 0 ? '/lifeboat-bench' : `/${makeId('path', index)}`],
      strip_path: true,
      service: findParent('services', index),
    })),
    consumers: makeRows('consumers', 0.2, (index) => ({ username: `consumer-${index}@example.com` })),
    keyauth_credentials: makeRows('keyauth_credentials', 0.2, (index) => ({
      key: makeId('key', index),
      consumer: findParent('consumers', index),
    })),
    plugins: makeRows('plugins', 0.1, (index) => ({
      name: pluginName,
      enabled: true,
      protocols: ['grpc', 'grpcs', 'http', 'https'],
      service: makeId('services', index),
      config: { add: { headers: [`x-request-owner: ${makeId('owner', index)}`] } },
    })),
  };
}
