import { describe, expect, it } from '@jest/globals';
import { maxAssertionBodyBytes } from '../../../core/access/assertion.ts';
import { type AssertionRefusal, AssertionRefused } from '../../../core/access/assertion-refused.ts';
import type { Grant } from '../../../core/access/grant.ts';
import { grantsByAssertion } from '../../../core/access/grant-by-assertion.ts';

const caller = { commonName: 'data-plane', certificateFingerprint: 'AB:CD', assertionId: 'one' };
const grant: Grant = {
  url: 'https://vault.invalid/prod/3.9.1/config.json',
  statusUrl: 'https://vault.invalid/status/prod.json',
  method: 'GET',
  expiresAt: '2026-11-23T04:02:00.000Z',
  controlPlane: 'prod',
  kongVersion: '3.9.1',
};

/** Takes the assertion "good", and refuses others as the test says. */
const answering = (code: AssertionRefusal = 'untrusted') =>
  grantsByAssertion({
    async verify(assertion) {
      if (assertion.trim() !== 'good') {
        throw new AssertionRefused(code, 'the clock is 99 s behind');
      }
      return caller;
    },
    grant: async ({ kongVersion }) =>
      kongVersion === '3.9.1' ? grant : { status: 404, title: 'No file', detail: 'there is 3.9.1' },
  });

const body = (content: unknown) => Buffer.from(JSON.stringify(content));
const asked = { kongVersion: '3.9.1' };

describe('a grant by assertion', () => {
  it('is that of any data plane, and names its caller', async () => {
    const answered = await answering()(body({ assertion: 'good', more: 'than we know' }), asked);

    expect(answered).toEqual({ answer: grant, caller });
  });

  it('is none for a version without a file, and names its caller', async () => {
    const answered = await answering()(body({ assertion: 'good' }), { kongVersion: '3.8.0' });

    expect(answered).toEqual({ answer: expect.objectContaining({ status: 404 }), caller });
  });

  it.each(['malformed', 'untrusted', 'signature', 'purpose'] as const)(
    'refused as %s tells the sender nothing more, and the log why',
    async (code) => {
      const { answer, refusal } = await answering(code)(body({ assertion: 'bad' }), asked);

      expect(answer).toMatchObject({ status: 401, detail: expect.not.stringContaining('99 s') });
      expect(refusal).toContain('99 s');
    },
  );

  it('refused for its time tells the sender by how much', async () => {
    const { answer } = await answering('time')(body({ assertion: 'bad' }), asked);

    expect(answer).toMatchObject({ status: 401, detail: expect.stringContaining('99 s behind') });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('assertion=good')],
    ['no UTF-8', Buffer.from([0xff, 0xfe])],
    ['null', body(null)],
    ['a list', body(['good'])],
    ['no assertion', body({})],
    ['an assertion that is no text', body({ assertion: { good: true } })],
  ])('is a bad request with %s', async (_, content) => {
    const { answer } = await answering()(content, asked);

    expect(answer).toMatchObject({ status: 400, detail: expect.stringContaining('{"assertion"') });
  });

  it.each([
    [maxAssertionBodyBytes, undefined],
    [maxAssertionBodyBytes + 1, 413],
  ])('with a body of %d bytes: %s', async (size, status) => {
    const content = body({ assertion: 'good' });
    const padded = Buffer.concat([content, Buffer.alloc(size - content.length, ' ')]);

    const { answer } = await answering()(padded, asked);

    expect('status' in answer ? answer.status : undefined).toBe(status);
  });

  it('that fails for a reason of ours is no refusal', async () => {
    const broken = grantsByAssertion({
      verify: async () => {
        throw new TypeError('a defect');
      },
      grant: async () => grant,
    });

    await expect(broken(body({ assertion: 'good' }), asked)).rejects.toThrow('a defect');
  });
});
