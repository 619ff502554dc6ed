import { describe, expect, it } from '@jest/globals';
import { inspectCommands } from '../../cli/inspect.ts';
import { tableOf } from './markdown.ts';

const page = 'docs/operating.md';
const commands = inspectCommands();
const flags = new Map(
  tableOf(page, ['flag', 'variable', 'commands']).map(([flag = '', variable = '', named = '']) => [
    flag.replaceAll('`', ''),
    { variable: variable.replaceAll('`', ''), named: named.replaceAll('`', '').split(', ') },
  ]),
);

describe('docs/operating.md', () => {
  it('lists each command, and no other', () => {
    const listed = tableOf(page, ['command', 'what it says', 'exit code 11']);

    expect(listed.map(([command = '']) => command.replaceAll('`', ''))).toEqual(
      commands.map((command) => command.name()),
    );
  });

  it('lists each flag with its variable and its commands, and no other', () => {
    const ofCommands = new Map<string, { variable: string; named: string[] }>();
    for (const command of commands) {
      for (const { long = '', envVar } of command.options) {
        // AWS_REGION is read by the client itself, as by every AWS SDK.
        const variable = long === '--region' ? 'AWS_REGION' : (envVar ?? '');
        const known = ofCommands.get(long ?? '') ?? { variable, named: [] };
        known.named.push(command.name());
        ofCommands.set(long ?? '', known);
      }
    }
    const said = [...ofCommands].map(([flag, { variable, named }]) => [
      flag,
      { variable, named: named.length === commands.length ? ['all'] : named },
    ]);

    expect(said.length).toBeGreaterThan(5);
    expect(Object.fromEntries(flags)).toEqual(Object.fromEntries(said));
  });
});
