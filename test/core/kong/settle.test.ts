import { describe, expect, it } from '@jest/globals';
import { type SettleDecision, settle } from '../../../core/kong/settle.ts';

const policy = { settleSeconds: 7, clockToleranceSeconds: 2 };
const changed = Date.UTC(2026, 10, 23, 4);
const at = (milliseconds: number) => new Date(changed + milliseconds);
const hashOf = (letter: string) => letter.repeat(32);

interface Moment {
  /** Milliseconds after the change, like `builtAt`. */
  readonly now: number;
  readonly isChange?: boolean;
  readonly builtAt?: number;
  readonly entities?: number;
  readonly hasTimestamp?: boolean;
  /** Of the change, where somebody has seen it; frames have `f`. */
  readonly hash?: string;
}

const decide = ({ now, isChange = true, builtAt, entities = 0, hasTimestamp = true, hash }: Moment) =>
  settle(policy, {
    now: at(now),
    ...(isChange ? { changedAt: at(0) } : {}),
    ...(hash === undefined ? {} : { configHash: hashOf(hash) }),
    ...(builtAt === undefined
      ? {}
      : {
          frame: {
            builtAt: at(builtAt),
            hasTimestamp,
            configHash: hashOf('f'),
            // Of several types, which are counted together.
            entities: { services: Math.floor(entities / 2), routes: Math.ceil(entities / 2) },
          },
        }),
  });

describe('staying for a frame', () => {
  it.each<[title: string, moment: Moment, expected: SettleDecision]>([
    ['nothing came yet', { now: 0 }, 'wait for a frame'],
    ['nothing came and the settle time is over', { now: 60_000 }, 'wait for a frame'],
    ['nothing came and no change is known', { now: 0, isChange: false }, 'wait for a frame'],
    ['no change is known', { now: 0, isChange: false, builtAt: -3_600_000 }, 'take'],
    ['the frame is newer by the tolerance', { now: 0, builtAt: 2_000 }, { waitMs: 7_000 }],
    ['the frame is newer by more', { now: 0, builtAt: 2_001 }, 'take'],
    ['the frame is older', { now: 1_000, builtAt: -1 }, { waitMs: 6_000 }],
    ['a millisecond of the settle time is left', { now: 6_999, builtAt: -1 }, { waitMs: 1 }],
    ['the settle time is over', { now: 7_000, builtAt: -1 }, 'take'],
    ['the change is long ago', { now: 3_600_000, builtAt: -1 }, 'take'],
  ])('%s', (_, moment, expected) => {
    expect(decide(moment)).toEqual(expected);
  });

  it.each<[title: string, moment: Moment, expected: SettleDecision]>([
    ['newer by the tolerance and the export', { now: 0, builtAt: 3_000 }, { waitMs: 8_000 }],
    ['newer by a millisecond more', { now: 0, builtAt: 3_001 }, 'take'],
    ['older, with a millisecond of the time left', { now: 7_999, builtAt: -1 }, { waitMs: 1 }],
    ['older, when the time is over', { now: 8_000, builtAt: -1 }, 'take'],
  ])('of 30,000 entities that is %s', (_, moment, expected) => {
    expect(decide({ ...moment, entities: 30_000 })).toEqual(expected);
  });

  it.each([
    [15_000, 7_500],
    [15_001, 7_501],
    [300_000, 17_000],
  ])('of %d entities takes at most %d ms', (entities, waitMs) => {
    expect(decide({ now: 0, builtAt: -1, entities })).toEqual({ waitMs });
  });

  it.each<[title: string, moment: Moment, expected: SettleDecision]>([
    ['newer, as every one is when it comes', { now: 6_999, builtAt: 6_999 }, { waitMs: 1 }],
    ['there when the settle time is over', { now: 7_000, builtAt: 1 }, 'take'],
    ['there and no change is known', { now: 0, builtAt: 0, isChange: false }, 'take'],
  ])('without a time of its own that is %s', (_, moment, expected) => {
    expect(decide({ ...moment, hasTimestamp: false })).toEqual(expected);
  });

  it.each<[title: string, moment: Moment, expected: SettleDecision]>([
    ['is the frame’s, however old it is', { now: 0, builtAt: -3_600_000, hash: 'f' }, 'take'],
    ['is the frame’s, which has no time', { now: 0, builtAt: 0, hash: 'f', hasTimestamp: false }, 'take'],
    ['never comes, until a frame is newer', { now: 3_000, builtAt: 2_000, hash: 'a' }, { waitMs: 4_000 }],
    ['never comes, when a frame is newer', { now: 3_000, builtAt: 2_001, hash: 'a' }, 'take'],
    ['never comes, when the settle time is over', { now: 7_000, builtAt: -1, hash: 'a' }, 'take'],
  ])('for a change whose hash %s', (_, moment, expected) => {
    expect(decide(moment)).toEqual(expected);
  });
});
