import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countEntities } from '../../../core/vault/manifest.ts';
import {
  type Approval,
  type Baseline,
  defaultGuard,
  isApproved,
  judge,
  type Measure,
  mergeHeld,
} from '../../../core/vault/plausibility.ts';

const identity = { clusterId: 'cluster', defaultWorkspaceId: 'workspace' };
const measure = (entities: Record<string, number>, of: Measure['identity'] = identity): Measure => ({
  entities: countEntities({ workspaces: 1, parameters: 1, ...entities }),
  identity: of,
});

describe('a served configuration is held', () => {
  it.each([
    ['another cluster id', { ...identity, clusterId: 'other' }, 'cluster_id is other, and cluster'],
    [
      'another default workspace',
      { ...identity, defaultWorkspaceId: 'other' },
      'workspace default is other, and workspace',
    ],
  ])('that comes from a database with %s, whatever it holds', (_, other, what) => {
    expect(judge(measure({ services: 3 }), measure({ services: 3 }, other), defaultGuard)).toEqual({
      reason: 'another database',
      what: `${what} in the published file`,
      identity: other,
      losses: {},
      left: {},
    });
  });

  it.each([
    ['half of 10 of a type is gone', 10, 5, false],
    ['more than half of 10 of a type is gone', 10, 4, true],
    ['more than half of 9 of a type is gone', 9, 1, false],
    ['a type is gone entirely', 10, 0, true],
  ])('where %s: with %d before and %d now it is %s', (_, before, now, isHeld) => {
    const judged = judge(
      measure({ services: before, routes: 40 }),
      measure(now === 0 ? { routes: 40 } : { services: now, routes: 40 }),
      defaultGuard,
    );

    expect(judged?.what).toBe(isHeld ? `${before - now} of ${before} services are gone` : undefined);
  });

  it('where more than half of all are gone, in types too small to be measured', () => {
    const judged = judge(measure({ services: 4, routes: 4 }), measure({ services: 2 }), defaultGuard);

    // 10 with workspace and parameter, of which 4 are left.
    expect(judged).toEqual({
      reason: 'mass deletion',
      what: '6 of 10 entities are gone',
      identity,
      losses: { services: 2, routes: 4, total: 6 },
      left: { services: 2, routes: 0, total: 4 },
    });
  });

  it('where nothing is left but what a new control plane has, however little there was', () => {
    expect(judge(measure({ services: 1 }), measure({}), defaultGuard)).toMatchObject({
      reason: 'nothing left',
      what: 'nothing is left of 3 entities',
    });
    expect(judge(measure({}), measure({}), defaultGuard)).toBeUndefined();
  });

  it('for its other database first: there is more to be done than for a deletion', () => {
    const other = { ...identity, clusterId: 'other' };
    expect(judge(measure({ services: 50 }), measure({}, other), defaultGuard)).toMatchObject({
      reason: 'another database',
      losses: { services: 50, total: 50 },
    });
  });

  it('by the limits of its control plane', () => {
    const [before, now] = [measure({ services: 100 }), measure({ services: 79 })];
    expect(judge(before, now, { minimumEntities: 100, maximumLossPercent: 21 })).toBeUndefined();
    expect(judge(before, now, { minimumEntities: 100, maximumLossPercent: 20 })).toMatchObject({
      what: '21 of 100 services are gone, 21 of 102 entities are gone',
    });
    expect(judge(before, now, { minimumEntities: 103, maximumLossPercent: 0 })).toBeUndefined();
  });

  it('without a guard for nothing but that nothing is left', () => {
    const other = { clusterId: 'other', defaultWorkspaceId: 'other' };
    expect(judge(measure({ services: 100 }), measure({ services: 1 }, other), 'off')).toBeUndefined();
    expect(judge(measure({ services: 100 }), measure({}, other), 'off')).toMatchObject({
      reason: 'nothing left',
    });
  });
});

