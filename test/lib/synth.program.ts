import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { inherited, type Outcome, run } from './child-app.ts';
import { deploy, ofType, twoControlPlanes } from './deployment.ts';

const root = resolve('.');

/** The real thing: `cdk synth`, where the machine lets us without any network. */
function cdkSynth(...args: readonly string[]): Promise<Outcome> {
  const offline = spawnSync('unshare', ['--net', 'true']).status === 0 ? ['unshare', '--net'] : [];
  const [command = '', ...rest] = [
    ...offline,
    join(root, 'node_modules/.bin/cdk'),
    'synth',
    '--quiet',
    ...args,
  ];
  return run(command, rest, inherited);
}

let folder: string;
let project: Outcome;
let wrongSettings: Outcome;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-synth-'));
  [project, wrongSettings] = await Promise.all([
    cdkSynth('--output', join(folder, 'project')),
    cdkSynth('--output', join(folder, 'wrong'), '--context', 'lifeboat=nonsense'),
  ]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('cdk synth', () => {
  it('accepts the project as it is, without the network', () => {
    expect(project.code).toBe(0);
    expect(project.stderr).not.toMatch(/\berror/i);
    // Topic and runbook are the deployer's.
    expect(project.stderr.match(/Acknowledge with '.*'/g)).toEqual([
      "Acknowledge with 'Annotation::lifeboat:alarmsNotifyNobody'",
      "Acknowledge with 'Annotation::lifeboat:placeholderRunbook'",
    ]);
  });

  it('refuses wrong settings with a sentence', () => {
    expect(wrongSettings.code).not.toBe(0);
    expect(wrongSettings.stderr).toContain('- lifeboat: an object with settings is expected, in braces');
  });
});

describe('the bundle', () => {
  const withEnvironment = v.object({
    Environment: v.object({ Variables: v.record(v.string(), v.string()) }),
  });
  const functions = ofType(deploy(twoControlPlanes), 'AWS::Lambda::Function');

  it.each([
    ['webhook', 'CONTROL_PLANES'],
    ['export', 'CONTROL_PLANE'],
    ['presign', 'CONTROL_PLANE'],
  ])('of %s names the variable that is missing', async (entry, variable) => {
    const loaded = await load(await bundleOf(entry), {});

    expect(loaded).toEqual({ code: 1, stderr: expect.stringMatching(`\\b${variable}\\b`) });
  });

  it.each([
    ['webhook', 'Intake'],
    ['export', 'Exportprod'],
    ['presign', 'Presignprod'],
  ])('of %s loads with the variables of its deployment', async (entry, id) => {
    const [variables] = functions
      .filter((resource) => resource.id.startsWith(id))
      .map(({ properties }) => v.parse(withEnvironment, properties).Environment.Variables);
    const runtime = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

    const loaded = await load(await bundleOf(entry), { ...variables, ...runtime });

    expect(loaded.code).toBe(0);
  });
});

const withAssets = v.object({
  Resources: v.record(
    v.string(),
    v.object({
      Properties: v.object({ Description: v.optional(v.string()) }),
      Metadata: v.optional(v.object({ 'aws:asset:path': v.optional(v.string()) })),
    }),
  ),
});

/** The module that the synthesized project deploys for an entry. */
async function bundleOf(entry: string): Promise<string> {
  const template = await readFile(join(folder, 'project', 'Lifeboat.template.json'), 'utf8');
  const { Resources } = v.parse(withAssets, JSON.parse(template));
  const { Metadata } =
    Object.values(Resources).find(({ Properties }) => Properties.Description === `Lifeboat: ${entry}`) ?? {};
  return join(folder, 'project', Metadata?.['aws:asset:path'] ?? `no bundle of ${entry}`, 'index.mjs');
}

/**
 * Imports a bundle as Lambda does, in a process of its own. An error is told without the line of a minified
 * bundle.
 */
async function load(bundle: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const script = `import(${JSON.stringify(pathToFileURL(bundle).href)}).then(
      ({ handler }) => { process.exitCode = typeof handler === 'function' ? 0 : 2; },
      ({ name, message }) => { process.exitCode = 1; console.error(name + ': ' + message); },
    );`;
  const { code, stderr } = await run(process.execPath, ['--input-type=module', '--eval', script], env);
  return { code, stderr };
}
