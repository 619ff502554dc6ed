import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from '@jest/globals';
import { callsWithin, describeCallFailure, endWith, limitCalls } from '../../core/aws-calls.ts';
import { REGION } from '../simulators/aws/running-local-aws.ts';
import { answeringServer } from './answering-server.ts';
import { silentServer } from './silent-server.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

/** A client of a service that is there, and what becomes of a call of it. */
function clientOf(endpoint: string, limits: ReturnType<typeof limitCalls> | object = {}) {
  const client = new SecretsManagerClient({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    ...limits,
  });
  stops.push(() => client.destroy());
  return client;
}
const command = new GetSecretValueCommand({ SecretId: 'it' });
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error: unknown) => describeCallFailure(error),
  );

async function answering(status: number, body: string) {
  const server = await answeringServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(body);
  });
  stops.push(() => server.stop());
  return server;
}

describe('a call of the SDK', () => {
  it('to a service that accepts and never answers ends by the limits of its client', async () => {
    const server = await silentServer();
    stops.push(() => server.stop());
    const client = clientOf(
      server.origin,
      limitCalls({ connectMs: 1_000, tryMs: 50, silenceMs: 1_000, tries: 2 }),
    );

    await expect(failureOf(client.send(command))).resolves.toBe('no answer in time');
  });

  it('whose answer stops in the middle ends by the limits of its client', async () => {
    const server = await answeringServer((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"Name":');
    });
    stops.push(() => server.stop());
    const client = clientOf(
      server.origin,
      limitCalls({ connectMs: 1_000, tryMs: 1_000, silenceMs: 50, tries: 1 }),
    );

    await expect(failureOf(client.send(command))).resolves.toBe('no answer in time');
  });

  it('ends with its signal, and so does its connection', async () => {
    const server = await silentServer();
    stops.push(() => server.stop());
    const controller = new AbortController();
    const called = failureOf(callsWithin(clientOf(server.origin), controller.signal).send(command));
    await server.asked;

    controller.abort(new DOMException('over', 'TimeoutError'));

    await expect(called).resolves.toBe('no answer in time');
    while (server.openCount() > 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  it('does not begin after its signal', async () => {
    const server = await answering(200, '{}');
    const aborted = AbortSignal.abort(new DOMException('over', 'TimeoutError'));

    const failure = await failureOf(callsWithin(clientOf(server.origin), aborted).send(command));

    expect(failure).toBe('no answer in time');
    expect(server.requests).toEqual([]);
  });

  it('is no leak to Node, however many of them one signal ends', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const controller = new AbortController();
    const client = callsWithin({ send: () => new Promise<never>(() => undefined) }, controller.signal);

    const calls = Array.from({ length: 20 }, () => failureOf(client.send()));
    controller.abort(new DOMException('over', 'TimeoutError'));
    await Promise.all(calls);
    await new Promise(setImmediate);

    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('without a signal is the client’s own', () => {
    const client = clientOf('http://127.0.0.1:1');

    expect(callsWithin(client, undefined)).toBe(client);
  });
});

describe('why a call failed', () => {
  it('is in the service’s own words, where it has any', async () => {
    const body = JSON.stringify({ __type: 'AccessDeniedException', message: 'may not' });
    const server = await answering(400, body);

    const failure = await failureOf(clientOf(server.origin).send(command));

    expect(failure).toBe('AccessDeniedException: may not');
  });

  it('is the network’s code, where there is no service', async () => {
    const server = await answering(200, '{}');
    await server.stop();

    const failure = await failureOf(clientOf(server.origin, { maxAttempts: 1 }).send(command));

    expect(failure).toBe('ECONNREFUSED');
  });

  it('quotes nothing of an answer that cannot be read', async () => {
    const server = await answering(200, '{"SecretString":"never-to-be-seen');

    const failure = await failureOf(clientOf(server.origin, { maxAttempts: 1 }).send(command));

    expect(failure).toBe('SyntaxError');
  });

  it('says little of what is no error at all', () => {
    expect(describeCallFailure('never-to-be-seen')).toBe('what was thrown is no error');
  });
});

describe('waiting with a signal', () => {
  it('gives what the work gives, and its error', async () => {
    const { signal } = new AbortController();

    await expect(endWith(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(endWith(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
    await expect(endWith(Promise.resolve(1), undefined)).resolves.toBe(1);
  });

  it('leaves no listener behind', async () => {
    const controller = new AbortController();
    let listening = 0;
    const signal = new Proxy(controller.signal, {
      get(target, name) {
        listening += name === 'addEventListener' ? 1 : name === 'removeEventListener' ? -1 : 0;
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });

    await endWith(Promise.resolve(), signal);

    expect(listening).toBe(0);
  });
});
