import { describe, expect, it } from '@jest/globals';
import {
  type Change,
  Configuration,
  ConfigurationError,
} from '../../../../simulators/kong/control-plane/configuration.ts';
import { buildPayload } from '../../../../simulators/kong/control-plane/payload.ts';

const orders = 'dce56357-23aa-4f47-a2ae-fd186e7995d4';
const mobileApp = 'f071a3fb-a9e5-491f-b24e-8ba421372158';
const billing = '3b57b0dd-7425-4ddf-b409-dc80224ac6a3';
const recordedHash = '0cb222c3ca1f465ee7578d9c4972c141';

function hashOf(configuration: Configuration): string {
  return buildPayload(configuration, 0).configHash;
}

function refusal(action: () => unknown): ConfigurationError {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the configuration hash', () => {
  it('is the recorded one until something changes, and again when that is undone', () => {
    const configuration = new Configuration();
    const before = hashOf(configuration);

    const { id } = configuration.create('consumers', { username: 'new' });
    const changed = hashOf(configuration);
    configuration.delete('consumers', String(id));

    expect(before).toBe(recordedHash);
    expect(changed).not.toBe(recordedHash);
    expect(hashOf(configuration)).toBe(recordedHash);
  });

  it('changes with a field that old data planes never see', () => {
    const configuration = new Configuration();
    const basicAuth = configuration.rows('plugins').find((plugin) => plugin['name'] === 'basic-auth');
    const tableBefore = buildPayload(configuration, 0).table('3.4.0');

    configuration.update('plugins', String(basicAuth?.['id']), { config: { realm: 'other' } });

    expect(hashOf(configuration)).not.toBe(recordedHash);
    const withoutTime = (table: unknown) =>
      JSON.parse(JSON.stringify(table, (key, value) => (key === 'updated_at' ? 0 : value)));
    expect(withoutTime(buildPayload(configuration, 0).table('3.4.0'))).toEqual(withoutTime(tableBefore));
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

    const hashes = [table, reordered].map((one) => hashOf(new Configuration({ table: one })));

    expect(hashes[0]).toBe(hashes[1]);
  });

  it('has a part of its own per type, zeros where there are no rows', () => {
    const configuration = new Configuration();
    const before = buildPayload(configuration, 0).message('3.9.1')['hashes'] as Record<string, string>;
    configuration.update('routes', '63e09e4c-269b-4ebc-9c9f-501a022c9bb8', { strip_path: false });

    const after = buildPayload(configuration, 0).message('3.9.1')['hashes'] as Record<string, string>;
    const empty = buildPayload(new Configuration({ table: {} }), 0).message('3.9.1')['hashes'];

    expect(after).toEqual({ ...before, routes: after['routes'], config: after['config'] });
    expect(after['routes']).not.toBe(before['routes']);
    expect(empty).toMatchObject({ routes: '0'.repeat(32), services: '0'.repeat(32) });
  });
});

describe('frames', () => {
  it('leave out a disabled service, its routes and their plugins', () => {
    const configuration = new Configuration();

    configuration.update('services', 'b6117401-0ad8-493b-99b4-2b614c7f059d', { enabled: false });
    const text = JSON.stringify(buildPayload(configuration, 0).table('3.9.1'));

    expect(text).not.toContain('b6117401-0ad8-493b-99b4-2b614c7f059d');
    expect(text).not.toContain('ac2095b8-8903-4598-9e8d-2f2aaf835dd1');
    expect(text).toContain(orders);
  });

  it('carry rows of types that only a custom plugin knows', () => {
    const table = { own_things: [{ id: 'a', value: 1 }] };

    const sent = buildPayload(new Configuration({ table }), 0).table('3.4.0');

    expect(sent).toEqual({ _format_version: '3.0', _transform: false, ...table });
  });
});

describe('a row', () => {
  it('gets id, times and every default when it is created', () => {
    const configuration = new Configuration({ now: () => 1_800_000_000_700 });

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
      created_at: 1_800_000_000,
      updated_at: 1_800_000_000,
    });
  });

  it.each(['services', 'routes', 'consumers', 'upstreams', 'targets', 'snis', 'acls', 'keyauth_credentials'])(
    'of %s that was recorded has the fields of one that is created',
    (type) => {
      const configuration = new Configuration();
      const [recorded] = configuration.rows(type);
      const parents = { upstream: 'upstreams', certificate: 'certificates', consumer: 'consumers' };
      const references = Object.fromEntries(
        Object.entries(parents)
          .filter(([field]) => recorded?.[field] !== undefined)
          .map(([field, parent]) => [field, { id: configuration.rows(parent)[0]?.['id'] }]),
      );
      const named = { services: { host: 'h' }, routes: { paths: ['/x'] }, consumers: { username: 'x' } };
      const others = {
        upstreams: { name: 'x' },
        targets: { target: 'x:1' },
        snis: { name: 'x' },
        acls: { group: 'x' },
      };
      const fields = { ...named, ...others, keyauth_credentials: {} }[type];

      const created = configuration.create(type, { ...fields, ...references });

      expect(Object.keys(created).sort()).toEqual(Object.keys(recorded ?? {}).sort());
    },
  );

  it('keeps its id and birth when it is replaced, and takes defaults for what is not given', () => {
    let now = 1_800_000_000_000;
    const configuration = new Configuration({ now: () => now });
    const { id } = configuration.create('services', { host: 'a', retries: 9 });
    now += 60_000;

    const row = configuration.upsert('services', String(id), { host: 'b' });

    expect(row).toMatchObject({
      id,
      host: 'b',
      retries: 5,
      created_at: 1_800_000_000,
      updated_at: 1_800_000_060,
    });
  });

  it('keeps what a patch does not name, inside its records too', () => {
    const configuration = new Configuration();
    const { id } = configuration.create('plugins', {
      name: 'zipkin',
      config: { a: 1, deep: { b: 2, c: [3] } },
    });

    const row = configuration.update('plugins', String(id), { config: { deep: { c: [4] } } });

    expect(row).toMatchObject({ name: 'zipkin', config: { a: 1, deep: { b: 2, c: [4] } } });
  });

  it('of a key has an absolute ttl, and a key where none is given', () => {
    const configuration = new Configuration({ now: () => 1_800_000_000_000 });

    const row = configuration.create('keyauth_credentials', { consumer: { username: 'partner' }, ttl: 60 });

    expect(row).toMatchObject({ ttl: 1_800_000_060, key: expect.stringMatching(/^[\w-]{32}$/) });
  });
});

