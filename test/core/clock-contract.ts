import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '../../core/clock.ts';

export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets so much of its time pass, or somewhat more, and whoever waits go on. */
  pass(milliseconds: number): Promise<void>;
  /** @default nothing is to be ended */
  stop?(): void;
}

/** Longer than any test takes. */
const longMs = 600_000;

/** What every `Clock` does. */
export function clockContract(title: string, open: () => ClockUnderTest): void {
  describe(`${title} as a clock`, () => {
    let world: ClockUnderTest;
    beforeEach(() => {
      world = open();
    });
    afterEach(() => world.stop?.());

    it('shows the time that passes, also as a duration', async () => {
      const { clock } = world;
      const [shownMs, measuredMs] = [clock.now().getTime(), clock.monotonicMs()];

      await world.pass(200);

      // Machines count whole milliseconds in one of the two.
      expect(clock.now().getTime() - shownMs).toBeGreaterThanOrEqual(198);
      expect(clock.monotonicMs() - measuredMs).toBeGreaterThanOrEqual(198);
    });

    it('wakes sleepers when their time has come, in its order, and lets the others sleep', async () => {
      const { clock } = world;
      const woken: string[] = [];
      const getUp = new AbortController();
      void clock.sleep(200).then(() => woken.push('second'));
      void clock.sleep(50).then(() => woken.push('first'));
      const last = clock.sleep(longMs, getUp.signal).then(() => woken.push('last'));

      await world.pass(400);

      expect(woken).toEqual(['first', 'second']);
      getUp.abort();
      await expect(last).rejects.toThrow();
    });

    it.each([
      ['while it lasts', false],
      ['before it began', true],
    ])('ends a sleep with a signal that comes %s', async (_when, isBefore) => {
      const controller = new AbortController();
      if (isBefore) {
        controller.abort();
      }
      const sleeping = world.clock.sleep(longMs, controller.signal);
      controller.abort();

      await expect(sleeping).rejects.toMatchObject({ name: 'AbortError' });
    });

    it('ends a deadline when its time has come, and says so', async () => {
      const { clock } = world;
      const [soon, withSignal, later] = [
        clock.deadline(50),
        clock.deadline(50.5, new AbortController().signal),
        clock.deadline(longMs),
      ];

      expect(soon.aborted).toBe(false);
      await world.pass(400);

      expect(soon.reason).toMatchObject({ name: 'TimeoutError' });
      expect(withSignal.reason).toMatchObject({ name: 'TimeoutError' });
      expect(later.aborted).toBe(false);
    });

    it.each([
      ['while it lasts', false],
      ['before it began', true],
    ])('ends a deadline with a signal that comes %s, and with its reason', (_when, isBefore) => {
      const controller = new AbortController();
      const reason = new Error('given up');
      if (isBefore) {
        controller.abort(reason);
      }
      const deadline = world.clock.deadline(longMs, controller.signal);
      controller.abort(reason);

      expect(deadline.aborted).toBe(true);
      expect(deadline.reason).toBe(reason);
    });
  });
}
