import { describe, expect, it } from '@jest/globals';
import { endOfRun } from '../../../core/listen/relay.ts';

const at = new Date('2026-11-23T04:00:00Z');
const later = (seconds: number) => new Date(at.getTime() + seconds * 1000);
const event = { at: '2026-11-23T04:00:00Z', everyMinutes: 14 };
const fifteenMinutesMs = 900_000;

describe('a run of the listener', () => {
  it.each([
    ['on time', 0],
    ['at the end of its minute', 59],
    ['two minutes late', 120],
  ])('that begins %s ends 5 s before the next one may begin', (_, lateSeconds) => {
    expect(endOfRun(event, later(lateSeconds), fifteenMinutesMs)).toEqual(later(14 * 60 - 5));
  });

  it('that begins after its time has ended already', () => {
    const now = later(14 * 60);

    expect(endOfRun(event, now, fifteenMinutesMs).getTime()).toBeLessThan(now.getTime());
  });

  it('ends in any case 10 s before its own time is up', () => {
    expect(endOfRun(event, at, 60_000)).toEqual(later(50));
  });

  it.each([
    ['nothing', null],
    ['an empty event', {}],
    ['a time that is none', { ...event, at: 'now' }],
    ['more minutes than a function has', { ...event, everyMinutes: 15 }],
  ])('that a person calls with %s listens as long as it can', (_, given) => {
    expect(endOfRun(given, at, fifteenMinutesMs)).toEqual(later(890));
  });
});
