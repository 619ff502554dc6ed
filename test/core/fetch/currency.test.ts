import { describe, expect, it } from '@jest/globals';
import {
  describeCurrency,
  formatAge,
  judgeCurrency,
  requireCurrency,
  type Verdict,
} from '../../../core/fetch/currency.ts';
import { manifestOf, statusOf } from '../../cli/published-file.ts';

const manifest = manifestOf();
const { checkedAt } = statusOf(manifest.revision);
const later = new Date(checkedAt.getTime() + 1);

describe('a file beside a status', () => {
  it('is current where the status speaks of it, as of the last check', () => {
    const verdict = judgeCurrency(manifest, { status: statusOf(manifest.revision) });

    expect(verdict).toEqual({ is: 'current', verifiedAt: checkedAt });
  });

  it.each([
    ['as of its publication', later, later],
    ['as of the last check, where a clock has it published before', manifest.exportedAt, checkedAt],
  ])('is current where the status is older than it, %s', (_, exportedAt, verifiedAt) => {
    const newer = manifestOf({ exportedAt });

    const verdict = judgeCurrency(newer, { status: statusOf(manifest.revision - 1) });

    expect(verdict).toEqual({ is: 'current', verifiedAt });
  });

  it('is older where the status speaks of a later revision', () => {
    const verdict = judgeCurrency(manifest, { status: statusOf(manifest.revision + 1) });

    expect(verdict).toEqual({
      is: 'older',
      published: 8,
      because: 'the vault returned revision 7, but its status says that revision 8 is published',
    });
  });

  it.each([
    ['there is no status', { missing: 'the vault answered 404' }, 'the vault answered 404'],
    [
      'the status does not speak of its version',
      { status: statusOf(9, { versions: [] }) },
      'the status does not speak of the file for Kong 3.9.1',
    ],
    [
      'the status speaks of another file of its number',
      {
        status: statusOf(7, {
          versions: statusOf(7).versions.map((version) => ({ ...version, sha256: 'f'.repeat(64) })),
        }),
      },
      'the status speaks of another file as revision 7',
    ],
    [
      'the status names a day that does not exist',
      { status: statusOf(7, { checkedAt: new Date(Number.NaN) }) },
      'the status names no moment',
    ],
  ])('is not known to be current where %s', (_, reading, because) => {
    expect(judgeCurrency(manifest, reading)).toEqual({ is: 'unknown', because });
  });
});

describe('what is demanded of a file', () => {
  const now = new Date(checkedAt.getTime() + 43_200_000);
  const current: Verdict = { is: 'current', verifiedAt: checkedAt };
  const older: Verdict = { is: 'older', because: 'it is old', published: 9 };
  const unknown: Verdict = { is: 'unknown', because: 'no status' };
  const half = { maxUnverifiedAgeMs: 43_200_000 };

  it.each<[string, Verdict, object, object]>([
    ['a current one', current, {}, { verifiedAt: checkedAt }],
    ['one that was verified just in time', current, half, { verifiedAt: checkedAt }],
    ['an older copy', older, { mayLag: true }, { warning: expect.stringContaining('copy is behind') }],
    ['one without a status', unknown, {}, { warning: expect.stringContaining('no status') }],
  ])('is met by %s', (_, verdict, demand, expected) => {
    expect(requireCurrency(verdict, demand, now)).toEqual(expected);
  });

  it.each<[string, Verdict, object, RegExp]>([
    ['an older one', older, {}, /it is old\. .*next export replaces it/],
    [
      'one that was verified too long ago',
      current,
      { maxUnverifiedAgeMs: 43_199_999 },
      /12 hours before, .*--max-unverified-age .*No file verified/,
    ],
    ['an older copy, where an age is demanded', older, { ...half, mayLag: true }, /it is old/],
    ['one without a status, where an age is demanded', unknown, half, /no status.*--max-unverified-age/],
  ])('is not met by %s', (_, verdict, demand, words) => {
    const demanding = () => requireCurrency(verdict, demand, now);

    expect(demanding).toThrow(words);
    expect(demanding).toThrow(expect.objectContaining({ code: 'outdated' }));
  });

  it.each<[string, Verdict, object]>([
    ['current', current, { verifiedAt: checkedAt }],
    ['older', older, { warning: expect.stringContaining('revision 9 is published') }],
    ['unknown', unknown, { warning: expect.stringContaining('no status') }],
  ])('is nothing of one that was asked for by its number, and is said to be %s', (_, verdict, expected) => {
    expect(describeCurrency(verdict)).toEqual(expected);
  });

  it('is met by what was verified in the future of a clock that is behind', () => {
    expect(requireCurrency(current, half, new Date(0))).toEqual({ verifiedAt: checkedAt });
  });
});

describe('an age', () => {
  it.each([
    [-86_400_000, 'less than a minute'],
    [0, 'less than a minute'],
    [59_999, 'less than a minute'],
    [60_000, '1 minute'],
    [250_000, '4 minutes'],
    [3_599_999, '59 minutes'],
    [3_600_000, '1 hour'],
    [172_799_999, '47 hours'],
    [172_800_000, '2 days'],
    [Number.NaN, 'less than a minute'],
  ])('of %d ms is %s', (ageMs, expected) => {
    expect(formatAge(new Date(0), new Date(ageMs))).toBe(expected);
  });
});
