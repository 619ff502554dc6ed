import { describe, expect, it } from '@jest/globals';
import { endpointGrantSource, type GrantEndpoint } from '../../../core/fetch/grant-source.ts';
import { countingRandom } from '../counting-random.ts';
import { manualClock } from '../manual-clock.ts';

const silent: GrantEndpoint = {
  endpoint: new URL('https://api.example/'),
  authenticate: () => new Promise(() => undefined),
};

function silentSource() {
  const clock = manualClock(new Date('2026-11-23T00:00:00.000Z'));
  const settings = { controlPlane: 'prod', kongVersion: '3.9.1', timeoutMs: 10_000, clock };
  return { clock, source: endpointGrantSource(silent, { ...settings, random: countingRandom() }) };
}

describe('credentials that do not come', () => {
  it.each([
    ['9,999 ms', 9_999, 'waits'],
    ['10,000 ms', 10_000, 'denied'],
  ])('after %s: %s', async (_time, milliseconds, expected) => {
    const { clock, source } = silentSource();
    let outcome = 'waits';
    let message = '';
    const ended = source.requestGrant(undefined).catch((error: { code: string; message: string }) => {
      outcome = error.code;
      message = error.message;
    });

    await clock.advance(milliseconds);

    expect(outcome).toBe(expected);
    await clock.advance(10_000);
    await ended;
    expect(message).toContain('no AWS credentials were received within 10 s');
  });

  it('do not hold up the end by a signal, whose reason is the cause', async () => {
    const { source } = silentSource();
    const ending = new AbortController();
    const requesting = source.requestGrant(undefined, ending.signal);

    ending.abort();

    await expect(requesting).rejects.toMatchObject({ code: 'denied', cause: ending.signal.reason });
  });
});
