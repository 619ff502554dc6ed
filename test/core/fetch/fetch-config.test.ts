import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { fetchConfig, type GrantSource, requestGrantFrom } from '../../../core/fetch/fetch-config.ts';
import { systemRandom } from '../../../core/random-source.ts';

const asked = {
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  clock: systemClock,
  random: systemRandom,
  timeoutMs: 50,
};
const silent: GrantSource = {
  endpoint: new URL('https://api.example/'),
  authentication: () => new Promise(() => undefined),
};

describe('credentials that do not come', () => {
  it('hold up a grant no longer than its time', async () => {
    const requesting = requestGrantFrom(silent, asked);

    await expect(requesting).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('no AWS credentials came within 0.05 s'),
    });
  });

  it('do not hold up the end', async () => {
    const ending = new AbortController();
    const requesting = requestGrantFrom(silent, { ...asked, timeoutMs: 60_000, signal: ending.signal });

    ending.abort();

    // By its cause whoever ended it knows that it was him.
    await expect(requesting).rejects.toMatchObject({ code: 'denied', cause: ending.signal.reason });
  });

  it('do not keep the next endpoint from being asked', async () => {
    let wasAsked = false;
    const next: GrantSource = {
      endpoint: new URL('https://other.example/'),
      async authentication() {
        wasAsked = true;
        throw new Error('this is as far as the test goes');
      },
    };

    const fetching = fetchConfig({
      ...asked,
      sources: [silent, next],
      trusted: [],
      output: '/nowhere/config.json',
      maxBytes: 1,
    });

    await expect(fetching).rejects.toThrow('this is as far as the test goes');
    expect(wasAsked).toBe(true);
  });
});
