import { describe, expect, it } from '@jest/globals';
import { type EntityDifference, listDifferences } from '../../../core/inspect/file-differences.ts';

type Row = Record<string, unknown>;
type Table = Record<string, Row[]>;

const maxWaitingBytes = 64 * 2 ** 20;
const serviceId = '3b57b0dd-7425-4ddf-b409-dc80224ac6a3';
const routeId = '63e09e4c-269b-4ebc-9c9f-501a022c9bb8';

function differences(before: Table, after: Table): Promise<readonly EntityDifference[]> {
  const opener = (table: Table) =>
    async function* open() {
      yield Buffer.from(JSON.stringify({ _format_version: '3.0', _transform: false, ...table }));
    };
  return listDifferences(opener(before), opener(after), maxWaitingBytes);
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
