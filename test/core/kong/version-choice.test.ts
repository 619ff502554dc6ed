import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canLoad, fittingVersion, nearestVersion } from '../../../core/kong/version-choice.ts';

describe('the version whose file a data plane can load', () => {
  it.each<[requested: string, available: readonly string[], expected: string | undefined]>([
    ['3.9.1', ['3.9.1'], '3.9.1'],
    ['3.9.1', ['3.9.0', '3.9.1', '3.9.2'], '3.9.1'],
    ['3.9.3', ['3.9.1', '3.9.0', '3.9.2'], '3.9.2'],
    ['3.9.10', ['3.9.9', '3.9.2'], '3.9.9'],
    ['3.9.9', ['3.9.10'], undefined],
    ['3.9.0', ['3.9.1'], undefined],
    ['3.9.1', ['3.8.1', '3.10.0', '2.9.1', '4.9.1'], undefined],
    ['3.10.0', ['3.1.0'], undefined],
    ['3.9.1', [], undefined],
    ['3.9.1.2', ['3.9.1.1', '3.9.1'], '3.9.1.1'],
    ['3.9.1.2', ['3.9.1.3', '3.9.1'], '3.9.1'],
    ['3.9.1', ['3.9.1.1', '3.9.1.0'], '3.9.1.0'],
    ['3.9.1.0', ['3.9.1'], '3.9.1'],
  ])('for %s of %j is %s', (requested, available, expected) => {
    expect(fittingVersion(requested, available)).toBe(expected);
  });

  const part = fc.nat(12);
  const version = fc
    .tuple(fc.constantFrom(2, 3), fc.nat(2), part, fc.option(part, { nil: undefined }))
    .map((parts) => parts.filter((each) => each !== undefined).join('.'));

  /** Sorts as the version does: a missing fourth part is 0. */
  const rank = (text: string) =>
    [...text.split('.'), '0'].slice(0, 4).reduce((sum, each) => sum * 10_000 + Number(each), 0);

  it('is always one that it can load, and no loadable one is higher', () => {
    fc.assert(
      fc.property(version, fc.array(version), (requested, available) => {
        const found = fittingVersion(requested, available);

        const loadable = available.filter(
          (each) =>
            each.split('.').slice(0, 2).join('.') === requested.split('.').slice(0, 2).join('.') &&
            rank(each) <= rank(requested),
        );
        expect(available.filter((each) => canLoad(requested, each))).toEqual(loadable);
        expect(found === undefined).toBe(loadable.length === 0);
        if (found !== undefined) {
          expect(loadable).toContain(found);
          expect(rank(found)).toBe(Math.max(...loadable.map(rank)));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the version that is nearest to another one', () => {
  it.each([
    ['3.9.1', ['3.4.2', '3.8.1', '3.9.0'], '3.9.0'],
    ['3.9.1', ['2.8.0', '3.4.2'], '3.4.2'],
    ['3.10.0', ['3.9.1', '4.0.0'], '3.9.1'],
    // Of two that are as near the lower one.
    ['3.9.1', ['3.10.1', '3.8.1'], '3.8.1'],
    ['3.9.1.2', ['3.9.1.4', '3.9.1.1'], '3.9.1.1'],
    ['3.9.1', [], undefined],
  ])('of %s is, among %j, %s', (version, others, nearest) => {
    expect(nearestVersion(version, others)).toBe(nearest);
  });
});
