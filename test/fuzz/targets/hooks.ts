import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { systemClock } from '../../../core/clock.ts';
import { doorbell } from '../../../core/intake/doorbell.ts';
import { changed, changedText, hostileText, type Outcome, target } from '../target.ts';

const secret = 'the hook secret';
const hmac = (key: string, body: Uint8Array, algorithm = 'sha256') =>
  createHmac(algorithm, key).update(body).digest('hex');

const bodies = fc.oneof(
  changed(Buffer.from('{"source":"crud","event":"services:create","entity":{"id":"a","password":"b"}}')),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
);
const hooks = bodies.chain((body) =>
  fc.record({
    body: fc.constant(body),
    contentType: fc.oneof(
      { weight: 4, arbitrary: fc.constant('application/json') },
      { weight: 1, arbitrary: fc.oneof(hostileText, fc.constant(undefined)) },
    ),
    signature: fc.oneof(
      fc.constant(`sha256=${hmac(secret, body)}`),
      changedText(`sha256=${hmac(secret, body)}`),
      fc.constantFrom(
        ...[
          `sha1=${hmac(secret, body, 'sha1')}`,
          `sha256=${hmac('', body)}`,
          `sha256=${hmac('other', body)}`,
        ],
        ...[`sha256=${hmac(secret, Buffer.from(''))}`, 'sha256=', undefined],
      ),
      hostileText,
    ),
  }),
);

/** Hooks, most of them forged: what is not signed with the secret causes nothing. */
export const hookTarget = target('hooks', hooks, async (hook): Promise<Outcome> => {
  let requests = 0;
  const answer = await doorbell({
    isKnown: (name) => name === 'prod',
    secrets: { secretsFor: async () => [secret] },
    requests: {
      async request() {
        requests += 1;
      },
    },
    acceptSha1: false,
    clock: systemClock,
  })({ controlPlane: 'prod', ...hook });
  const isSigned = hook.signature?.toLowerCase() === `sha256=${hmac(secret, hook.body)}`;
  const isTaken = typeof answer === 'string' || requests > 0;
  return isTaken ? (isSigned ? 'good' : 'accepted') : 'refused';
});
