import { describe, expect, it } from '@jest/globals';
import { exportPace } from '../../../core/export/pace.ts';
import { manualClock } from '../manual-clock.ts';

const patient = new AbortController().signal;
// Whoever would have to wait fails at once with it.
const impatient = AbortSignal.abort();

/** A pace, and a clock that stands still but for the time that the work takes. */
function paced(minimumIntervalSeconds: number) {
  const clock = manualClock(new Date('2026-11-23T04:00:00Z'));
  const { run } = exportPace(minimumIntervalSeconds, clock);
  return {
    clock,
    run: (tookMs = 0, signal = patient) =>
      run(async () => {
        await clock.advance(tookMs);
        return 'done';
      }, signal),
    /** Whether the next export would start at once. */
    startsAtOnce: () =>
      run(async () => true, impatient).catch((error: Error) => {
        expect(error.name).toBe('AbortError');
        return false;
      }),
  };
}

describe('the pace of exports', () => {
  it('lets the first one start at once', async () => {
    await expect(paced(5).startsAtOnce()).resolves.toBe(true);
  });

  it.each([
    ['an export that took no time', 0, 4_999, false],
    ['an export that took no time', 0, 5_000, true],
    ['an export as long as half the interval', 2_500, 4_999, false],
    ['an export as long as half the interval', 2_500, 5_000, true],
    ['an export of 4 s', 4_000, 7_999, false],
    ['an export of 4 s', 4_000, 8_000, true],
  ])('after %s of %d ms, %d ms after its start: at once %s', async (_, tookMs, sinceStartMs, expected) => {
    const { run, clock, startsAtOnce } = paced(5);
    await run(tookMs);
    await clock.advance(sinceStartMs - tookMs);

    await expect(startsAtOnce()).resolves.toBe(expected);
  });

  it('counts an export that failed', async () => {
    const { run } = exportPace(5, manualClock(new Date(0)));
    await expect(run(() => Promise.reject(new Error('failed')), patient)).rejects.toThrow('failed');

    await expect(run(async () => 'done', impatient)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([
    ['for as long as is left', 5, 5_000],
    ['at most half a minute', 3_600, 30_000],
  ])('waits %s', async (_, minimumIntervalSeconds, waitMs) => {
    const { run, clock } = paced(minimumIntervalSeconds);
    await run();
    let isDone = false;
    const second = run().then(() => {
      isDone = true;
    });

    await clock.advance(waitMs - 1);
    const wasDone = isDone;
    await clock.advance(1);
    await second;

    expect(wasDone).toBe(false);
  });

  it('stops waiting with the signal', async () => {
    const { run, clock } = paced(5);
    const deadline = new AbortController();
    await run();

    const second = run(0, deadline.signal);
    deadline.abort();

    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    expect(clock.pendingCount()).toBe(0);
  });
});
