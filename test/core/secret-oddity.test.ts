import { describe, expect, it } from '@jest/globals';
import { tellOnce } from '../../core/secret-oddity.ts';

describe('what is odd about a secret', () => {
  it('is told once by name, again where it is odd in another way, and never where nothing is', () => {
    const told: string[] = [];
    const report = tellOnce((name, oddity) => told.push(`${name}: ${oddity}`));

    report('a', 'binary');
    report('a', 'binary');
    report('b', 'binary');
    report('a', undefined);
    report('a', 'binary');
    report('a', 'empty');

    expect(told).toEqual(['a: binary', 'b: binary', 'a: empty']);
  });
});
