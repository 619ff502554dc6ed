import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

interface Job {
  readonly needs?: string;
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly on: object;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = '.github/workflows';
const workflows = readdirSync(folder).map((file): readonly [string, Workflow] => [
  file,
  parse(readFileSync(join(folder, file), 'utf8')),
]);

describe.each(workflows)('the workflow %s', (_, { permissions, jobs }) => {
  it('may read the repository, and nothing else, where code of the repository runs', () => {
    const granted = Object.entries(jobs).map(
      ([name, job]) => [name, job.permissions ?? permissions] as const,
    );
    const [others, publishing] = [false, true].map((isPublishing) =>
      granted.filter(([name]) => (name === 'publish') === isPublishing).map(([, each]) => each),
    );

    expect(permissions).toEqual({});
    expect(others?.length).toBeGreaterThan(0);
    expect(others?.filter((each) => JSON.stringify(each) !== '{"contents":"read"}')).toEqual([]);
    // It is believed by npm, and does not even check the repository out.
    expect(publishing?.filter((each) => JSON.stringify(each) !== '{"id-token":"write"}')).toEqual([]);
  });

  it('takes each action at a commit, which nobody can move', () => {
    const actions = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []));

    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
  });
});

/** What the jobs of a workflow run, in their order. */
function commandsOf(file: string): readonly (readonly string[])[] {
  const jobs = new Map(workflows).get(file)?.jobs ?? {};
  return Object.values(jobs).map(({ steps }) => steps.flatMap(({ run }) => run ?? []));
}

describe('CI', () => {
  it('runs the gate that everybody can run', () => {
    expect(commandsOf('ci.yml')).toEqual([['.ci/run']]);
  });

  it('runs each night what takes longer', () => {
    expect(commandsOf('nightly.yml')).toEqual([['.ci/nightly']]);
    expect(new Map(workflows).get('nightly.yml')?.on).toHaveProperty('schedule');
  });

  it('leaves no script of .ci that nobody calls', () => {
    const files = [
      ...readdirSync(folder).map((file) => join(folder, file)),
      ...readdirSync('.ci').map((file) => join('.ci', file)),
    ];
    const called = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^\s*(?:- run: |step )?(\.ci\/[\w-]+)/gm)].map(
        ([, script]) => script,
      ),
    );

    expect(readdirSync('.ci').filter((script) => !called.includes(`.ci/${script}`))).toEqual([]);
  });
});

describe('a release', () => {
  it('publishes the file that was packed behind the gate, with its provenance, and runs nothing else', () => {
    expect(commandsOf('release.yml')).toEqual([
      ['.ci/run', '.ci/pack-release'],
      ['npm publish ./release/*.tgz --provenance --access public --ignore-scripts'],
    ]);
    expect(new Map(workflows).get('release.yml')?.jobs['publish']).toMatchObject({
      needs: 'gate',
      environment: 'npm',
    });
  });

  it.each([
    ['v9.9.9', `the tag is v9.9.9, and package.json has the version ${version}`],
    ['', `the tag is missing, and package.json has the version ${version}`],
  ])('is not packed for the tag "%s", which is not the version', (tag, said) => {
    const ended = spawnSync('.ci/pack-release', {
      env: { ...process.env, GITHUB_REF_NAME: tag },
      encoding: 'utf8',
    });

    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining(said) });
  });

  it('is the only thing that publishes: npm refuses it from a checkout', () => {
    const ended = spawnSync('npm', ['run', '--silent', 'prepublishOnly'], { encoding: 'utf8' });

    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining('Only the release workflow') });
  });
});
