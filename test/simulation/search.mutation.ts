import { describe, expect, it } from '@jest/globals';
import { searchWith } from '../../simulation/mutants/find-mutants.ts';
import { mutants } from '../../simulation/mutants/mutants.ts';
import { runSimulate } from './run-simulate.ts';

describe('the search', () => {
  it.each([
    'the client does not check the hash',
    'the client trusts every key',
    'a failed status is written as a good one',
    'an export that gives up is not told',
    'the export has no deadline',
  ])('finds that %s', async (name) => {
    const { status, output } = await runSimulate('--mutants', '--only', name, '--json');

    expect(JSON.parse(output)).toEqual({ mutants: [{ name, found: true, histories: expect.any(Number) }] });
    expect(status).toBe(0);
  });

  it('finds the same history first, in however many processes', async () => {
    const mutant = mutants.find(({ name }) => name === 'the client does not check the signature');
    if (mutant === undefined) {
      throw new RangeError('there is no such mutant');
    }

    const [inOne, inThree] = [await searchWith(mutant, 1), await searchWith(mutant, 3)];

    expect(inThree).toEqual(inOne);
    expect(inOne.invariant).toBe('a data plane loads only what we have signed and stored');
  });

  it('refuses a name that no mutant has', async () => {
    expect(await runSimulate('--mutants', '--only', 'no such mutant')).toEqual({ status: 1, output: '' });
  });
});
