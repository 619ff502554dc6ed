import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { listCommands } from '../../cli/commands.ts';
import { listFiles } from './markdown.ts';

const texts = [...listFiles(['.md']), '.ci/run'].map((file) => [file, readFileSync(file, 'utf8')] as const);

describe('the commands that documents name', () => {
  it('are scripts of package.json', () => {
    const scripts = new Set(Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts));

    const named = texts.flatMap(([file, text]) =>
      [...text.matchAll(/\bnpm run (?:--?[\w-]+ )*([\w:-]+)/g)].map(([, script = '']) => ({ file, script })),
    );

    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ script }) => !scripts.has(script))).toEqual([]);
  });

  it('are benches that there are', () => {
    const benches = readFileSync('bench/bench.ts', 'utf8');

    const named = texts.flatMap(([file, text]) =>
      [...text.matchAll(/\bnpm run bench -- ([a-z][a-z-]*)/g)].map(([, bench = '']) => ({ file, bench })),
    );

    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ bench }) => !benches.includes(`.command('${bench}')`))).toEqual([]);
  });

  it('are commands and options of lifeboat', () => {
    const leaves = (command: Command, above = ''): readonly (readonly [string, Command])[] => {
      const name = `${above}${command.name()}`;
      return command.commands.length === 0
        ? [[name, command]]
        : command.commands.flatMap((each) => leaves(each, `${name} `));
    };
    const known = new Map(
      listCommands()
        .flatMap((command) => leaves(command))
        .map(([name, { options }]) => [
          name,
          new Set(['--help', ...options.flatMap(({ long }) => long ?? [])]),
        ]),
    );
    // Of two words where a command has commands below it.
    const groups = listCommands().flatMap((each) => (each.commands.length === 0 ? [] : each.name()));

    const calls = texts.flatMap(([file, text]) =>
      [
        ...text
          .replaceAll(/\\\n\s*/g, '')
          .matchAll(
            new RegExp(
              `\\blifeboat (?:-- )?((?:(?:${groups.join('|')}) )?[a-z-]+)((?:[^\\n\`]| )*? --[^\\n\`]*)`,
              'g',
            ),
          ),
      ].map(([, command = '', options = '']) => ({
        file,
        command,
        options: [...options.matchAll(/ (--[a-z-]+)/g)].map(([, option = '']) => option),
      })),
    );

    expect(calls.length).toBeGreaterThan(5);
    expect(
      calls.filter(
        ({ command, options }) =>
          !known.has(command) || options.some((option) => known.get(command)?.has(option) !== true),
      ),
    ).toEqual([]);
  });
});
