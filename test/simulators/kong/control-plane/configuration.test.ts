import { describe, expect, it } from '@jest/globals';
import {
  type Change,
  Configuration,
  ConfigurationError,
  type Entity,
} from '../../../../simulators/kong/control-plane/configuration.ts';
import { buildPayload } from '../../../../simulators/kong/control-plane/payload.ts';
import {
  readRecordedDatabase,
  readRecordedPlugins,
} from '../../../../simulators/kong/control-plane/recording.ts';

const orders = 'dce56357-23aa-4f47-a2ae-fd186e7995d4';
const billing = '3b57b0dd-7425-4ddf-b409-dc80224ac6a3';
const recordedHash = '0cb222c3ca1f465ee7578d9c4972c141';

function configurationOf(table: Entity = readRecordedDatabase()): Configuration {
  return new Configuration(table, new Set(readRecordedPlugins().keys()));
}

/** The recorded configuration, with a field of one row changed. */
function configurationWith(type: string, id: string, change: Entity): Configuration {
  const database = readRecordedDatabase();
  const rows = (database[type] as readonly Entity[]).map((row) =>
    row['id'] === id ? { ...row, ...change } : row,
  );
  return configurationOf({ ...database, [type]: rows });
}

function hashOf(configuration: Configuration): string {
  return buildPayload(configuration).configHash;
}

function hashesOf(configuration: Configuration): Readonly<Record<string, string>> {
  return buildPayload(configuration).message('3.9.1')['hashes'] as Readonly<Record<string, string>>;
}

function refusalOf(action: () => unknown): ConfigurationError {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error;
    }
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the configuration hash', () => {
  it('is the recorded one until something changes', () => {
    const configuration = configurationOf();
    const before = hashOf(configuration);

    configuration.create('consumers', { username: 'new' });

    expect(before).toBe(recordedHash);
    expect(hashOf(configuration)).not.toBe(recordedHash);
  });

  it('changes with a field that old data planes never see', () => {
    const basicAuth = configurationOf()
      .rows('plugins')
      .find(({ name }) => name === 'basic-auth');
    const config = { ...(basicAuth?.['config'] as Entity), realm: 'other' };

    const changed = configurationWith('plugins', String(basicAuth?.['id']), { config });

    expect(hashOf(changed)).not.toBe(recordedHash);
    expect(buildPayload(changed).table('3.4.0')).toEqual(buildPayload(configurationOf()).table('3.4.0'));
  });

  it('is the same for the same content in another order of keys and rows', () => {
    const table = {
      consumers: [
        { id: 'a', username: 'x' },
        { id: 'b', username: 'y' },
      ],
    };
    const reordered = {
      consumers: [
        { username: 'y', id: 'b' },
        { username: 'x', id: 'a' },
      ],
    };

    const hashes = [table, reordered].map((one) => hashOf(configurationOf(one)));

    expect(hashes[0]).toBe(hashes[1]);
  });

  it('has a part of its own per type, zeros where there are no rows', () => {
    const before = hashesOf(configurationOf());

    const after = hashesOf(
      configurationWith('routes', '63e09e4c-269b-4ebc-9c9f-501a022c9bb8', { strip_path: false }),
    );
    const empty = hashesOf(configurationOf({}));

    expect(after).toEqual({ ...before, routes: after['routes'], config: after['config'] });
    expect(after['routes']).not.toBe(before['routes']);
    expect(empty).toMatchObject({ routes: '0'.repeat(32), services: '0'.repeat(32) });
  });
});

describe('frames', () => {
  it('leave out a disabled service, its routes and their plugins', () => {
    const service = 'b6117401-0ad8-493b-99b4-2b614c7f059d';

    const disabled = configurationWith('services', service, { enabled: false });
    const text = JSON.stringify(buildPayload(disabled).table('3.9.1'));

    expect(text).not.toContain(service);
    expect(text).not.toContain('ac2095b8-8903-4598-9e8d-2f2aaf835dd1');
    expect(text).toContain(orders);
  });

  it('carry rows of types that only a custom plugin knows', () => {
    const table = { own_things: [{ id: 'a', value: 1 }] };

    const sent = buildPayload(configurationOf(table)).table('3.4.0');

    expect(sent).toEqual({ _format_version: '3.0', _transform: false, ...table });
  });
});

