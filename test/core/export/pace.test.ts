import { describe, expect, it } from '@jest/globals';
import { pace } from '../../../core/export/pace.ts';

const patient = new AbortController().signal;
// Whoever would have to wait fails at once with it.
const impatient = AbortSignal.abort();

/** A pace, and a clock that stands still but for the time that the work takes. */
function paced(minimumIntervalSeconds: number) {
  let nowMs = 1_000_000;
  const { run } = pace(minimumIntervalSeconds, () => new Date(nowMs));
  const advance = (milliseconds: number) => {
    nowMs += milliseconds;
  };
  return {
    advance,
    run: (tookMs = 0, signal = patient) =>
      run(async () => {
        advance(tookMs);
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
    const { run, advance, startsAtOnce } = paced(5);
    await run(tookMs);
    advance(sinceStartMs - tookMs);

    await expect(startsAtOnce()).resolves.toBe(expected);
  });

  it('counts an export that failed', async () => {
    const { run } = pace(5, () => new Date(0));
    await expect(run(() => Promise.reject(new Error('failed')), patient)).rejects.toThrow('failed');

    await expect(run(async () => 'done', impatient)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('waits for as long as is left', async () => {
    const { run } = pace(0.1, () => new Date());
    const starts: number[] = [];
    const work = async () => {
      starts.push(performance.now());
    };

    await run(work, patient);
    await run(work, patient);

    const [first = 0, second = 0] = starts;
    // Date counts whole milliseconds.
    expect(second - first).toBeGreaterThanOrEqual(98);
  });

  it('stops waiting with the signal', async () => {
    const { run } = paced(5);
    await run();

    await expect(run(0, AbortSignal.timeout(20))).rejects.toMatchObject({ name: 'AbortError' });
  });
});
