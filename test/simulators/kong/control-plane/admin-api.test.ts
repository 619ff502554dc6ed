import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sharedCertificate } from '../../../../simulators/kong/control-plane/certificates.ts';
import {
  type ControlPlane,
  startControlPlane,
} from '../../../../simulators/kong/control-plane/control-plane.ts';
import { fixture } from './data-plane.ts';

const orders = 'dce56357-23aa-4f47-a2ae-fd186e7995d4';

let controlPlane: ControlPlane;
const certificate = await sharedCertificate();

beforeEach(async () => {
  controlPlane = await startControlPlane({
    mtls: 'shared',
    certificates: { controlPlane: certificate, dataPlane: certificate },
  });
});
afterEach(() => controlPlane.stop());

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(method: string, path: string, body?: string): Promise<Reply> {
  const response = await fetch(`${controlPlane.adminUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function post(path: string, body: object): Promise<Reply> {
  return call('POST', path, JSON.stringify(body));
}

function rowsOf({ body }: Reply): readonly Record<string, unknown>[] {
  return body['data'] as readonly Record<string, unknown>[];
}

describe('lists', () => {
  it.each(['services', 'routes', 'consumers', 'plugins'])(
    'of %s are as a real Kong showed them',
    async (collection) => {
      const recorded = JSON.parse(fixture(`admin-api/${collection}.json`));

      const reply = await call('GET', `/${collection}?size=1000`);

      expect(reply).toEqual({ status: 200, body: recorded });
    },
  );
});

describe('what it says of itself', () => {
  it('has edition, plugins and wasm filters, as a real Kong says them', async () => {
    const other = await startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: certificate, dataPlane: certificate },
      customPlugins: { ours: '1.0.0' },
      wasmFilters: ['guard'],
      edition: 'community',
      adminToken: 'open',
    });
    const ask = async (path: string, token: string) => {
      const response = await fetch(`${other.adminUrl}${path}`, { headers: { 'kong-admin-token': token } });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const own = await ask('/', 'open');
    const hooks = await ask('/event-hooks', 'open');
    const denied = await ask('/', 'shut');
    await other.stop();

    expect(own).toMatchObject({
      status: 200,
      body: {
        edition: 'community',
        version: '3.9.1',
        plugins: {
          available_on_server: { ours: { version: '1.0.0' }, acl: { version: '3.9.1' } },
          enabled_in_cluster: expect.arrayContaining(['key-auth']),
        },
        configuration: { wasm: true, wasm_modules_parsed: [{ name: 'guard' }] },
      },
    });
    expect([hooks.status, denied.status]).toEqual([404, 401]);
  });
});

describe('creating', () => {
  it('a service shows it, and sends it to data planes', async () => {
    const created = await post('/services', { name: 'new', url: 'http://up.example.test:81/v1' });

    expect(created).toMatchObject({
      status: 201,
      body: { name: 'new', protocol: 'http', host: 'up.example.test', port: 81, path: '/v1' },
    });
    expect(rowsOf(await call('GET', '/services'))).toContainEqual(created.body);
    expect(controlPlane.currentTable('3.9.1')['services']).toContainEqual(created.body);
  });

  it.each([
    ['below the service’s name', '/services/orders/routes', {}],
    ['below its id', `/services/${orders}/routes`, {}],
    ['with its name', '/routes', { service: { name: 'orders' } }],
    ['with its id', '/routes', { service: { id: orders } }],
  ])('a route %s gives it the service', async (_how, path, reference) => {
    const reply = await post(path, { name: 'new', paths: ['/new'], ...reference });

    expect(reply).toMatchObject({ status: 201, body: { service: { id: orders } } });
    expect(controlPlane.currentTable('3.9.1')['routes']).toContainEqual({ ...reply.body, service: orders });
  });
});

describe('refusals', () => {
  it.each([
    ['/services', { host: 'h', colour: 'red' }, 400, { name: 'schema violation', code: 2 }],
    ['/services', { host: 'h', name: 'orders' }, 409, { name: 'unique constraint violation', code: 5 }],
    ['/routes', { paths: ['/x'], service: { name: 'nobody' } }, 400, { code: 4 }],
    ['/services/nobody/routes', { paths: ['/x'] }, 404, { message: 'Not found' }],
    ['/services/orders/consumers', { username: 'x' }, 404, { message: 'Not found' }],
    ['/upstreams', { name: 'x' }, 404, { message: 'the simulator cannot create upstreams' }],
    ['/event-hooks', { source: 'balancer', handler: 'webhook', config: {} }, 400, {}],
  ])('of POST %s %j', async (path, body, status, answer) => {
    const reply = await post(path, body);

    expect(reply).toMatchObject({ status, body: answer });
  });

  it.each([
    ['a form', 'host=h'],
    ['half of JSON', '{"host":'],
    ['a list', '[]'],
  ])('of a body that is %s', async (_what, body) => {
    const reply = await call('POST', '/services', body);

    expect(reply).toEqual({
      status: 400,
      body: { message: expect.stringMatching(/takes no forms|expected a record/) },
    });
  });

  it.each([
    ['GET', '/upstreams'],
    ['GET', '/services/orders'],
    ['DELETE', '/services/orders'],
    ['PATCH', '/services/orders'],
  ])('of %s %s', async (method, path) => {
    const reply = await call(method, path);

    expect(reply).toEqual({
      status: 404,
      body: { message: `the simulator has no ${method} ${path}`, name: 'not found', code: 6 },
    });
  });
});
