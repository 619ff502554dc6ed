import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { doorbell, type HookAnswer, type HookRequest, maxHookBytes } from '../../../core/intake/doorbell.ts';
import { manualClock } from '../manual-clock.ts';
import { memoryExportRequests } from './memory-export-requests.ts';
import { memoryHookSecrets } from './memory-hook-secrets.ts';

const now = new Date('2026-11-23T04:00:00Z');
const change = '{"source":"dao:crud","event":"consumers","entity":{"password":"sesame"}}';

function signed(body: string | Buffer, key = 'current', algorithm = 'sha256'): HookRequest {
  const bytes = Buffer.from(body);
  return {
    controlPlane: 'prod',
    contentType: 'application/json',
    signature: `${algorithm}=${createHmac(algorithm, key).update(bytes).digest('hex')}`,
    body: bytes,
  };
}

/** A doorbell, and what it did: which secrets it looked up and which exports it asked for. */
function rung({ acceptSha1 = true, rotatedTo }: { acceptSha1?: boolean; rotatedTo?: string } = {}) {
  const lookups: [controlPlane: string, afterMismatch: boolean][] = [];
  const secrets = memoryHookSecrets();
  secrets.rotate('prod', 'previous');
  secrets.rotate('prod', 'current');
  const requests = memoryExportRequests(1);
  const ring = doorbell({
    isKnown: (controlPlane) => controlPlane === 'prod',
    secrets: {
      async secretsFor(controlPlane, afterMismatch) {
        lookups.push([controlPlane, afterMismatch]);
        const known = await secrets.secretsFor(controlPlane, afterMismatch);
        if (lookups.length === 1 && rotatedTo !== undefined) {
          secrets.rotate(controlPlane, rotatedTo);
        }
        return known;
      },
    },
    requests,
    acceptSha1,
    clock: manualClock(now),
  });
  return { ring, lookups, requests };
}

const statusOf = (answer: HookAnswer) => (typeof answer === 'string' ? answer : answer.status);

describe('an event hook', () => {
  it.each<[title: string, hook: HookRequest, expected: string | number, requested: number]>([
    ['a change', signed(change), 'accepted', 1],
    ['a change signed with the previous secret', signed(change, 'previous'), 'accepted', 1],
    ['a body of the user’s own', signed('{}'), 'accepted', 1],
    [
      'JSON with a charset',
      { ...signed(change), contentType: 'Application/JSON; charset=utf-8' },
      'accepted',
      1,
    ],
    ['a ping', signed('{"source":"kong:event_hooks","event":"ping"}'), 'ping', 0],
    ['an unknown control plane', { ...signed(change), controlPlane: 'other' }, 404, 0],
    ['another content type', { ...signed(change), contentType: 'text/plain' }, 415, 0],
    ['a content type that only begins so', { ...signed(change), contentType: 'application/jsonp' }, 415, 0],
    ['no content type', { ...signed(change), contentType: undefined }, 415, 0],
    ['no signature', { ...signed(change), signature: undefined }, 401, 0],
    ['a stranger’s signature', signed(change, 'guessed'), 401, 0],
    ['the signature of another body', { ...signed('{}'), body: Buffer.from(change) }, 401, 0],
    ['a signed body that is no JSON', signed('event=change'), 400, 0],
    ['a signed list', signed('[]'), 400, 0],
    ['nothing, signed', signed(''), 400, 0],
  ])('%s', async (_, hook, expected, requested) => {
    const { ring, requests } = rung();

    const answer = await ring(hook);

    expect(statusOf(answer)).toBe(expected);
    expect(requests.commands('prod').map(({ since }) => since)).toEqual(
      Array.from({ length: requested }, () => now),
    );
  });

  it.each([
    [maxHookBytes, 'accepted'],
    [maxHookBytes + 1, 413],
  ])('of %d bytes: %s', async (size, expected) => {
    const { ring } = rung();

    const answer = await ring(signed(`{"a":"${'x'.repeat(size - 8)}"}`));

    expect(statusOf(answer)).toBe(expected);
  });

  it('of a plugin with an OpenAPI document of 620 kB in it is accepted', async () => {
    const entity = { name: 'oas-validation', config: { api_spec: '{"paths":{}}'.repeat(620_000 / 12) } };
    const { ring, requests } = rung();

    const answer = await ring(
      signed(JSON.stringify({ source: 'crud', event: 'plugins', entity, old_entity: entity })),
    );

    expect(answer).toBe('accepted');
    expect(requests.commands('prod')).toHaveLength(1);
  });

  it.each([
    [true, 'accepted'],
    [false, 401],
  ])('signed with sha1, where that is allowed %s: %s', async (acceptSha1, expected) => {
    const { ring } = rung({ acceptSha1 });

    expect(statusOf(await ring(signed(change, 'current', 'sha1')))).toBe(expected);
  });

  it('is taken with a secret that was rotated a moment ago', async () => {
    const { ring, lookups } = rung({ rotatedTo: 'brand new' });

    const answer = await ring(signed(change, 'brand new'));

    expect(answer).toBe('accepted');
    expect(lookups).toEqual([
      ['prod', false],
      ['prod', true],
    ]);
  });

  it.each<[title: string, hook: HookRequest]>([
    ['an unknown name', { ...signed(change), controlPlane: 'other' }],
    ['a body too large', signed(Buffer.alloc(maxHookBytes + 1))],
    ['another content type', { ...signed(change), contentType: 'text/plain' }],
  ])('with %s costs no look at a secret', async (_, hook) => {
    const { ring, lookups } = rung();

    await ring(hook);

    expect(lookups).toEqual([]);
  });

  it('is checked in one order: name, size, type, signature, content', async () => {
    const { ring } = rung();
    const wrong = {
      controlPlane: 'other',
      contentType: 'text/plain',
      signature: undefined,
      body: Buffer.alloc(maxHookBytes + 1),
    };
    const repairs: Partial<HookRequest>[] = [
      {},
      { controlPlane: 'prod' },
      { body: Buffer.from('[]') },
      { contentType: 'application/json' },
      { signature: signed('[]').signature },
    ];

    const statuses: (string | number)[] = [];
    let hook: HookRequest = wrong;
    for (const repair of repairs) {
      hook = { ...hook, ...repair };
      statuses.push(statusOf(await ring(hook)));
    }

    expect(statuses).toEqual([404, 413, 415, 401, 400]);
  });

  it('says nothing of its body in any answer', async () => {
    const { ring } = rung();
    const body = 'sesame-in-the-body';
    const hooks: HookRequest[] = [
      { ...signed(body), controlPlane: 'other' },
      { ...signed(body), contentType: 'text/plain' },
      { ...signed(body), signature: 'sha256=00' },
      signed(body),
      signed(`${body}${'x'.repeat(maxHookBytes)}`),
    ];

    const answers = await Promise.all(hooks.map(ring));

    expect(answers.map(statusOf)).toEqual([404, 415, 401, 400, 413]);
    expect(JSON.stringify(answers)).not.toMatch(/sesame|current|previous/);
  });

  it('that cannot be passed on is not acknowledged', async () => {
    const ring = doorbell({
      isKnown: () => true,
      secrets: { secretsFor: async () => ['current'] },
      requests: { request: () => Promise.reject(new Error('the queue is away')) },
      acceptSha1: true,
      clock: manualClock(now),
    });

    await expect(ring(signed(change))).rejects.toThrow('the queue is away');
  });
});
