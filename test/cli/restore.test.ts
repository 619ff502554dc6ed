/** `lifeboat restore`, with a kong command that behaves. */
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bundledCli, type Cli } from './bundled-cli.ts';

let cli: Cli;
let directory: string;
let file: string;
let kong: string;

const content = {
  _format_version: '3.0',
  _transform: false,
  services: [{ id: 's1', name: 'one', host: 'one.example' }],
  plugins: [
    { id: 'p1', name: 'key-auth', config: {} },
    { id: 'p2', name: 'acme', config: { secret: 'never-to-be-seen' } },
  ],
  keyauth_credentials: [{ id: 'k1', key: 'x', ttl: 1_900_000_000 }],
  filter_chains: [],
};

// Its database is a folder; an import fails as long as there is a file that says so.
const script = `#!/bin/sh
cd "$(dirname "$0")"
echo "kong $*" >> calls
case "$1 $2" in
  "version ") echo 3.9.1;;
  "migrations list") test -d database || { echo "database needs bootstrapping"; exit 3; };;
  "migrations bootstrap") mkdir database;;
  "config db_import") test -d database || exit 1
    if test -e broken; then echo "Failed importing: never-to-be-seen"; exit 1; fi
    cp "$3" database/imported.json;;
  *) exit 9;;
esac
`;

beforeAll(async () => {
  cli = await bundledCli();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-restore-'));
  file = join(directory, 'import.json');
  kong = join(directory, 'kong');
  await writeFile(file, JSON.stringify(content));
  await writeFile(kong, script);
  await chmod(kong, 0o755);
});

afterAll(() => cli.stop());

const remove = () => rm(directory, { recursive: true });
const calls = async () =>
  (await readFile(join(directory, 'calls'), 'utf8').catch(() => '')).trim().split('\n');

describe('lifeboat restore', () => {
  it('says what it takes, runs nothing, and says what is missing afterwards', async () => {
    const { exitCode, stdout, stderr } = await cli.run([
      'restore',
      file,
      '--kong',
      kong,
      '--kong-conf',
      'a b.conf',
    ]);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('In the file: 1 services, 2 plugins, 1 keyauth_credentials.\n');
    expect(stdout).toContain('Plugins that must be enabled: acme, key-auth.\n');
    expect(stdout).toContain(`${kong} config db_import ${file} --conf 'a b.conf'   # write the entities`);
    expect(stdout).toContain('- 1 entities have a ttl');
    expect(stdout).not.toContain('never-to-be-seen');
    expect(await calls()).toEqual(['']);
    await remove();
  });

  it('runs Kong’s commands on a new database, and leaves no log', async () => {
    const { exitCode, stdout } = await cli.run(['restore', file, '--kong', kong, '--run', '--yes']);

    expect(exitCode).toBe(0);
    expect(stdout).toContain('It is imported.\n');
    expect(await calls()).toEqual([
      'kong version',
      'kong migrations list',
      'kong migrations bootstrap',
      `kong config db_import ${file}`,
    ]);
    expect(JSON.parse(await readFile(join(directory, 'database/imported.json'), 'utf8'))).toEqual(content);
    await expect(stat(`${file}.kong.log`)).rejects.toMatchObject({ code: 'ENOENT' });
    await remove();
  });

  it('writes nothing into a database that was set up before, unless an import is done again', async () => {
    await cli.run(['restore', file, '--kong', kong, '--run', '--yes']);

    const refused = await cli.run(['restore', file, '--kong', kong, '--run', '--yes']);
    const again = await cli.run(['restore', file, '--kong', kong, '--run', '--yes', '--again', '--json']);

    expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
    expect(refused.stderr).toContain('the database was set up before, and nothing was written');
    expect(again.exitCode).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({
      done: true,
      entities: { services: 1 },
      plugins: ['acme', 'key-auth'],
    });
    expect((await calls()).filter((call) => call.includes('bootstrap'))).toHaveLength(1);
    await remove();
  });

  it('stops where a step fails, and keeps what Kong said to its owner', async () => {
    await writeFile(join(directory, 'broken'), '');

    const { exitCode, stdout, stderr } = await cli.run(['restore', file, '--kong', kong, '--run', '--yes']);

    expect({ exitCode, stdout }).toEqual({ exitCode: 8, stdout: '' });
    expect(stderr).toContain('kong config ended with 1');
    expect(stderr).toContain('run the same again with --again');
    expect(stderr).not.toContain('never-to-be-seen');
    expect((await stat(`${file}.kong.log`)).mode & 0o777).toBe(0o600);
    await remove();
  });

  it.each<[what: string, text: string | undefined, sentence: string]>([
    ['no JSON', 'services: []', 'the file is not JSON'],
    ['another JSON', '{"services":[]}', 'it has no "_format_version"'],
    [
      'a data plane’s file',
      '{"_format_version":"3.0","workspaces":[]}',
      'Fetch it with `lifeboat fetch --for-import`',
    ],
    ['no file', undefined, 'the file cannot be read (ENOENT)'],
  ])('refuses %s', async (_what, text, sentence) => {
    await (text === undefined ? rm(file) : writeFile(file, text));

    expect(await cli.run(['restore', file, '--kong', kong])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(sentence),
    });
    await remove();
  });

  it('runs nothing for a file with filter chains, which no Kong imports', async () => {
    await writeFile(file, JSON.stringify({ ...content, filter_chains: [{ id: 'f1', filters: [] }] }));

    const shown = await cli.run(['restore', file, '--kong', kong]);
    const refused = await cli.run(['restore', file, '--kong', kong, '--run', '--yes']);

    expect(shown).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('- 1 filter chains are in the file'),
    });
    expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
    expect(refused.stderr).toContain(
      '1 filter chains are in the file, with which Kong imports nothing, and nothing was run',
    );
    expect(await calls()).toEqual(['']);
    await remove();
  });

  it('needs a confirmation, and a kong that can be run', async () => {
    expect(await cli.run(['restore', file, '--kong', kong, '--run'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('nobody is at a terminal to confirm --run'),
    });
    expect(
      await cli.run(['restore', file, '--kong', join(directory, 'none'), '--run', '--yes']),
    ).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('cannot be run (ENOENT)'),
    });
    await remove();
  });
});
