import { describe, expect, it } from '@jest/globals';
import { isDrillDue, isVerificationDue } from '../../../core/drill/due.ts';
import type { DrillRecord } from '../../../core/inspect/drill-record.ts';

const now = new Date('2026-11-28T12:00:00Z');
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const drilled = (minutes: number, more: Partial<DrillRecord> = {}): DrillRecord => ({
  ...{ at: minutesAgo(minutes), outcome: 'passed', seconds: 3, versions: [] },
  ...more,
});
const dayMinutes = 24 * 60;
const weekMinutes = 7 * dayMinutes;

describe('a drill is due', () => {
  it.each<[what: string, last: DrillRecord | undefined, everyHours: number, isDue: boolean]>([
    ['where there was none, or nobody can tell', undefined, 24, true],
    ['after one that failed a moment ago', drilled(0, { outcome: 'failed' }), 24, true],
    ['and not after one that has passed', drilled(60), 24, false],
    // The schedule comes in each hour, a little sooner or later.
    ['half an hour before its time', drilled(dayMinutes - 30), 24, true],
    ['and not a minute sooner', drilled(dayMinutes - 31), 24, false],
    ['in each hour', drilled(59), 1, true],
    ['and once in each hour', drilled(29), 1, false],
    ['after the longest pause', drilled(6 * dayMinutes - 30), 144, true],
    ['and not before it', drilled(6 * dayMinutes - 31), 144, false],
  ])('%s', (_, last, everyHours, isDue) => {
    expect(isDrillDue(last, everyHours, now)).toBe(isDue);
  });
});

describe('all kept revisions are to be verified', () => {
  const broken = [{ kongVersion: '3.9.1', revision: 2, detail: 'It is broken.' }];
  const verified = (minutes: number, more: Partial<NonNullable<DrillRecord['revisions']>> = {}) =>
    drilled(dayMinutes, {
      revisions: { at: minutesAgo(minutes), passed: 1, unverified: 0, broken: [], ...more },
    });

  it.each<[what: string, last: DrillRecord | undefined, isDue: boolean]>([
    ['with the first drill', undefined, true],
    ['where they never were', drilled(dayMinutes), true],
    ['where there were none', verified(0, { passed: 0 }), true],
    ['once a week, within half an hour', verified(weekMinutes - 30), true],
    ['and not sooner', verified(weekMinutes - 31), false],
    ['and not sooner where none could be', verified(0, { passed: 0, unverified: 3 }), false],
    ['and not sooner where all are broken', verified(0, { passed: 0, broken }), false],
  ])('%s', (_, last, isDue) => {
    expect(isVerificationDue(last, now)).toBe(isDue);
  });
});
