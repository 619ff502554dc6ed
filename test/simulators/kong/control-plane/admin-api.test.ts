import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  pkiCertificates,
  sharedCertificate,
} from '../../../../simulators/kong/control-plane/certificates.ts';
import {
  type ControlPlane,
  startControlPlane,
} from '../../../../simulators/kong/control-plane/control-plane.ts';
import { fixture } from './data-plane.ts';

const orders = 'dce56357-23aa-4f47-a2ae-fd186e7995d4';
const recordedAt = 1_795_377_398;

let controlPlane: ControlPlane;
const certificate = await sharedCertificate();

beforeEach(async () => {
  controlPlane = await startControlPlane({
    mtls: 'shared',
    certificates: { controlPlane: certificate, dataPlane: certificate },
    // The second in which the Admin API was recorded: remaining ttls are counted from it.
    now: () => recordedAt * 1000,
  });
});
afterEach(() => controlPlane.stop());

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(method: string, path: string, body?: unknown): Promise<Reply> {
  const response = await fetch(`${controlPlane.adminUrl}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

function rows(reply: Reply): readonly Record<string, unknown>[] {
  return reply.body['data'] as readonly Record<string, unknown>[];
}

function offsetOf(...key: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

describe('lists', () => {
  it.each([
    ...[
      'services',
      'routes',
      'consumers',
      'plugins',
      'upstreams',
      'certificates',
      'snis',
      'ca_certificates',
      'vaults',
    ],
    ...['keys', 'key-sets', 'key-auths', 'acls', 'basic-auths', 'hmac-auths', 'jwts', 'oauth2'],
    ...['sessions', 'oauth2_tokens'],
  ])('of %s are as they were recorded', async (collection) => {
    const recorded = JSON.parse(fixture(`admin-api/${collection}.json`));

    const reply = await call('GET', `/${collection}?size=1000`);

    const ttl = (row: { readonly ttl?: number | null }) =>
      row.ttl ? { ttl: expect.closeTo(row.ttl, -1) } : {};
    const data = recorded.data.map((row: Record<string, unknown>) => ({ ...row, ...ttl(row) }));
    expect(reply).toEqual({ status: 200, body: { ...recorded, data } });
  });

  it('of targets are below their upstream only, newest first', async () => {
    const recorded = JSON.parse(fixture('admin-api/upstream-targets.json')) as Record<string, unknown>;

    const replies = await Promise.all(
      Object.keys(recorded).map((id) => call('GET', `/upstreams/${id}/targets`)),
    );

    expect(replies.map(({ body }) => body)).toEqual(Object.values(recorded));
    expect((await call('GET', '/targets')).status).toBe(404);
  });

  it.each(['/', '/endpoints'])('and %s is as it was recorded', async (path) => {
    const recorded = JSON.parse(fixture(`admin-api/${path === '/' ? 'root' : 'endpoints'}.json`));

    const reply = await call('GET', path);

    expect(reply).toEqual({ status: 200, body: recorded });
  });
});

describe('pages', () => {
  it('follow one another without gap or repetition', async () => {
    const seen: unknown[] = [];
    let path = '/services?size=3';
    while (path !== '') {
      const reply = await call('GET', path);
      seen.push(rows(reply).map(({ id }) => id));
      path = reply.body['offset'] === undefined ? '' : `/services?size=3&offset=${reply.body['offset']}`;
    }

    const all = rows(await call('GET', '/services')).map(({ id }) => id);
    expect(seen).toEqual([all.slice(0, 3), all.slice(3, 6), all.slice(6)]);
  });

  it('have no offset when they end where the list ends', async () => {
    const reply = await call('GET', '/services?size=7');

    expect(rows(reply)).toHaveLength(7);
    expect(reply.body['offset']).toBeUndefined();
    expect(reply.body['next']).toBeNull();
  });

  it('start after any id, of a row or not', async () => {
    const reply = await call('GET', `/services?offset=${offsetOf('80000000-0000-4000-8000-000000000000')}`);

    const ids = rows(reply).map(({ id }) => String(id));
    expect(ids).toHaveLength(6);
    expect(ids.every((id) => id > '8')).toBe(true);
  });

  it('of targets go on where the last ended', async () => {
    const path = '/upstreams/billing.upstream/targets?size=3';
    const first = await call('GET', path);

    const second = await call('GET', `${path}&offset=${first.body['offset']}`);

    expect(rows(first)).toHaveLength(3);
    expect(rows(second).map(({ target }) => target)).toEqual(['10.1.0.2:9000', '10.1.0.1:9000']);
    expect(first.body['next']).not.toContain('size');
  });

  it.each([
    ['size=0', 400],
    ['size=1', 200],
    ['size=1000', 200],
    ['size=1001', 400],
    ['size=ten', 400],
    ['offset=x', 400],
    [`offset=${offsetOf('no uuid')}`, 400],
    [`offset=${offsetOf()}`, 400],
  ])('with %s are answered with %i', async (query, status) => {
    const reply = await call('GET', `/consumers?${query}`);

    expect(reply.status).toBe(status);
  });
});

describe('changes', () => {
  it('make, show, change and remove a service', async () => {
    const created = await call('POST', '/services', { name: 'new', host: 'h' });
    const shown = await call('GET', '/services/new');
    const patched = await call('PATCH', '/services/new', { retries: 1 });
    const replaced = await call('PUT', `/services/${created.body['id']}`, { name: 'other', host: 'h' });
    const removed = await call('DELETE', '/services/other');
    const gone = await call('GET', `/services/${created.body['id']}`);

    expect(created.status).toBe(201);
    expect(shown).toEqual({ status: 200, body: created.body });
    expect(patched).toMatchObject({ status: 200, body: { name: 'new', retries: 1 } });
    expect(replaced).toMatchObject({
      status: 200,
      body: { id: created.body['id'], name: 'other', retries: 5 },
    });
    expect(removed.status).toBe(204);
    expect(gone).toEqual({ status: 404, body: { message: 'Not found' } });
  });

  it.each([
    ['by id', '/consumers/5b1a0e9d-94a4-4a3b-b0ae-1f1a8be0f001', { username: 'x' }],
    ['by name', '/consumers/x', {}],
  ])('create with PUT %s what is not there', async (_how, path, body) => {
    const reply = await call('PUT', path, body);

    expect(reply).toMatchObject({ status: 200, body: { username: 'x' } });
    expect((await call('GET', path)).body).toEqual(reply.body);
  });

  it.each([
    ['below the service', '/services/orders/routes', {}],
    ['with its name', '/routes', { service: { name: 'orders' } }],
    ['with its id', '/routes', { service: { id: orders } }],
  ])('give a route its service %s', async (_how, path, reference) => {
    const reply = await call('POST', path, { name: 'new', paths: ['/new'], ...reference });

    expect(reply).toMatchObject({ status: 201, body: { service: { id: orders } } });
    const [sent] = (controlPlane.currentTable('3.9.1')['routes'] as Record<string, unknown>[]).filter(
      ({ name }) => name === 'new',
    );
    expect(sent?.['service']).toBe(orders);
  });

  it('show the ttl of a key as seconds left, and send it as the second it ends', async () => {
    const reply = await call('POST', '/consumers/partner/key-auth', { key: 'short', ttl: 60 });

    expect(reply).toMatchObject({ status: 201, body: { key: 'short', ttl: 60 } });
    const [sent] = (
      controlPlane.currentTable('3.9.1')['keyauth_credentials'] as Record<string, unknown>[]
    ).filter(({ key }) => key === 'short');
    expect(sent?.['ttl']).toBe(recordedAt + 60);
    expect((await call('GET', '/consumers/partner/key-auth/short')).body['ttl']).toBe(60);
  });

  it.each(['k-mobile-1', '2aceb218-16db-4ccf-8970-601cb4d28be3'])(
    'find the key %s below its owner only',
    async (key) => {
      const replies = await Promise.all(
        ['mobile-app', 'partner'].map((consumer) => call('GET', `/consumers/${consumer}/key-auth/${key}`)),
      );

      expect(replies.map(({ status }) => status)).toEqual([200, 404]);
    },
  );

  it('add and remove targets by name', async () => {
    const added = await call('POST', '/upstreams/billing.upstream/targets', { target: '10.9.9.9' });
    const removed = await call('DELETE', '/upstreams/billing.upstream/targets/10.9.9.9:8000');

    expect(added).toMatchObject({ status: 201, body: { target: '10.9.9.9:8000', weight: 100 } });
    expect(removed.status).toBe(204);
    expect(rows(await call('GET', '/upstreams/billing.upstream/targets'))).toHaveLength(5);
  });

  it('make certificates that show the names of their SNIs', async () => {
    const { dataPlane } = await pkiCertificates({ controlPlaneHost: 'localhost' });
    const created = await call('POST', '/certificates', { cert: dataPlane.certificate, key: dataPlane.key });
    await call('POST', '/snis', { name: 'b.example.test', certificate: { id: created.body['id'] } });

    const shown = await call('GET', `/certificates/${created.body['id']}`);
    const digest = await call('POST', '/ca_certificates', { cert: dataPlane.ca });

    expect(shown.body['snis']).toEqual(['b.example.test']);
    expect(digest).toMatchObject({
      status: 201,
      body: { cert_digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });
});

describe('refusals', () => {
  it.each([
    ['POST', '/services', { host: 'h', colour: 'red' }, 400, { name: 'schema violation', code: 2 }],
    [
      'POST',
      '/services',
      { host: 'h', name: 'orders' },
      409,
      { name: 'unique constraint violation', code: 5 },
    ],
    ['POST', '/services/nobody/routes', { paths: ['/x'] }, 404, { message: 'Not found' }],
    ['DELETE', `/services/${orders}`, undefined, 400, { name: 'foreign key violation', code: 4 }],
    ['PATCH', '/consumers/nobody', { tags: [] }, 404, { message: 'Not found' }],
    ['DELETE', '/consumers/nobody', undefined, 204, {}],
    ['PUT', '/consumers', {}, 405, { message: 'Method not allowed' }],
    ['GET', '/colours', undefined, 404, { message: 'Not found' }],
    ['GET', '/filter-chains', undefined, 400, {}],
    ['POST', '/event-hooks', { source: 'balancer', handler: 'webhook', config: {} }, 400, { code: 2 }],
  ])('of %s %s', async (method, path, body, status, answer) => {
    const reply = await call(method, path, body);

    expect(reply.status).toBe(status);
    expect(reply.body).toMatchObject(answer);
  });

  it.each([
    ['a form', 'host=h', 'application/x-www-form-urlencoded', 415],
    ['no JSON', '{"host":', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
    ['10 MiB', JSON.stringify({ host: 'h'.repeat(10 * 1024 * 1024 - 11) }), 'application/json', 201],
    [
      '10 MiB and a byte',
      JSON.stringify({ host: 'h'.repeat(10 * 1024 * 1024 - 10) }),
      'application/json',
      413,
    ],
  ])('and what happens to a body of %s', async (_what, body, type, status) => {
    const response = await fetch(`${controlPlane.adminUrl}/services`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });

    expect(response.status).toBe(status);
  });
});

afterAll(() => expect(controlPlane.connectedNodes()).toEqual([]));
