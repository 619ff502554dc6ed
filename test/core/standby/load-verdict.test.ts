import { describe, expect, it } from '@jest/globals';
import { judgeLoad, type LoadVerdict } from '../../../core/standby/load-verdict.ts';
import type { ProcessLook, ProcessState } from '../../../core/standby/seed-ports.ts';

const pollMs = 250;
const patience = { timeoutMs: 60_000, restMs: 2_000 };

const resting = (id: string, cpuMs: number): ProcessState => ({ id, cpuMs, isBusy: false });
const busy = (id: string, cpuMs: number): ProcessState => ({ id, cpuMs, isBusy: true });
const old = resting('old worker', 700);
const before: ProcessLook = { master: resting('master', 1_000), children: [old] };

/** Looks every 250 ms at what is there after so many milliseconds, until something is said. */
function watch(
  lookAt: (ms: number) => ProcessLook,
  { from = before, untilMs = 600_000 }: { readonly from?: ProcessLook; readonly untilMs?: number } = {},
): readonly [LoadVerdict, number] {
  const judge = judgeLoad(from, 5_000, patience);
  for (let ms = 0; ms <= untilMs; ms += pollMs) {
    const verdict = judge(lookAt(ms), 5_000 + ms);
    if (verdict !== 'loading') {
      return [verdict, ms];
    }
  }
  return ['loading', untilMs];
}

/** Works for so long with all of a processor. */
const masterFor = (ms: number, workMs: number) =>
  ms < workMs ? busy('master', 1_000 + ms) : resting('master', 1_000 + workMs);
const workerFor = (ms: number, fromMs: number, workMs: number) =>
  ms - fromMs < workMs ? busy('new worker', ms - fromMs) : resting('new worker', workMs);

describe('a file that Kong was told to load', () => {
  it.each<readonly [string, number, number]>([
    ['a small one', 400, 2_250],
    ['one that takes half a minute', 30_000, 32_000],
  ])('is refused when the master rests, and its workers are the old ones: %s', (_what, workMs, seenMs) => {
    expect(watch((ms) => ({ master: masterFor(ms, workMs), children: [old] }))).toEqual(['refused', seenMs]);
  });

  it('is waited for as long as the master works', () => {
    expect(watch((ms) => ({ master: masterFor(ms, 1e9), children: [old] }))[0]).toBe('loading');
  });

  it('is waited for as long as new workers work', () => {
    const look = (ms: number): ProcessLook => ({
      master: masterFor(ms, 4_000),
      children: ms < 4_000 ? [old] : [old, workerFor(ms, 4_000, 1e9)],
    });

    expect(watch(look)[0]).toBe('loading');
  });

  it('is waited for on a machine that gives the processor to others', () => {
    // Runs for a moment every ten seconds, and waits for its turn in between.
    const look = (ms: number): ProcessLook => ({
      master: busy('master', 1_000 + Math.floor(ms / 10_000) * 10),
      children: [old],
    });

    expect(watch(look)[0]).toBe('loading');
  });

  it('is waited for while the master was stopped, or has not seen the signal yet', () => {
    expect(watch(() => before, { untilMs: 59_750 })).toEqual(['loading', 59_750]);
    expect(watch(() => before)).toEqual(['timed out', 60_000]);
  });

  it('was not loaded when new workers rest for ten seconds without it', () => {
    const look = (ms: number): ProcessLook => ({
      master: masterFor(ms, 4_000),
      children: ms < 4_000 ? [old] : [workerFor(ms, 4_000, 3_000)],
    });

    // They begin to rest after 7 s.
    expect(watch(look)).toEqual(['refused', 16_000]);
  });

  it('is not taken for refused because an idle worker has timers', () => {
    const look = (ms: number): ProcessLook => ({
      master: masterFor(ms, 400),
      children: [old, { id: 'new worker', cpuMs: ms / 50, isBusy: (ms / pollMs) % 8 === 0 }],
    });

    expect(watch(look)[0]).toBe('refused');
  });

  it('is not judged by a worker that was there before', () => {
    const look = (ms: number): ProcessLook => ({
      master: masterFor(ms, 400),
      children: [busy('old worker', 700 + ms)],
    });

    expect(watch(look)).toEqual(['refused', 2_250]);
  });

  it('is gone with its master', () => {
    expect(watch((ms) => (ms < 1_000 ? before : 'gone'))).toEqual(['gone', 1_000]);
    expect(watch((ms) => (ms < 1_000 ? 'unseen' : 'gone'), { from: 'unseen' })).toEqual(['gone', 1_000]);
  });

  it('has its time where processes cannot be seen', () => {
    expect(watch(() => 'unseen', { from: 'unseen' })).toEqual(['timed out', 60_000]);
    expect(watch(() => 'unseen')).toEqual(['timed out', 60_000]);
  });
});