describe('what Kong refuses', () => {
  const route = { paths: ['/x'] };
  it.each([
    [
      'an unknown field',
      'services',
      { host: 'h', colour: 'red' },
      'schema violation',
      { colour: 'unknown field' },
    ],
    [
      'several unknown fields',
      'services',
      { host: 'h', colour: 'red', shape: 'round' },
      'schema violation',
      { colour: 'unknown field', shape: 'unknown field' },
    ],
    ['a missing field', 'services', { name: 'h' }, 'schema violation', { host: 'required field missing' }],
    [
      'a wrong type',
      'services',
      { host: 'h', retries: '5' },
      'schema violation',
      { retries: 'expected a number' },
    ],
    [
      'a list for a record',
      'plugins',
      { name: 'cors', config: [] },
      'schema violation',
      { config: 'expected a record' },
    ],
    [
      'a number with a fraction for a whole one',
      'services',
      { host: 'h', connect_timeout: 0.5 },
      'schema violation',
      { connect_timeout: 'expected an integer' },
    ],
    [
      'another value than those there are',
      'routes',
      { ...route, path_handling: 'v2' },
      'schema violation',
      { path_handling: 'expected one of: v0, v1' },
    ],
    [
      'SNIs within a certificate',
      'certificates',
      { cert: '-----BEGIN CERTIFICATE-----', key: '-----BEGIN PRIVATE KEY-----', snis: ['a.test'] },
      'schema violation',
      { snis: expect.stringContaining('POST /snis') },
    ],
    ['a route that matches nothing', 'routes', {}, 'schema violation', { '@entity': [expect.any(String)] }],
    ['a consumer without a name', 'consumers', {}, 'schema violation', { '@entity': [expect.any(String)] }],
    [
      'a foreign key that is no record',
      'routes',
      { ...route, service: orders },
      'schema violation',
      expect.anything(),
    ],
    [
      'a plugin that is not there',
      'plugins',
      { name: 'own' },
      'schema violation',
      { name: expect.anything() },
    ],
    [
      'a name twice',
      'services',
      { host: 'h', name: 'orders' },
      'unique constraint violation',
      { name: 'orders' },
    ],
    ['a plugin twice', 'plugins', { name: 'prometheus' }, 'unique constraint violation', expect.anything()],
    ['an id twice', 'services', { host: 'h', id: orders }, 'primary key violation', { id: orders }],
    [
      'a reference to nothing',
      'routes',
      { ...route, service: { name: 'nobody' } },
      'foreign key violation',
      { service: { name: 'nobody' } },
    ],
  ])('%s', (_what, type, fields, kind, problems) => {
    const error = refusal(() => new Configuration().create(type, fields));

    expect(error.kind).toBe(kind);
    expect(error.fields).toEqual(problems);
  });

  it('the deletion of a service that has routes', () => {
    const configuration = new Configuration();

    const error = refusal(() => configuration.delete('services', billing));

    expect(error).toMatchObject({ kind: 'foreign key violation', fields: { '@referenced_by': 'routes' } });
    expect(configuration.rows('services')).toHaveLength(7);
  });
});

describe('a consumer that is deleted', () => {
  it('takes credentials and plugins along, each announced, the consumer last', () => {
    const configuration = new Configuration();
    const changes: Change[] = [];
    configuration.onChange((change) => changes.push(change));

    configuration.delete('consumers', mobileApp);

    expect(JSON.stringify(configuration.types().map((type) => configuration.rows(type)))).not.toContain(
      mobileApp,
    );
    expect(changes.at(-1)).toMatchObject({
      operation: 'delete',
      type: 'consumers',
      entity: { id: mobileApp },
    });
    expect(new Set(changes.map((change) => change.type))).toEqual(
      new Set(['consumers', 'keyauth_credentials', 'acls', 'jwt_secrets', 'oauth2_credentials', 'plugins']),
    );
  });
});
