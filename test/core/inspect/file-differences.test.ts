import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type EntityDifference, listDifferences } from '../../../core/inspect/file-differences.ts';

type Row = Record<string, unknown>;
type Table = Record<string, Row[]>;

const recorded = readTable();
const maxWaitingBytes = 64 * 2 ** 20;
const serviceId = '3b57b0dd-7425-4ddf-b409-dc80224ac6a3';
const routeId = '63e09e4c-269b-4ebc-9c9f-501a022c9bb8';

function readTable(): Table {
  const frame = JSON.parse(
    readFileSync(
      new URL('../../fixtures/kong-3.9.1/cluster/reconfigure-3.9.1.json', import.meta.url),
      'utf8',
    ),
  );
  return Object.fromEntries(
    Object.entries(frame.config_table).filter((list): list is [string, Row[]] => Array.isArray(list[1])),
  );
}

function differences(before: Table, after: Table): Promise<readonly EntityDifference[]> {
  const opener = (table: Table) =>
    async function* open() {
      yield Buffer.from(JSON.stringify({ _format_version: '3.0', _transform: false, ...table }));
    };
  return listDifferences(opener(before), opener(after), maxWaitingBytes);
}

/** Puts another value into each place of a row in turn, at every depth. */
function* marks(value: unknown, mark: unknown): Generator<unknown> {
  yield mark;
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) {
      for (const marked of marks(each, mark)) {
        yield value.with(index, marked);
      }
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [field, each] of Object.entries(value)) {
      for (const marked of marks(each, mark)) {
        yield { ...value, [field]: marked };
      }
    }
    yield { ...value, [String(mark)]: true };
  }
}

describe('what differs between two files', () => {
  it('is told field by field, with names where there are names', async () => {
    const service = { id: serviceId, name: 'billing', host: 'one.test', port: 80, updated_at: 1 };
    const route = { id: routeId, name: 'bills', paths: ['/a'], service: serviceId };
    const other = {
      id: routeId.replace('6', '7'),
      name: 'new',
      service: serviceId,
      headers: { 'x-key': ['s'] },
    };

    const found = await differences(
      { services: [service], routes: [route] },
      {
        services: [{ ...service, port: 8080, updated_at: 2 }],
        routes: [{ ...route, paths: ['/b'], service: null }, other],
      },
    );

    const reference = { type: 'services', id: serviceId, name: 'billing' };
    expect(found).toEqual([
      {
        kind: 'updated',
        type: 'routes',
        id: routeId,
        name: 'bills',
        fields: [
          { field: 'paths', before: ['/a'], after: ['/b'] },
          { field: 'service', before: { reference }, after: null },
        ],
      },
      {
        kind: 'added',
        type: 'routes',
        id: other.id,
        name: 'new',
        fields: [
          { field: 'name', before: null, after: 'new' },
          { field: 'service', before: null, after: { reference } },
          { field: 'headers', before: null, after: '(set)' },
        ],
      },
      {
        kind: 'updated',
        type: 'services',
        id: serviceId,
        name: 'billing',
        fields: [{ field: 'port', before: 80, after: 8080 }],
      },
    ]);
  });

  it('shows numbers, booleans and Kong’s own words of a bundled plugin, and that the rest was changed', async () => {
    const plugin = (config: object) => ({
      plugins: [{ id: serviceId, name: 'rate-limiting', config }],
    });

    const [found] = await differences(
      plugin({
        minute: 5,
        policy: 'local',
        fault_tolerant: true,
        redis: { password: 'a', port: 1 },
        path: null,
      }),
      plugin({
        minute: 9,
        policy: 'redis',
        fault_tolerant: false,
        redis: { password: 'b', port: 2 },
        path: '/x',
      }),
    );

    expect(found?.fields).toEqual([
      { field: 'config.minute', before: 5, after: 9 },
      { field: 'config.policy', before: 'local', after: 'redis' },
      { field: 'config.fault_tolerant', before: true, after: false },
      { field: 'config.redis.password', before: '(set)', after: '(changed)' },
      { field: 'config.redis.port', before: 1, after: 2 },
      { field: 'config.path', before: null, after: '(set)' },
    ]);
  });

  it('shows nothing of the config of a plugin that Kong does not bundle', async () => {
    const plugin = (name: string, config: object) => ({ plugins: [{ id: serviceId, name, config }] });

    expect(
      (await differences(plugin('ours', { limit: 1 }), plugin('ours', { limit: 2 })))[0]?.fields,
    ).toEqual([{ field: 'config', before: '(set)', after: '(changed)' }]);
    expect(
      (await differences(plugin('acl', { allow: ['a'] }), plugin('ours', { allow: ['a'], more: 1 })))[0]
        ?.fields,
    ).toContainEqual({ field: 'config', before: '(set)', after: '(changed)' });
  });

  it('is nothing where Kong has only written other dates', async () => {
    const row = { id: serviceId, name: 'a', created_at: 1, updated_at: 1 };

    const found = await differences({ services: [row] }, { services: [{ ...row, updated_at: 2 }] });

    expect(found).toEqual([{ kind: 'updated', type: 'services', id: serviceId, name: 'a', fields: [] }]);
  });
});

describe('a secret', () => {
  const secret = 'S3CR3T-marked';
  /** Texts that people may read, by the end of their path. */
  const allowed = new Set([
    ...['services.name', 'services.host', 'services.path'],
    ...['routes.name', 'routes.hosts', 'routes.paths', 'routes.methods', 'routes.snis'],
    ...['routes.sources.ip', 'routes.destinations.ip'],
    ...[
      'consumers.username',
      'plugins.name',
      'plugins.instance_name',
      'upstreams.name',
      'upstreams.host_header',
    ],
    ...[
      'upstreams.healthchecks.active.http_path',
      'upstreams.healthchecks.active.https_sni',
      'targets.target',
    ],
    ...[
      'snis.name',
      'key_sets.name',
      'keys.name',
      'vaults.name',
      'vaults.prefix',
      'acls.group',
      'workspaces.name',
    ],
  ]);

  it.each(Object.keys(recorded))('in any other field of %s appears nowhere', async (type) => {
    for (const row of recorded[type] ?? []) {
      for (const marked of marks(row, secret)) {
        if (typeof marked !== 'object' || isShownBySetting(type, marked as Row)) {
          continue;
        }
        for (const [before, after] of [
          [row, marked],
          [marked, row],
        ] as const) {
          const found = await differences({ [type]: [before as Row] }, { [type]: [after as Row] });
          expect(JSON.stringify(found)).not.toContain(secret);
        }
        const [added] = await differences({}, { [type]: [marked as Row] });
        expect(JSON.stringify(added)).not.toContain(secret);
      }
    }
  });

  function isShownBySetting(type: string, row: Row): boolean {
    return [...pathsOf(row, type)].some((path) => allowed.has(path) || path === `${type}.tags`);
  }

  /** Where the secret stands. */
  function* pathsOf(value: unknown, path: string): Generator<string> {
    if (value === secret) {
      yield path;
    } else if (Array.isArray(value)) {
      for (const each of value) {
        yield* pathsOf(each, path);
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [field, each] of Object.entries(value)) {
        yield* pathsOf(each, `${path}.${field}`);
      }
    }
  }
});