describe('a row that is created', () => {
  it('gets id, times and every default, and is announced', () => {
    const configuration = configurationOf();
    const changes: Change[] = [];
    configuration.onChange((change) => changes.push(change));

    const row = configuration.create('services', { name: 'a', url: 'https://up.example.test/v2' });

    expect(row).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'a',
      protocol: 'https',
      host: 'up.example.test',
      port: 443,
      path: '/v2',
      retries: 5,
      connect_timeout: 60_000,
      write_timeout: 60_000,
      read_timeout: 60_000,
      client_certificate: null,
      tls_verify: null,
      tls_verify_depth: null,
      ca_certificates: null,
      enabled: true,
      tags: null,
      created_at: expect.closeTo(Date.now() / 1000, -2),
      updated_at: row['created_at'],
    });
    expect(changes).toEqual([{ type: 'services', entity: row }]);
  });

  it.each([
    ['services', { host: 'h' }],
    ['routes', { paths: ['/x'] }],
    ['consumers', { username: 'x' }],
    ['plugins', { name: 'zipkin' }],
  ])('has the fields that a recorded one of %s has', (type, fields) => {
    const configuration = configurationOf();
    const [recorded] = configuration.rows(type);

    const created = configuration.create(type, fields);

    expect(Object.keys(created).sort()).toEqual(Object.keys(recorded ?? {}).sort());
  });
});

describe('what Kong refuses', () => {
  const route = { paths: ['/x'] };
  it.each([
    ['an unknown field', 'services', { host: 'h', colour: 'red' }, 'schema violation', 'colour'],
    ['a missing field', 'services', { name: 'h' }, 'schema violation', 'host'],
    ['a wrong type', 'services', { host: 'h', retries: '5' }, 'schema violation', 'retries'],
    ['a fraction', 'services', { host: 'h', port: 0.5 }, 'schema violation', 'port: expected an integer'],
    ['a port too high', 'services', { host: 'h', port: 65_536 }, 'schema violation', 'between 0 and 65535'],
    ['a list for a record', 'plugins', { name: 'cors', config: [] }, 'schema violation', 'expected a record'],
    ['an unknown value', 'routes', { ...route, path_handling: 'v2' }, 'schema violation', 'one of: v0, v1'],
    ['a route that matches nothing', 'routes', {}, 'schema violation', 'must set one of'],
    ['a consumer without a name', 'consumers', {}, 'schema violation', 'at least one of'],
    ['a bare foreign key', 'routes', { ...route, service: orders }, 'schema violation', 'service'],
    ['an unknown plugin', 'plugins', { name: 'own' }, 'schema violation', "plugin 'own' not enabled"],
    ['no URL', 'services', { url: 'h' }, 'schema violation', 'missing host in url'],
    ['a name twice', 'services', { host: 'h', name: 'orders' }, 'unique constraint violation', 'orders'],
    [
      'a reference to nothing',
      'routes',
      { ...route, service: { name: 'nobody' } },
      'foreign key violation',
      'nobody',
    ],
  ])('%s', (_what, type, fields, code, words) => {
    const configuration = configurationOf();

    const error = refusalOf(() => configuration.create(type, fields));

    expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(hashOf(configuration)).toBe(recordedHash);
  });

  it('is not a port at the limit', () => {
    const row = configurationOf().create('services', { host: 'h', port: 65_535 });

    expect(row['port']).toBe(65_535);
  });
});

it('finds a row by its id and by its name', () => {
  const configuration = configurationOf();

  const found = [billing, 'orders', 'nobody'].map((key) => configuration.find('services', key)?.['id']);

  expect(found).toEqual([billing, orders, undefined]);
});
