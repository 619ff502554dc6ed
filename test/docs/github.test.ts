import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = '.github/workflows';
const workflows = readdirSync(folder).map((file): readonly [string, Workflow] => [
  file,
  parse(readFileSync(join(folder, file), 'utf8')),
]);

describe.each(workflows)('the workflow %s', (_, { permissions, jobs }) => {
  it('may read the repository, and nothing else', () => {
    const granted = Object.values(jobs).map((job) => job.permissions ?? permissions);

    expect(permissions).toEqual({});
    expect(granted.length).toBeGreaterThan(0);
    expect(granted.filter((each) => JSON.stringify(each) !== '{"contents":"read"}')).toEqual([]);
  });

  it('takes each action at a commit, which nobody can move', () => {
    const actions = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []));

    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
  });
});

describe('CI', () => {
  it('runs the gate that everybody can run', () => {
    const commands = workflows.flatMap(([, { jobs }]) =>
      Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? [])),
    );

    expect(commands).toEqual(['.ci/run']);
  });
});
