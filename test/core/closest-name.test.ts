import { describe, expect, it } from '@jest/globals';
import { askForClosest } from '../../core/closest-name.ts';

describe('the name that somebody may have meant', () => {
  const known = ['LIFEBOAT_ENDPOINT', 'LIFEBOAT_STACK', 'prod'];

  it.each([
    ['LIFEBOAT_ENPOINT', 'did you mean LIFEBOAT_ENDPOINT? '],
    ['lifeboat_stack', 'did you mean LIFEBOAT_STACK? '],
    ['LIFEBOAT_STAKC', 'did you mean LIFEBOAT_STACK? '],
    ['prdo', ''],
    ['prd', 'did you mean prod? '],
    ['p', ''],
    ['something-else', ''],
  ])('is asked for %s: "%s"', (given, expected) => {
    expect(askForClosest(given, known)).toBe(expected);
  });

  it('is nobody’s where nothing is known', () => {
    expect(askForClosest('prod', [])).toBe('');
  });
});
