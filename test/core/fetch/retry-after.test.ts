import { describe, expect, it } from '@jest/globals';
import { readThrottling } from '../../../core/fetch/retry-after.ts';

const now = new Date('2026-11-27T12:00:00.000Z');

function read(status: number, given: Readonly<Record<string, string>> = {}) {
  const headers = { get: (name: string) => given[name] ?? null, has: (name: string) => name in given };
  return readThrottling({ status, headers }, now);
}

describe('what an answer says of too many requests', () => {
  it.each([
    [429, { retryAfterMs: 0 }],
    [503, { retryAfterMs: 0 }],
    [200, undefined],
    [403, undefined],
    [428, undefined],
    [430, undefined],
    [500, undefined],
    [502, undefined],
    [504, undefined],
  ])('by its status %d: %p', (status, expected) => {
    expect(read(status)).toEqual(expected);
  });

  it.each<readonly [string, Readonly<Record<string, string>>, number]>([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['no time at all', { 'retry-after': '0' }, 0],
    ['seconds with blanks around', { 'retry-after': ' 7 ' }, 7_000],
    ['a date', { 'retry-after': 'Fri, 27 Nov 2026 12:00:30 GMT' }, 30_000],
    ['a date that is over', { 'retry-after': 'Fri, 27 Nov 2026 11:59:30 GMT' }, 0],
    [
      'a date, by the clock of whoever says it',
      { 'retry-after': 'Fri, 27 Nov 2026 15:00:30 GMT', date: 'Fri, 27 Nov 2026 15:00:00 GMT' },
      30_000,
    ],
    [
      'a date beside a date that is none',
      { 'retry-after': 'Fri, 27 Nov 2026 12:00:30 GMT', date: 'now' },
      30_000,
    ],
    ['a fraction', { 'retry-after': '1.5' }, 0],
    ['less than nothing', { 'retry-after': '-7' }, 0],
    ['words', { 'retry-after': 'soon' }, 0],
    ['a date that is none', { 'retry-after': 'Fri, 99 Nov 2026 12:00:30 GMT' }, 0],
    ['a number without an end', { 'retry-after': '9'.repeat(400) }, 0],
  ])('by Retry-After: %s', (_what, headers, expected) => {
    expect(read(429, headers)).toEqual({ retryAfterMs: expected });
  });
});
