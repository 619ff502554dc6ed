import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sharedCertificate } from '../../../../simulators/kong/control-plane/certificates.ts';
import {
  type ControlPlane,
  startControlPlane,
} from '../../../../simulators/kong/control-plane/control-plane.ts';
import { until } from './data-plane.ts';

const secret = 'whisper';
const certificate = await sharedCertificate();

interface Delivery {
  readonly body: string;
  readonly signature: string | undefined;
  readonly message: Readonly<Record<string, unknown>>;
}

let receiver: Server;
let url: string;
let deliveries: Delivery[];
/** Statuses that the receiver answers before it answers 202. */
let statuses: number[];
let lines: string[];
let controlPlane: ControlPlane;

beforeEach(async () => {
  deliveries = [];
  statuses = [];
  lines = [];
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks).toString('utf8');
    const signature = request.headers['x-kong-signature'];
    deliveries.push({ body, signature: signature?.toString(), message: JSON.parse(body) });
    response.writeHead(statuses.shift() ?? 202).end();
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
  controlPlane = await startControlPlane({
    mtls: 'shared',
    certificates: { controlPlane: certificate, dataPlane: certificate },
    log: (line) => lines.push(line),
  });
});

afterEach(async () => {
  await controlPlane.stop();
  receiver.closeAllConnections();
  await new Promise((resolve) => {
    receiver.close(resolve);
  });
});

async function createHook() {
  const response = await fetch(`${controlPlane.adminUrl}/event-hooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: 'crud', handler: 'webhook', config: { url, secret } }),
  });
  expect(response.status).toBe(201);
  await controlPlane.hooksDelivered();
  const [ping] = deliveries.splice(0);
  return { created: (await response.json()) as Readonly<Record<string, unknown>>, ping };
}

describe('event hooks', () => {
  it('are pinged when they are created, and listed', async () => {
    const { created, ping } = await createHook();
    const listed = await (await fetch(`${controlPlane.adminUrl}/event-hooks`)).json();

    expect(ping?.message).toMatchObject({ source: 'kong:event_hooks', event: 'ping' });
    expect(listed).toEqual({ data: [created], next: null });
  });

  it('are changed and removed by id', async () => {
    const { created } = await createHook();
    const send = (id: unknown, method: string, body?: object) =>
      fetch(`${controlPlane.adminUrl}/default/event-hooks/${id}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    const config = { url, secret: 'another', ssl_verify: true };
    const changed = await send(created['id'], 'PATCH', { config });
    const unknown = await send('nobody', 'PATCH', { config });
    const wrong = await send(created['id'], 'PATCH', { handler: 'log' });
    const removed = await send(created['id'], 'DELETE');
    const left = await (await fetch(`${controlPlane.adminUrl}/event-hooks`)).json();

    expect([changed.status, unknown.status, wrong.status, removed.status]).toEqual([200, 404, 400, 204]);
    expect(await changed.json()).toEqual({ ...created, config });
    expect(left).toEqual({ data: [], next: null });
  });

  it('hear of a new consumer twice, as Kong tells it', async () => {
    await createHook();

    const entity = controlPlane.configuration.create('consumers', { username: 'new' });
    await controlPlane.hooksDelivered();

    const message = { source: 'crud', schema: 'consumers', operation: 'create', entity };
    expect(deliveries.map((delivery) => delivery.message)).toEqual([
      { ...message, event: 'consumers' },
      { ...message, event: 'consumers:create' },
    ]);
  });

  it('hear of foreign keys as the Admin API shows them', async () => {
    await createHook();

    controlPlane.configuration.create('routes', { paths: ['/x'], service: { name: 'orders' } });
    await controlPlane.hooksDelivered();

    expect(deliveries[0]?.message).toMatchObject({
      entity: { service: { id: 'dce56357-23aa-4f47-a2ae-fd186e7995d4' } },
    });
  });

  it('are signed with sha1 over the very bytes', async () => {
    const { ping } = await createHook();

    controlPlane.configuration.create('consumers', { username: 'é漢' });
    await controlPlane.hooksDelivered();

    expect(deliveries).toHaveLength(2);
    for (const delivery of [ping, ...deliveries]) {
      const expected = createHmac('sha1', secret)
        .update(delivery?.body ?? '')
        .digest('hex');
      expect(delivery?.signature).toBe(`sha1=${expected}`);
    }
  });

  it.each([
    ['are tried again', [500, 503]],
    ['are given up after the third try', [500, 500, 500]],
  ])('%s', async (_what, answers) => {
    await createHook();
    statuses = [...answers];

    controlPlane.configuration.create('consumers', { username: 'new' });
    await controlPlane.hooksDelivered();

    // Three tries of the first event, one of the second.
    expect(deliveries.map(({ message }) => message['event'])).toEqual([
      ...Array.from({ length: 3 }, () => 'consumers'),
      'consumers:create',
    ]);
  });

  it('leave no word of a body or a secret in the log', async () => {
    await createHook();
    statuses = [500, 500, 500];

    controlPlane.configuration.create('consumers', { username: 'tell-nobody' });
    await controlPlane.hooksDelivered();

    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/tell-nobody|whisper/);
  });

  it('that wait for another try are lost when the control plane goes down', async () => {
    await createHook();
    statuses = [500];

    controlPlane.configuration.create('consumers', { username: 'new' });
    await until(() => lines.some((line) => line.includes('500')));
    await controlPlane.stop();
    await controlPlane.hooksDelivered();

    expect(deliveries).toHaveLength(1);
  });
});
