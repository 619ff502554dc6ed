import { describe, expect, it } from '@jest/globals';
import { StandbyError, type StandbyErrorCode } from '../../../core/fetch/errors.ts';
import { type FirstGrant, requestFirstGrant } from '../../../core/fetch/first-grant.ts';
import type { GrantSource } from '../../../core/fetch/grant-source.ts';
import { manualClock } from '../manual-clock.ts';
import { MemoryVault } from './memory-vault.ts';

type Behaviour = { readonly afterMs: number; readonly says: 'grant' | StandbyErrorCode | 'defect' };

/** Endpoints that each answer after a time, and what became of it. */
function ask(behaviours: readonly Behaviour[], endpoints = [...behaviours.keys()]) {
  const clock = manualClock(new Date('2026-11-27T12:00:00.000Z'));
  const ending = new AbortController();
  const events: string[] = [];
  const note = (event: string) => events.push(`${clock.monotonicMs()} ${event}`);
  const sources = behaviours.map(
    ({ afterMs, says }, endpoint): GrantSource => ({
      async requestGrant(versionId, signal) {
        note(`asked ${endpoint}`);
        await clock.sleep(afterMs, signal).catch((error: unknown) => {
          note(`aborted ${endpoint}`);
          throw new StandbyError('unreachable', 'aborted', { cause: signal?.reason ?? error });
        });
        if (says === 'defect') {
          throw new TypeError('a defect');
        }
        if (says !== 'grant') {
          throw new StandbyError(says, `${endpoint} says ${says}`);
        }
        return new MemoryVault().requestGrant(versionId);
      },
    }),
  );
  let outcome: FirstGrant | undefined;
  const onSilence = () => note('silence');
  const asking = requestFirstGrant(sources, { endpoints, clock, onSilence, signal: ending.signal });
  const asked = asking.then(
    (first) => {
      outcome = first;
      const failed = first.failures.map(({ endpoint, error }) => `${endpoint} ${error.code}`).join(', ');
      note(`granted by ${first.granted?.endpoint ?? 'nobody'}${failed === '' ? '' : `, failed: ${failed}`}`);
    },
    (error: unknown) => note(String(error)),
  );
  return { clock, ending, events, asked, outcome: () => outcome };
}

const day = 86_400_000;

describe('the first grant of several endpoints', () => {
  it.each<readonly [string, readonly Behaviour[], readonly string[]]>([
    [
      'is that of the first one where it answers in time',
      [
        { afterMs: 1_999, says: 'grant' },
        { afterMs: 0, says: 'grant' },
      ],
      ['0 asked 0', '1999 granted by 0'],
    ],
    [
      'is that of the second one where the first is silent, and its request is aborted',
      [
        { afterMs: day, says: 'grant' },
        { afterMs: 100, says: 'grant' },
      ],
      ['0 asked 0', '2000 silence', '2000 asked 1', '2100 granted by 1', '2100 aborted 0'],
    ],
    [
      'is that of the first one where that is quicker after all',
      [
        { afterMs: 2_500, says: 'grant' },
        { afterMs: 1_000, says: 'grant' },
      ],
      ['0 asked 0', '2000 silence', '2000 asked 1', '2500 granted by 0', '2500 aborted 1'],
    ],
    [
      'is waited for where the second one refuses',
      [
        { afterMs: 5_000, says: 'grant' },
        { afterMs: 100, says: 'denied' },
      ],
      ['0 asked 0', '2000 silence', '2000 asked 1', '5000 granted by 0, failed: 1 denied'],
    ],
    [
      'is that of the next one at once where one refuses',
      [
        { afterMs: 100, says: 'no-file' },
        { afterMs: 100, says: 'grant' },
      ],
      ['0 asked 0', '100 asked 1', '200 granted by 1, failed: 0 no-file'],
    ],
    [
      'is asked of each where all are silent, two seconds apart',
      [
        { afterMs: 10_000, says: 'unreachable' },
        { afterMs: 10_000, says: 'denied' },
        { afterMs: 10_000, says: 'grant' },
      ],
      [
        ...['0 asked 0', '2000 silence', '2000 asked 1', '4000 silence', '4000 asked 2'],
        '14000 granted by 2, failed: 0 unreachable, 1 denied',
      ],
    ],
    [
      'is asked of the next one at once where one of two refuses',
      [
        { afterMs: day, says: 'grant' },
        { afterMs: 100, says: 'denied' },
        { afterMs: 100, says: 'grant' },
      ],
      [
        ...['0 asked 0', '2000 silence', '2000 asked 1', '2100 asked 2'],
        ...['2200 granted by 2, failed: 1 denied', '2200 aborted 0'],
      ],
    ],
    [
      'is nobody’s where all refuse, and all are named',
      [
        { afterMs: 3_000, says: 'denied' },
        { afterMs: 100, says: 'no-file' },
      ],
      ['0 asked 0', '2000 silence', '2000 asked 1', '3000 granted by nobody, failed: 1 no-file, 0 denied'],
    ],
  ])('%s', async (_what, behaviours, expected) => {
    const { clock, events, asked } = ask(behaviours);

    await clock.advance(20_000);
    await asked;

    expect([...events].sort()).toEqual([...expected].sort());
    expect(clock.pendingCount()).toBe(0);
  });

  it('is asked of those alone that are named, in their order', async () => {
    const grant = { afterMs: 0, says: 'grant' } as const;
    const { clock, events, asked } = ask([grant, grant, { afterMs: 0, says: 'denied' }], [2, 1]);

    await clock.advance(20_000);
    await asked;

    expect(events).toEqual(['0 asked 2', '0 asked 1', '0 granted by 1, failed: 2 denied']);
  });

  it('passes on what is no failure of an endpoint, and aborts the others', async () => {
    const { clock, events, asked } = ask([
      { afterMs: day, says: 'grant' },
      { afterMs: 0, says: 'defect' },
    ]);

    await clock.advance(20_000);
    await asked;

    expect(events).toContain('2000 TypeError: a defect');
    expect(events).toContain('2000 aborted 0');
  });

  it.each([
    ['before the second is asked', 1_000],
    ['while both are silent', 3_000],
  ])('ends with a signal, %s', async (_when, atMs) => {
    const { clock, ending, events, asked } = ask([
      { afterMs: day, says: 'grant' },
      { afterMs: day, says: 'grant' },
    ]);

    await clock.advance(atMs);
    ending.abort();
    await asked;

    expect(events.at(-1)).toBe(`${atMs} StandbyError: aborted`);
    expect(clock.pendingCount()).toBe(0);
  });
});
