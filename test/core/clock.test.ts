import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { clockContract } from './clock-contract.ts';
import { manualClock } from './manual-clock.ts';

const run = promisify(execFile);

clockContract('that of the machine', () => ({
  clock: systemClock,
  pass: (milliseconds) => systemClock.sleep(milliseconds),
}));

clockContract('one that a test moves', () => {
  const clock = manualClock(new Date('2026-11-23T04:10:00Z'));
  return { clock, pass: (milliseconds) => clock.advance(milliseconds) };
});

describe('a deadline', () => {
  it.each([
    ['its time', () => systemClock.deadline(20, new AbortController().signal), 'TimeoutError'],
    ['its time alone', () => systemClock.deadline(20), 'TimeoutError'],
    ['a signal that comes', () => systemClock.deadline(600_000, AbortSignal.timeout(20)), 'TimeoutError'],
    [
      'a signal that came before',
      () => systemClock.deadline(600_000, AbortSignal.abort({ name: 'enough' })),
      'enough',
    ],
  ])('is %s', async (_what, start, name) => {
    const signal = start();
    // The timers of signals keep no process alive.
    const alive = setInterval(() => undefined, 1_000);

    await (signal.aborted ? undefined : once(signal, 'abort'));

    clearInterval(alive);
    expect(signal).toMatchObject({ aborted: true, reason: { name } });
  });

  it('leaves nothing behind in a signal that lives as long as the process', async () => {
    // A process of its own, whose heap nobody else uses meanwhile.
    const script = `
      import { systemClock } from './core/clock.ts';
      const { signal } = new AbortController();
      const heapBytes = () => (gc(), process.memoryUsage().heapUsed);
      const before = heapBytes();
      // The timers of signals keep no process alive.
      const alive = setInterval(() => undefined, 1_000);
      let open = 20_000;
      const ended = new Promise((resolve) => {
        for (let question = 0; question < 20_000; question += 1) {
          systemClock.deadline(10, signal).addEventListener('abort', () => (open -= 1) === 0 && resolve());
        }
      });
      await ended;
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.stdout.write(String(heapBytes() - before));
      clearInterval(alive);
    `;

    const { stdout } = await run(process.execPath, [
      ...['--expose-gc', '--import', 'tsx'],
      ...['--input-type=module', '--eval', script],
    ]);

    // 40 MB and more with AbortSignal.any.
    expect(Number(stdout)).toBeLessThan(10_000_000);
  });
});
