import { expect, it } from '@jest/globals';
import { waitWhileMoving } from '../../../local/rehearsal/progress.ts';
import { skippingClock } from '../../core/manual-clock.ts';

const startedAt = new Date('2026-11-28T02:00:00Z');

/** @param seconds when it is there; each of `steps` is when a step is made */
async function wait(seconds: number, steps: readonly number[], failsAt = Number.POSITIVE_INFINITY) {
  const clock = skippingClock(startedAt);
  const passed = () => clock.monotonicMs() / 1000;
  const found = await waitWhileMoving(
    {
      look: async () => (passed() >= seconds ? 'there' : undefined),
      countSteps: () => steps.filter((at) => at <= passed()).length,
      hasFailed: () => passed() >= failsAt,
    },
    clock,
  );
  return { found, seconds: Math.round(passed()) };
}

it.each([
  ['what comes in time', wait(29, []), { found: 'there', seconds: 29 }],
  ['nothing for more than half a minute without a step', wait(31, []), { found: undefined, seconds: 30 }],
  ['what comes late while there are steps', wait(70, [25, 50]), { found: 'there', seconds: 70 }],
  ['nothing once the steps have ended', wait(90, [25, 50]), { found: undefined, seconds: 80 }],
  ['nothing that has failed', wait(29, [5], 10), { found: undefined, seconds: 10 }],
])('waits for %s', async (_what, waited, expected) => {
  expect(await waited).toEqual(expected);
});
