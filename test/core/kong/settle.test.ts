import { describe, expect, it } from '@jest/globals';
import { type SettleDecision, settle } from '../../../core/kong/settle.ts';

const policy = { settleSeconds: 7, clockToleranceSeconds: 2 };
const changed = Date.UTC(2026, 10, 23, 4);
const at = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : new Date(changed + milliseconds);

describe('staying for a frame', () => {
  it.each<
    [title: string, moment: { now: number; changedAt?: number; builtAt?: number }, expected: SettleDecision]
  >([
    ['nothing came yet', { now: 0, changedAt: 0 }, 'wait for a frame'],
    ['nothing came and the settle time is over', { now: 60_000, changedAt: 0 }, 'wait for a frame'],
    ['nothing came and no change is known', { now: 0 }, 'wait for a frame'],
    ['no change is known', { now: 0, builtAt: -3_600_000 }, 'take'],
    ['the frame is newer by the tolerance', { now: 0, changedAt: 0, builtAt: 2_000 }, { waitMs: 7_000 }],
    ['the frame is newer by more', { now: 0, changedAt: 0, builtAt: 2_001 }, 'take'],
    ['the frame is older', { now: 1_000, changedAt: 0, builtAt: -1 }, { waitMs: 6_000 }],
    ['a millisecond of the settle time is left', { now: 6_999, changedAt: 0, builtAt: -1 }, { waitMs: 1 }],
    ['the settle time is over', { now: 7_000, changedAt: 0, builtAt: -1 }, 'take'],
    ['the change is long ago', { now: 3_600_000, changedAt: 0, builtAt: -1 }, 'take'],
  ])('%s', (_, { now, changedAt, builtAt }, expected) => {
    const moment = { now: new Date(changed + now), changedAt: at(changedAt), builtAt: at(builtAt) };

    const decision = settle(policy, moment);

    expect(decision).toEqual(expected);
  });
});
