import { describe, expect, it } from '@jest/globals';
import { findClosest } from '../../core/closest-name.ts';

describe('the name that somebody may have meant', () => {
  const known = ['LIFEBOAT_ENDPOINT', 'LIFEBOAT_STACK', 'prod'];

  it.each([
    ['LIFEBOAT_ENPOINT', 'LIFEBOAT_ENDPOINT'],
    ['lifeboat_stack', 'LIFEBOAT_STACK'],
    ['LIFEBOAT_STAKC', 'LIFEBOAT_STACK'],
    ['prdo', undefined],
    ['prd', 'prod'],
    ['p', undefined],
    ['something-else', undefined],
  ])('is found for %s: %s', (given, expected) => {
    expect(findClosest(given, known)).toBe(expected);
  });

  it('is nobody’s where nothing is known', () => {
    expect(findClosest('prod', [])).toBeUndefined();
  });
});
