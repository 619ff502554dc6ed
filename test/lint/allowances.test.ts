import { describe, expect, it } from '@jest/globals';
import { beyondAllowances } from '../../lint/allowances.ts';

const finding = (rule: string, file: string) => ({ rule, file, message: 'mend it' });
const two = [finding('no-circle', 'lib/a.ts'), finding('no-circle', 'lib/vault/b.ts')];

describe('an allowance', () => {
  it('lets as many findings of a folder through as it counts', () => {
    expect(beyondAllowances(two, { 'no-circle': { lib: 2 } })).toEqual({ broken: [], tooLarge: [] });
  });

  it.each([
    ['one finding too many', { 'no-circle': { lib: 1 } }],
    ['another folder', { 'no-circle': { lib: 1, core: 1 } }],
    ['another rule', { reference: { lib: 2 } }],
  ])('does not stretch to %s', (_what, allowances) => {
    expect(beyondAllowances(two, allowances).broken).toEqual(two);
  });

  it('must go as soon as it is larger than needed', () => {
    const { tooLarge } = beyondAllowances(two, { 'no-circle': { lib: 3 }, reference: { docs: 1 } });

    expect(tooLarge).toEqual([
      'the allowance of 3 for no-circle in lib is larger than needed: make it 2 in lint/allowances.json',
      'the allowance of 1 for reference in docs is larger than needed: make it 0 in lint/allowances.json',
    ]);
  });
});
