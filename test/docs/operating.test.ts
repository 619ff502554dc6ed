import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { inspectCommands } from '../../cli/inspect.ts';
import { operatorCommands } from '../../cli/operate.ts';
import { tableOf } from './markdown.ts';

const page = 'docs/operating.md';

/** The page has a table of commands and one of options for each group of them. */
const groups: readonly (readonly [string, readonly Command[], readonly string[], readonly string[]])[] = [
  ['look', inspectCommands(), ['command', 'what it says', 'exit code 11'], ['flag', 'variable', 'commands']],
  [
    'change',
    operatorCommands(),
    ['command', 'what it does', 'effect that is awaited'],
    ['option', 'variable', 'commands'],
  ],
];

describe.each(groups)(
  'docs/operating.md, of the commands that %s',
  (_what, commands, ofCommands, ofOptions) => {
    it('lists each command, and no other', () => {
      const listed = tableOf(page, ofCommands).map(([command = '']) => /`([a-z]+)/.exec(command)?.[1]);

      expect(listed).toEqual(commands.map((command) => command.name()));
    });

    it('lists each option with its variable and its commands, and no other', () => {
      const known = new Map<string, { variable: string; named: string[] }>();
      for (const command of commands) {
        for (const { long, envVar } of command.options) {
          // AWS_REGION is read by the client itself, as by every AWS SDK.
          const variable = long === '--region' ? 'AWS_REGION' : (envVar ?? '');
          const option = known.get(long ?? '') ?? { variable, named: [] };
          option.named.push(command.name());
          known.set(long ?? '', option);
        }
      }
      const all = [...known].map(([option, { variable, named }]) => [
        option,
        { variable, named: named.length === commands.length ? ['all'] : named },
      ]);

      const listed = tableOf(page, ofOptions).map(([option = '', variable = '', named = '']) => [
        option.replaceAll('`', ''),
        { variable: variable.replaceAll('`', ''), named: named.replaceAll('`', '').split(', ') },
      ]);
      expect(all.length).toBeGreaterThan(5);
      expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(all));
    });
  },
);
