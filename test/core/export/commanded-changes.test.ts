import { describe, expect, it } from '@jest/globals';
import { newestChange, oldestChange } from '../../../core/export/commanded-changes.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';

const now = new Date('2026-11-23T04:10:00Z');
const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const hashOf = (letter: string) => letter.repeat(32);
const ring = (seconds: number, letter?: string): ExportCommand => ({
  command: 'export',
  version: 1,
  cause: 'listen',
  at: secondsAgo(seconds),
  ...(letter === undefined ? {} : { configHash: hashOf(letter) }),
});
const hook = (seconds: number): ExportCommand => ({ ...ring(seconds), cause: 'event-hook' });
const scheduled: ExportCommand = { ...ring(0), cause: 'schedule' };

describe('the newest change of a batch', () => {
  it.each<[string, readonly ExportCommand[], seconds: number, letter: string | undefined]>([
    ['a ring', [ring(3, 'a')], 3, 'a'],
    ['a ring without a hash', [ring(3)], 3, undefined],
    ['the younger of two rings, which came later', [ring(3, 'a'), ring(1, 'b')], 1, 'b'],
    ['the younger of two rings, which came first', [ring(1, 'b'), ring(3, 'a')], 1, 'b'],
    ['the last of two rings of one moment', [ring(1, 'a'), ring(1, 'b')], 1, 'b'],
    ['a younger ring without a hash', [ring(3, 'a'), ring(1)], 1, undefined],
    ['a ring beside the schedule', [scheduled, ring(3, 'a')], 3, 'a'],
    ['a ring after a hook, whose change may be missing in it', [hook(3), ring(1, 'a')], 1, undefined],
    ['a hook after a ring', [ring(3, 'a'), hook(1)], 1, undefined],
    ['a ring that comes from the future', [ring(-5, 'a')], 0, 'a'],
  ])('is %s', (_, commands, seconds, letter) => {
    expect(newestChange(commands, now)).toEqual({
      at: secondsAgo(seconds),
      configHash: letter === undefined ? undefined : hashOf(letter),
    });
  });

  it('is none for the schedule', () => {
    expect(newestChange([scheduled], now)).toBeUndefined();
  });
});

describe('the oldest change of a batch', () => {
  it('counts rings as hooks', () => {
    expect(oldestChange([scheduled, ring(1, 'b'), ring(3, 'a'), hook(2)])).toEqual(secondsAgo(3));
  });
});
