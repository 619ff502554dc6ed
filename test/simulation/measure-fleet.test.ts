import { describe, expect, it } from '@jest/globals';
import { type MeasuredFleet, measureFleet } from '../../simulation/measure-fleet.ts';

const fleet: MeasuredFleet = { version: '3.9.1', size: 12, perSecond: 1, burst: 2 };
const measure = (plan: Partial<MeasuredFleet>, seed = 1) => measureFleet({ ...fleet, ...plan }, seed);

describe('a measured fleet', () => {
  it('has its files, with as many refusals as its throttle makes, and the same figures with the same seed', async () => {
    const [one, same] = [await measure({}), await measure({})];

    expect(one).toMatchObject({ loaded: 12, violations: 0 });
    expect(one.refusals).toBeGreaterThan(0);
    expect(one.requests).toBe(12 + one.refusals);
    expect(one.mostRefusalsOfANode).toBeGreaterThanOrEqual(one.refusalsPerNode);
    // Two at once, then one a second.
    expect(one.lastSeconds).toBeGreaterThan(10);
    expect(same).toEqual(one);
  });

  it('is refused where the function has no room, behind a throttle that nobody notices', async () => {
    const wide = { perSecond: 1_000, burst: 1_000 };
    const room = { coldMs: 3_000, warmMs: 20 };

    const narrow = await measure({ ...wide, room: { ...room, executions: 1 } });
    const roomy = await measure({ ...wide, room: { ...room, executions: 12 } });

    expect(narrow.refusals).toBeGreaterThan(0);
    expect(narrow.loaded).toBe(12);
    expect(roomy.refusals).toBe(0);
  });
});
