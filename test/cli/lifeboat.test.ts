import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { projectRoot } from '../../build/project-root.ts';
import { exitCodes } from '../../core/fetch/errors.ts';
import { processes, typescript } from '../local/processes.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';

const children = processes();
let cli: Cli;

beforeAll(async () => {
  cli = await bundledCli();
});

afterAll(async () => {
  await children.stop();
  await cli.stop();
});

describe('lifeboat', () => {
  it.each([['--help'], ['help'], ['-h']])(
    'names its commands and every exit code with %s',
    async (parameter) => {
      const { exitCode, stdout, stderr } = await cli.run([parameter]);

      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toContain('fetch [options]');
      expect(stdout).toContain('public-key [options]');
      expect(stdout).toContain('standby [options]');
      expect(stdout).toContain('rollback [options]');
      for (const code of [0, 1, 2, ...Object.values(exitCodes), 10]) {
        expect(stdout).toMatch(new RegExp(`^ {2}${code} {2}\\S`, 'm'));
      }
    },
  );

  it.each(['--version', '-V'])('names its version with %s, as package.json has it', async (parameter) => {
    const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8'));

    expect(await cli.run([parameter])).toMatchObject({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    ['nothing', [], 'Usage: lifeboat'],
    ['an unknown command', ['fetsch'], "unknown command 'fetsch'"],
    ['an unknown option', ['--fast'], "unknown option '--fast'"],
    ['an argument too many', ['fetch', 'now'], '--control-plane (LIFEBOAT_CONTROL_PLANE)'],
  ])('exits 2 for %s, and says so on stderr', async (_what, parameters, sentence) => {
    const { exitCode, stdout, stderr } = await cli.run(parameters);

    expect(exitCode).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stdout).toBe('');
  });

  it('runs from its source as well as from its bundle', async () => {
    const { exitCode, stdout } = await children.run(
      process.execPath,
      typescript('cli/lifeboat.ts', 'fetch', '--help'),
    );

    expect(exitCode).toBe(0);
    expect(stdout).toContain('LIFEBOAT_ENDPOINT');
  });
});
