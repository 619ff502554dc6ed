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
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const signature = request.headers['x-kong-signature'];
    deliveries.push({ body, signature: signature?.toString(), message: JSON.parse(body) });
    response.writeHead(statuses.shift() ?? 202).end();
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
  await start({});
});

afterEach(async () => {
  await controlPlane.stop();
  receiver.closeAllConnections();
  await new Promise((resolve) => {
    receiver.close(resolve);
  });
});

async function start(options: { readonly signatureAlgorithm?: 'sha1' | 'sha256' }): Promise<void> {
  await controlPlane?.stop();
  controlPlane = await startControlPlane({
    mtls: 'shared',
    certificates: { controlPlane: certificate, dataPlane: certificate },
    log: (line) => lines.push(line),
    ...options,
  });
}

async function hook(
  fields: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>> = {},
) {
  const response = await fetch(`${controlPlane.adminUrl}/event-hooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handler: 'webhook', config: { url, secret, ...config }, ...fields }),
  });
  expect(response.status).toBe(201);
  await controlPlane.hooksDelivered();
  const [ping] = deliveries.splice(0);
  return { created: (await response.json()) as Readonly<Record<string, unknown>>, ping };
}

describe('event hooks', () => {
  it('are pinged when they are created', async () => {
    const { ping } = await hook({ source: 'crud' });

    expect(ping?.message).toMatchObject({ source: 'kong:event_hooks', event: 'ping' });
  });

  it.each([
    ['crud', undefined, ['consumers', 'consumers:create']],
    ['dao:crud', undefined, ['create']],
    ['crud', 'consumers', ['consumers']],
    ['crud', 'services', []],
    ['dao:crud', 'delete', []],
  ])('of source %s and event %s hear of a new consumer as %j', async (source, event, events) => {
    await hook({ source, ...(event === undefined ? {} : { event }) });

    const consumer = controlPlane.configuration.create('consumers', { username: 'new' });
    await controlPlane.hooksDelivered();

    expect(deliveries.map(({ message }) => message)).toEqual(
      events.map((name) => ({
        source,
        event: name,
        schema: 'consumers',
        operation: 'create',
        entity: consumer,
      })),
    );
  });

  it('are told what was there before, with foreign keys as the Admin API shows them', async () => {
    await hook({ source: 'dao:crud' });

    controlPlane.configuration.update('routes', '63e09e4c-269b-4ebc-9c9f-501a022c9bb8', {
      strip_path: false,
    });
    await controlPlane.hooksDelivered();

    const service = { id: '3b57b0dd-7425-4ddf-b409-dc80224ac6a3' };
    expect(deliveries.map(({ message }) => message)).toMatchObject([
      {
        operation: 'update',
        entity: { strip_path: false, service },
        old_entity: { strip_path: true, service },
      },
    ]);
  });

  it.each(['sha1', 'sha256'] as const)(
    'are signed with %s over the very bytes',
    async (signatureAlgorithm) => {
      await start({ signatureAlgorithm });
      const { ping } = await hook({ source: 'dao:crud' });

      controlPlane.configuration.create('consumers', { username: 'é漢' });
      await controlPlane.hooksDelivered();

      for (const delivery of [ping, ...deliveries]) {
        const expected = createHmac(signatureAlgorithm, secret)
          .update(delivery?.body ?? '')
          .digest('hex');
        expect(delivery?.signature).toBe(`${signatureAlgorithm}=${expected}`);
      }
      expect(deliveries).toHaveLength(1);
    },
  );

  it('carry no signature without a secret', async () => {
    const { ping } = await hook({ source: 'crud' }, { secret: null });

    expect(ping?.signature).toBeUndefined();
  });

  it.each([
    ['are tried again', [500, 503], 3],
    ['are given up after the third try', [500, 500, 500], 3],
  ])('%s', async (_what, answers, tries) => {
    await hook({ source: 'dao:crud' });
    statuses = [...answers];

    controlPlane.configuration.create('consumers', { username: 'new' });
    await controlPlane.hooksDelivered();

    expect(deliveries).toHaveLength(tries);
    expect(new Set(deliveries.map(({ body }) => body)).size).toBe(1);
  });

  it('leave no word of a body or a secret in the log', async () => {
    await hook({ source: 'dao:crud' });
    statuses = [500, 500, 500];

    controlPlane.configuration.create('consumers', { username: 'tell-nobody' });
    await controlPlane.hooksDelivered();

    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/tell-nobody|whisper/);
  });

  it('are silent once they are deleted', async () => {
    const { created } = await hook({ source: 'crud' });
    const listed = await (await fetch(`${controlPlane.adminUrl}/event-hooks`)).json();

    await fetch(`${controlPlane.adminUrl}/event-hooks/${created['id']}`, { method: 'DELETE' });
    controlPlane.configuration.create('consumers', { username: 'new' });
    await controlPlane.hooksDelivered();

    expect(listed).toMatchObject({ data: [created] });
    expect(deliveries).toEqual([]);
  });

  it('that wait for another try are lost when the control plane goes down', async () => {
    await hook({ source: 'dao:crud' });
    statuses = [500];

    controlPlane.configuration.create('consumers', { username: 'new' });
    await until(() => lines.some((line) => line.includes('500')));
    await controlPlane.stop();
    await controlPlane.hooksDelivered();

    expect(deliveries).toHaveLength(1);
  });
});
