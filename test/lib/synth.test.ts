import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { exampleCertificate } from '../../policy/example-certificate.ts';
import { inherited, type Outcome, run, runApps, violations } from './child-app.ts';
import { deploy, ofType, twoControlPlanes } from './deployment.ts';

// All that a setting can add, for cdk-nag to look at.
const ours = (name: string) => `arn:aws:iam::111122223333:role/${name}`;
const everything = {
  ...twoControlPlanes,
  controlPlanes: {
    ...twoControlPlanes.controlPlanes,
    prod: {
      ...twoControlPlanes.controlPlanes.prod,
      readerRoleTrust: ['444455556666'],
      listen: true,
      dataPlaneAuth: {
        iam: true,
        clusterCertificate: { certificates: [exampleCertificate], authorities: [exampleCertificate] },
      },
    },
  },
  dataEvents: true,
  domain: {
    name: 'lifeboat.example.com',
    certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/0',
    hostedZoneId: 'Z0123456789ABCDEFGHIJ',
  },
  bucketName: 'example-lifeboat',
  encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef',
  tags: { team: 'gateway' },
  permissionsBoundaryArn: 'arn:aws:iam::111122223333:policy/boundary',
  reservedConcurrency: { webhook: 5, presign: 80, export: 1, listen: 1 },
  lockdown: { breakGlassRoleArn: ours('break-glass'), deploymentRoleArn: ours('deployment') },
};
const replica = {
  domain: {
    name: 'ireland.example.com',
    certificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/0',
    hostedZoneId: 'Z0123456789ABCDEFGHIJ',
  },
  alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:on-call',
  bucketName: 'example-lifeboat-ireland',
  timeControl: true,
};
const root = resolve('.');
// Four apps on however busy a machine.
const timeoutMs = 120_000;

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

/** An app with our stack, and in it a resource that breaks rules nobody acknowledged for it. */
function appWithBareQueue(): string {
  const from = (path: string) => JSON.stringify(join(root, path));
  return `import { App, aws_sqs, Validations } from ${from('node_modules/aws-cdk-lib/index.js')};
    import { AwsSolutionsChecks } from ${from('node_modules/cdk-nag/lib/index.js')};
    import { LifeboatReplicaStack } from ${from('lib/replica/lifeboat-replica-stack.ts')};
    import { LifeboatStack } from ${from('lib/deployment/lifeboat-stack.ts')};
    import { parseSettings } from ${from('lib/settings/settings.ts')};
    const app = new App();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const settings = parseSettings(app.node.tryGetContext('lifeboat'));
    const stack = new LifeboatStack(app, 'Lifeboat', { settings, env: { region: 'eu-central-1' } });
    new LifeboatReplicaStack(app, 'LifeboatReplica', {
      settings: { lifeboat: stack.lifeboat, ...app.node.tryGetContext('replica') },
      env: { region: 'eu-west-1' },
    });
    new aws_sqs.Queue(stack, 'Bare');`;
}

const manifest = v.object({
  artifacts: v.record(v.string(), v.object({ type: v.string(), environment: v.optional(v.string(), '') })),
});

let folder: string;
let project: Outcome;
let bareQueue: Outcome;
let wrongSettings: Outcome;
let twoRegions: Outcome;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-synth-'));
  const app = join(folder, 'bare-queue.ts');
  await writeFile(app, appWithBareQueue());
  [project, bareQueue, wrongSettings, twoRegions] = await Promise.all([
    cdkSynth('--output', join(folder, 'project')),
    runApps({
      app,
      settings: 'cdk.json',
      context: { lifeboat: everything, replica },
      output: join(folder, 'bare-queue'),
    }),
    cdkSynth('--output', join(folder, 'wrong'), '--context', 'lifeboat=nonsense'),
    runApps({
      app: 'bin/lifeboat.ts',
      settings: 'cdk.json',
      context: {
        lifeboat: {
          controlPlanes: twoControlPlanes.controlPlanes,
          region: 'eu-central-1',
          replica: { region: 'eu-west-1' },
        },
      },
      output: join(folder, 'two-regions'),
    }),
  ]);
}, timeoutMs);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('cdk synth', () => {
  it('accepts the project as it is, without the network', () => {
    expect(project.code).toBe(0);
    expect(project.stderr).not.toMatch(/\berror|\[warning/i);
  });

  it('makes a stack for each region, when a replica is asked for', async () => {
    const text = await readFile(join(folder, 'two-regions', 'manifest.json'), 'utf8');

    const { artifacts } = v.parse(manifest, JSON.parse(text));
    const environments = Object.entries(artifacts).flatMap(([id, { type, environment }]) =>
      type === 'aws:cloudformation:stack' ? [`${id} ${environment}`] : [],
    );
    expect(twoRegions).toEqual({ code: 0, stderr: '' });
    expect(environments.toSorted()).toEqual([
      'Lifeboat aws://unknown-account/eu-central-1',
      'LifeboatReplica aws://unknown-account/eu-west-1',
    ]);
    expect(await violations(join(folder, 'two-regions'))).toEqual([]);
  });

  it('refuses wrong settings with a sentence', () => {
    expect(wrongSettings.code).not.toBe(0);
    expect(wrongSettings.stderr).toContain('- lifeboat: an object with settings is expected, in braces');
  });

  it('finds what nobody acknowledged, and nothing else in two control planes of which one is private, and their replica', async () => {
    const found = await violations(join(folder, 'bare-queue'));

    expect(bareQueue.code).not.toBe(0);
    expect(new Set(found)).toEqual(
      new Set(['AwsSolutions-SQS3 Lifeboat/Bare/Resource', 'AwsSolutions-SQS4 Lifeboat/Bare/Resource']),
    );
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
function load(bundle: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const script = `import(${JSON.stringify(pathToFileURL(bundle).href)}).then(
      ({ handler }) => { process.exitCode = typeof handler === 'function' ? 0 : 2; },
      ({ name, message }) => { process.exitCode = 1; console.error(name + ': ' + message); },
    );`;
  return run(process.execPath, ['--input-type=module', '--eval', script], env);
}