describe('a served configuration is plausible', () => {
  it('where an id is not known, or is missing: that makes no other database', () => {
    const unknown = { clusterId: undefined, defaultWorkspaceId: undefined };
    for (const [before, now] of [
      [undefined, identity],
      [unknown, identity],
      [identity, unknown],
      [identity, undefined],
    ]) {
      const judged = judge(
        { ...measure({ services: 3 }), identity: before },
        { ...measure({ services: 3 }), identity: now },
        defaultGuard,
      );
      expect(judged).toBeUndefined();
    }
  });

  it('where it only grows, and where types have come', () => {
    expect(
      judge(measure({ services: 20 }), measure({ services: 2000, routes: 5 }), defaultGuard),
    ).toBeUndefined();
  });

  it('where a file has only its total: then only all are measured', () => {
    const published: Baseline = { entities: { total: 20 }, identity: undefined };
    expect(judge(published, measure({ services: 8 }), defaultGuard)).toBeUndefined();
    expect(judge(published, measure({ services: 7 }), defaultGuard)).toMatchObject({
      what: '11 of 20 entities are gone',
    });
  });

  it('where a type is missing that another version’s file has: this version may not know it', () => {
    const published = { ...measure({ services: 30, partials: 20 }), ofVersion: '3.9.1' };
    expect(judge(published, measure({ services: 30 }), defaultGuard)).toBeUndefined();
    expect(judge(published, measure({ services: 30, partials: 9 }), defaultGuard)).toMatchObject({
      what: '11 of 20 partials are gone',
    });
    expect(judge(published, measure({ services: 10 }), defaultGuard)).toMatchObject({
      what: '20 of 30 services are gone, 40 of 52 entities are gone',
    });
  });

  it('with the names of types that every object has', () => {
    expect(
      judge(measure({ services: 3 }), measure({ services: 3, constructor: 1 }), defaultGuard),
    ).toBeUndefined();
    expect(
      judge(measure({ services: 30, constructor: 12 }), measure({ services: 30 }), defaultGuard),
    ).toMatchObject({ what: '12 of 12 constructor are gone' });
  });
});

describe('an approval', () => {
  const until = new Date('2026-11-27T04:00:00Z');
  const losses = { services: 60, total: 60 };
  const left = { services: 40, total: 90 };
  const approval: Approval = { identity, losses, left, until };
  const before = new Date(until.getTime() - 1);

  it.each([
    ['what was held', { services: 60, total: 60 }, true],
    ['less than what was held', { services: 1, total: 1 }, true],
    ['nothing lost at all', {}, true],
    ['one more of a type', { services: 61, total: 60 }, false],
    ['one more of all', { services: 60, total: 61 }, false],
    ['a type that had lost nothing', { services: 1, routes: 1, total: 2 }, false],
    ['a type with the name of what every object has', { constructor: 1 }, false],
  ])('is for no greater loss: of %s it is %s', (_, losses, isGood) => {
    expect(isApproved({ identity, losses, left }, approval, before)).toBe(isGood);
  });

  it.each([
    ['as many', { services: 40, total: 90 }, true],
    ['more', { services: 41, total: 100 }, true],
    ['one less of a type', { services: 39, total: 90 }, false],
    ['one less of all', { services: 40, total: 89 }, false],
    ['none', {}, false],
  ])('is for no less than was left: of %s it is %s', (_, left, isGood) => {
    expect(isApproved({ identity, losses, left }, approval, before)).toBe(isGood);
  });

  it('that was noted before anybody knew what is left is good for its losses', () => {
    expect(isApproved({ identity, losses, left: {} }, { ...approval, left: {} }, before)).toBe(true);
  });

  it('is for one database alone', () => {
    expect(
      isApproved({ identity: { ...identity, clusterId: 'x' }, losses: {}, left: {} }, approval, before),
    ).toBe(false);
    expect(
      isApproved(
        { identity: { ...identity, defaultWorkspaceId: 'x' }, losses: {}, left: {} },
        approval,
        before,
      ),
    ).toBe(false);
    const unknown = { clusterId: undefined, defaultWorkspaceId: undefined };
    expect(isApproved({ identity: unknown, losses: {}, left: {} }, approval, before)).toBe(false);
  });

  it('ends', () => {
    expect(isApproved({ identity, losses: {}, left: {} }, approval, until)).toBe(false);
    expect(isApproved({ identity, losses: {}, left: {} }, undefined, before)).toBe(false);
  });

  it('of what is held of several versions is good for each of them', () => {
    const gone = fc.dictionary(
      fc.constantFrom('services', 'routes', 'total'),
      fc.record({ gone: fc.nat(50), left: fc.nat(50) }),
    );
    const heldOf = (types: Record<string, { gone: number; left: number }>) => ({
      identity,
      losses: mapCounts(types, (type) => type.gone),
      left: mapCounts(types, (type) => type.left),
    });
    fc.assert(
      fc.property(gone, gone, (one, other) => {
        const merged = mergeHeld(heldOf(one), heldOf(other));
        for (const each of [one, other]) {
          expect(isApproved(heldOf(each), { ...merged, until }, before)).toBe(true);
        }
      }),
    );
  });
});

function mapCounts<Counted>(types: Record<string, Counted>, count: (type: Counted) => number) {
  return Object.fromEntries(Object.entries(types).map(([type, counted]) => [type, count(counted)]));
}
