import { describe, expect, it } from '@jest/globals';
import type { Option } from 'commander';
import { standbyCommand } from '../../cli/standby.ts';
import { tableOf } from './markdown.ts';

const rows = tableOf('docs/data-plane.md', ['flag', 'variable', 'default']);
const namesIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** One entry for each flag: a row may have two that belong together. */
const documented = rows.flatMap(([flags = '', variables = '', defaults = '']) => {
  const values = defaults.split(', ');
  return namesIn(flags).map((flag, index) => ({
    flag,
    variable: namesIn(variables)[index],
    byDefault: values.length === namesIn(flags).length ? (values[index] ?? '') : defaults,
  }));
});

function writtenDefault({ mandatory, defaultValue }: Option): string {
  if (mandatory) {
    return '(needed)';
  }
  if (defaultValue === 2 ** 30) {
    return '1 GiB';
  }
  return typeof defaultValue === 'number' ? `${defaultValue} s` : `\`${String(defaultValue)}\``;
}

describe('the table of flags in docs/data-plane.md', () => {
  const { options } = standbyCommand();

  it('has each option of `lifeboat standby`, and no other', () => {
    expect(documented.map(({ flag }) => flag).sort()).toEqual(options.map(({ long }) => long).sort());
  });

  it.each(options.map((option) => [option.long ?? '', option] as const))(
    'has the variable and the default of %s',
    (long, option) => {
      const said = documented.find(({ flag }) => flag === long);

      // AWS_REGION is read by the client itself, as by every AWS SDK.
      expect(said?.variable).toBe(long === '--region' ? 'AWS_REGION' : option.envVar);
      if (option.mandatory || option.defaultValue !== undefined) {
        expect(said?.byDefault).toBe(writtenDefault(option));
      } else {
        expect(said?.byDefault).not.toMatch(/^\(needed\)$|^\d+ s$/);
      }
    },
  );
});
