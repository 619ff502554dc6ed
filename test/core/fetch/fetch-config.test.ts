import { describe, expect, it } from '@jest/globals';
import type { FileSource } from '../../../core/fetch/download.ts';
import { StandbyError, type StandbyErrorCode } from '../../../core/fetch/errors.ts';
import {
  type FetchPace,
  type FetchParts,
  fetchConfig as fetchAtPace,
} from '../../../core/fetch/fetch-config.ts';
import type { GrantSource } from '../../../core/fetch/grant-source.ts';
import { manifestOf } from '../../cli/published-file.ts';
import { skippingClock } from '../manual-clock.ts';
import { MemoryVault } from './memory-vault.ts';

function vaultThatFails(code: StandbyErrorCode): MemoryVault {
  const vault = new MemoryVault();
  vault.grantFailure = code;
  return vault;
}

function fetchConfig(parts: Pick<FetchParts, 'grants' | 'files'>, pace: Partial<FetchPace> = {}) {
  const clock = skippingClock(new Date('2026-11-23T00:00:00.000Z'));
  return fetchAtPace(
    { ...parts, clock, random: { next: () => 0.5 } },
    { spreadMs: 0, patienceMs: 60_000, onThrottled: () => undefined, ...pace },
  );
}

describe('fetching a file', () => {
  it('takes the first endpoint that gives one', async () => {
    const vault = new MemoryVault();

    const fetched = await fetchConfig({
      grants: [vaultThatFails('unreachable'), vault, vaultThatFails('denied')],
      files: vault,
    });

    expect(fetched).toMatchObject({ manifest: manifestOf(), currency: { verifiedAt: expect.any(Date) } });
  });

  it('takes an older file, with a warning, from an endpoint after the first alone', async () => {
    const lagging = new MemoryVault();
    lagging.notedRevision += 1;

    const refused = fetchConfig({ grants: [lagging], files: lagging });
    const fetched = await fetchConfig({ grants: [vaultThatFails('unreachable'), lagging], files: lagging });

    await expect(refused).rejects.toMatchObject({ code: 'outdated' });
    expect(fetched.currency).toEqual({ warning: expect.stringContaining('this copy is behind') });
  });

  it('takes no copy of an old file that was refused at the first endpoint', async () => {
    const old = new MemoryVault();
    old.notedRevision += 1;

    await expect(fetchConfig({ grants: [old, old], files: old })).rejects.toMatchObject({ code: 'outdated' });
  });

  it('fails with the code of the last endpoint, and the messages of all', async () => {
    const fetching = fetchConfig({
      grants: [vaultThatFails('unreachable'), vaultThatFails('no-file')],
      files: new MemoryVault(),
    });

    await expect(fetching).rejects.toThrow('fails with unreachable; then fails with no-file');
    await expect(fetching).rejects.toMatchObject({ code: 'no-file' });
  });

  it('asks no other endpoint when the file cannot be written', async () => {
    const another = new MemoryVault();
    let grantCount = 0;
    const counting = {
      requestGrant: (versionId: string | undefined) => {
        grantCount += 1;
        return another.requestGrant(versionId);
      },
    };
    const files: FileSource = {
      async download() {
        throw new StandbyError('output', 'no space is left');
      },
    };

    await expect(fetchConfig({ grants: [counting, counting], files })).rejects.toMatchObject({
      code: 'output',
    });
    expect(grantCount).toBe(1);
  });

  it('needs an endpoint', async () => {
    const fetching = fetchConfig({ grants: [], files: new MemoryVault() });

    await expect(fetching).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('passes on what is no failure of a data plane', async () => {
    const broken = {
      requestGrant: async () => {
        throw new TypeError('a defect');
      },
    };

    await expect(fetchConfig({ grants: [broken], files: new MemoryVault() })).rejects.toThrow(TypeError);
  });
});

describe('fetching a file where too many ask', () => {
  /** Answers so many requests with what an API Gateway says that throttles. */
  function throttled(times: number, retryAfterMs: number, vault = new MemoryVault()) {
    const asked: number[] = [];
    const source: GrantSource = {
      requestGrant: async (versionId, signal) => {
        asked.push(clock.monotonicMs());
        if (asked.length <= times) {
          throw new StandbyError('unreachable', 'answered 429', { throttling: { retryAfterMs } });
        }
        return vault.requestGrant(versionId, signal);
      },
    };
    const clock = skippingClock(new Date('2026-11-23T00:00:00.000Z'));
    const pauses: number[] = [];
    const fetching = (pace: Partial<FetchPace> = {}, grants: readonly GrantSource[] = [source]) =>
      fetchAtPace(
        { grants, files: vault, clock, random: { next: () => 0.5 } },
        {
          spreadMs: 0,
          patienceMs: 60_000,
          onThrottled: (_error, pauseMs) => pauses.push(pauseMs),
          ...pace,
        },
      );
    return { asked, pauses, source, fetching };
  }

  it('asks again, at growing intervals', async () => {
    const { asked, pauses, fetching } = throttled(3, 0);

    const fetched = await fetching();

    expect(fetched.manifest).toEqual(manifestOf());
    expect(pauses).toEqual([1_000, 2_000, 4_000]);
    expect(asked).toEqual([0, 1_000, 3_000, 7_000]);
  });

  it('never asks again before the time that it was told', async () => {
    const { asked, fetching } = throttled(2, 5_000);

    await fetching();

    expect(asked).toEqual([0, 6_000, 13_000]);
  });

  it.each([
    ['has', 58_999, 1],
    // With the half of two seconds that are its own.
    ['has not', 59_000, 0],
  ])('asks again where it %s the time', async (_what, retryAfterMs, more) => {
    const { asked, fetching } = throttled(1, retryAfterMs);

    await fetching().catch(() => undefined);

    expect(asked).toHaveLength(1 + more);
  });

  it('says that it was throttled when the time is up, with the code for what did not answer', async () => {
    const { asked, fetching } = throttled(100, 0);

    const failure = await fetching().catch((error: unknown) => error);

    expect(failure).toMatchObject({
      code: 'unreachable',
      message:
        'answered 429. It was asked 7 times, and to ask again in 15 s would be too late: give a longer --timeout',
    });
    expect(asked).toEqual([0, 1_000, 3_000, 7_000, 15_000, 30_000, 45_000]);
  });

  it('asks all again where one of several is throttled, whatever the last one says', async () => {
    const { asked, source, fetching } = throttled(1, 0);

    const fetched = await fetching({}, [source, vaultThatFails('no-file')]);

    expect(fetched.manifest).toEqual(manifestOf());
    expect(asked).toHaveLength(2);
  });

  it('asks again where the vault throttles', async () => {
    const vault = new MemoryVault();
    let downloads = 0;
    const files: FileSource = {
      download: async (...parameters) => {
        downloads += 1;
        if (downloads === 1) {
          throw new StandbyError('unreachable', 'SlowDown', { throttling: { retryAfterMs: 0 } });
        }
        return vault.download(...parameters);
      },
    };

    const fetched = await fetchConfig({ grants: [vault], files });

    expect(fetched.manifest).toEqual(manifestOf());
    expect(downloads).toBe(2);
  });

  it('does not ask again for a file that it cannot write', async () => {
    const { asked, source } = throttled(1, 0);
    const files: FileSource = {
      async download() {
        throw new StandbyError('output', 'no space is left');
      },
    };

    const fetching = fetchConfig({ grants: [source, new MemoryVault()], files });

    await expect(fetching).rejects.toMatchObject({ code: 'output' });
    expect(asked).toHaveLength(1);
  });

  it('waits by chance before the first request, which takes nothing from the time for others', async () => {
    const { asked, fetching } = throttled(1, 58_999);

    await fetching({ spreadMs: 3_000 });

    expect(asked).toEqual([1_500, 1_500 + 59_999]);
  });
});
