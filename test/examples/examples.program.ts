import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { bareTaskDefinition } from '../../examples/data-plane/ecs/task-definition.ts';
import { exampleCertificate } from '../../policy/example-certificate.ts';
import { type Outcome, runApps, violations } from '../lib/child-app.ts';
import { twoControlPlanes } from '../lib/deployment.ts';
import { leftAfter, lifecycle } from '../lib/lifecycle.ts';

const names = [
  'minimal',
  'private-control-plane',
  'several-control-planes',
  'two-regions',
  'data-plane/ecs',
] as const;
type Name = (typeof names)[number];
const root = resolve('.');

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
  vaultMadeWith: {
    bucketName: 'example-lifeboat',
    encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef',
  },
  tags: { team: 'gateway' },
  permissionsBoundaryArn: 'arn:aws:iam::111122223333:policy/boundary',
  reservedConcurrency: { webhook: 5, presign: 80, export: 2, listen: 1 },
  lockdown: { breakGlassRoleArn: ours('break-glass'), deploymentRoleArn: ours('deployment') },
};
const replicaOfEverything = {
  domain: {
    name: 'ireland.example.com',
    certificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/0',
    hostedZoneId: 'Z0123456789ABCDEFGHIJ',
  },
  alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:on-call',
  bucketName: 'example-lifeboat-ireland',
  timeControl: true,
};

/** Without these synth warns that nobody would hear an alarm, or know what to do. */
const heard = {
  alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:on-call',
  runbookUrl: 'https://wiki.example.com/lifeboat/runbook',
};

const templateJson = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});
const bucketProperties = v.object({ LifecycleConfiguration: v.optional(lifecycle, { Rules: [] }) });
const taskProperties = v.object({
  TaskRoleArn: v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.literal('Arn')]) }),
});
const policyProperties = v.object({
  Roles: v.array(v.object({ Ref: v.string() })),
  PolicyDocument: v.object({ Statement: v.array(v.unknown()) }),
});
const manifest = v.object({
  artifacts: v.record(
    v.string(),
    v.object({
      type: v.string(),
      metadata: v.optional(v.unknown()),
      dependencies: v.optional(v.array(v.string()), []),
      environment: v.optional(v.string(), ''),
    }),
  ),
});

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

let folder: string;
let examples: readonly Outcome[];
let bareQueue: Outcome | undefined;
let twoRegions: Outcome | undefined;
const output = (name: Name | 'bare-queue' | 'project') => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-examples-'));
  const app = join(folder, 'bare-queue.ts');
  await writeFile(app, appWithBareQueue());
  // Together with two apps that are no examples, because the engine of the template rules takes its time.
  const outcomes = await runApps(
    ...names.map((name) => ({
      app: `examples/${name}/app.ts`,
      settings: `examples/${name}/cdk.json`,
      output: output(name),
    })),
    {
      app,
      settings: 'cdk.json',
      context: { lifeboat: { ...everything, ...heard }, replica: replicaOfEverything },
      output: output('bare-queue'),
    },
    {
      app: 'bin/lifeboat.ts',
      settings: 'cdk.json',
      context: {
        lifeboat: {
          controlPlanes: twoControlPlanes.controlPlanes,
          ...heard,
          region: 'eu-central-1',
          replica: { region: 'eu-west-1', alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:on-call' },
        },
      },
      output: output('project'),
    },
  );
  examples = outcomes.slice(0, names.length);
  [bareQueue, twoRegions] = outcomes.slice(names.length);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function templates(name: Name): Promise<readonly unknown[]> {
  const { artifacts } = v.parse(
    manifest,
    JSON.parse(await readFile(join(output(name), 'manifest.json'), 'utf8')),
  );
  const stacks = Object.entries(artifacts)
    .filter(([, each]) => each.type === 'aws:cloudformation:stack')
    .map(([id]) => id);
  return Promise.all(
    stacks.map(
      async (stack): Promise<unknown> =>
        JSON.parse(await readFile(join(output(name), `${stack}.template.json`), 'utf8')),
    ),
  );
}

async function resources(name: Name, type: string) {
  const all = (await templates(name)).flatMap((each) => Object.values(v.parse(templateJson, each).Resources));
  return all.filter(({ Type }) => Type === type);
}

describe('the examples', () => {
  it('are synthesized without a warning', () => {
    expect(examples).toEqual(names.map(() => ({ code: 0, stderr: '' })));
  });
});

describe.each(names)('the example %s', (name) => {
  it('leaves nothing to cdk-nag and the rules of templates', async () => {
    const found = await violations(output(name));

    expect(found).toEqual([]);
  });

  it('has a vault whose current versions no rule can expire, and so has a replica of it', async () => {
    const buckets = await resources(name, 'AWS::S3::Bucket');

    const rules = buckets.map(
      ({ Properties }) => v.parse(bucketProperties, Properties).LifecycleConfiguration,
    );
    const current = ['prod/3.9.1/config.json', 'status/prod.json'].map((key) => ({ key, writtenAt: 0 }));
    const ids = rules.map(({ Rules }) => Rules.map(({ Id }) => Id));
    // The replica has a copy of the status.
    expect(ids.every((each) => each.includes('status'))).toBe(true);
    expect(ids).toHaveLength(name === 'two-regions' ? 2 : 1);
    for (const lifecycleRules of rules) {
      expect(lifecycleRules.Rules.map(({ Id }) => Id)).toEqual(
        expect.arrayContaining(['history-prod', 'uploads']),
      );
      expect(leftAfter(lifecycleRules, current, 10_000)).toEqual(current);
    }
  });

  it('asks nobody at synth: no look-up is left open', async () => {
    const text = await readFile(join(output(name), 'manifest.json'), 'utf8');

    expect(text).not.toContain('"missing"');
  });
});

describe('the example private-control-plane', () => {
  const name = 'private-control-plane';

  it('reaches what the export calls, without a way to the internet', async () => {
    const endpoints = await resources(name, 'AWS::EC2::VPCEndpoint');

    const services = endpoints.map(
      ({ Properties }) => /\.(\w+)"/.exec(JSON.stringify(Properties).split('ServiceName')[1] ?? '')?.[1],
    );
    expect(new Set(services)).toEqual(new Set(['sqs', 'secretsmanager', 'kms', 's3']));
    expect(await resources(name, 'AWS::EC2::NatGateway')).toEqual([]);
    expect(await resources(name, 'AWS::EC2::InternetGateway')).toEqual([]);
  });
});

describe('the example several-control-planes', () => {
  it('allows each data plane’s role the grants of one control plane', async () => {
    const policies = await resources('several-control-planes', 'AWS::IAM::Policy');

    const granted = policies
      .map((policy) => JSON.stringify(policy))
      .filter((text) => text.includes('execute-api:Invoke'))
      .map((text) => text.match(/control-planes\/[a-z-]+\/[a-z-]+/g));
    expect(granted.sort()).toEqual([
      ['control-planes/prod/fallback-config'],
      ['control-planes/prod/fallback-config'],
      ['control-planes/staging/fallback-config'],
    ]);
  });
});

describe('the example data-plane/ecs', () => {
  const name = 'data-plane/ecs';

  it('has its task definition also for those without CDK', async () => {
    const written = await readFile('examples/data-plane/ecs/task-definition.json', 'utf8');

    const [synthesized] = (await templates(name)).map(bareTaskDefinition);

    expect(JSON.parse(written)).toEqual(synthesized);
  });

  it('allows its task the grants of its control plane, and nothing else', async () => {
    const [task] = await resources(name, 'AWS::ECS::TaskDefinition');
    const policies = await resources(name, 'AWS::IAM::Policy');

    const { TaskRoleArn } = v.parse(taskProperties, task?.Properties);
    const statements = policies
      .map(({ Properties }) => v.parse(policyProperties, Properties))
      .filter(({ Roles }) => Roles.some((role) => role.Ref === TaskRoleArn['Fn::GetAtt'][0]))
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    expect(statements).toMatchObject([{ Effect: 'Allow', Action: 'execute-api:Invoke' }]);
    expect(JSON.stringify(statements).match(/control-planes\/[a-z-]+\/[a-z-]+/g)).toEqual([
      'control-planes/prod/fallback-config',
    ]);
  });

  it('runs where a task has one process namespace', async () => {
    const services = await resources(name, 'AWS::ECS::Service');

    // The first Fargate platform that has them.
    expect(services).toMatchObject([{ Properties: { LaunchType: 'FARGATE', PlatformVersion: '1.4.0' } }]);
  });
});

describe('the example two-regions', () => {
  it('allows the data planes’ role the grants of one control plane in both regions', async () => {
    const policies = await resources('two-regions', 'AWS::IAM::Policy');

    const granted = policies
      .map((policy) => JSON.stringify(policy))
      .filter((text) => text.includes('execute-api:Invoke'));
    expect(granted).toHaveLength(1);
    expect(granted[0]?.match(/execute-api:[a-z0-9-]+:/g)).toEqual([
      'execute-api:eu-central-1:',
      'execute-api:eu-west-1:',
    ]);
    expect(granted[0]?.match(/control-planes\/[a-z-]+\/[a-z-]+/g)).toEqual([
      'control-planes/prod/fallback-config',
      'control-planes/prod/fallback-config',
    ]);
  });

  it('deploys the second region first, with no resource that is none of AWS’s own', async () => {
    const { artifacts } = v.parse(
      manifest,
      JSON.parse(await readFile(join(output('two-regions'), 'manifest.json'), 'utf8')),
    );
    const types = await Promise.all(
      ['Custom::CrossRegionExportWriter', 'Custom::CrossRegionExportReader'].map((type) =>
        resources('two-regions', type),
      ),
    );

    expect(artifacts['Gateways']?.dependencies).toContain('GatewaysIreland');
    expect(types.flat()).toEqual([]);
  });
});

describe('the app of this project', () => {
  it('makes a stack for each region, when a replica is asked for', async () => {
    const text = await readFile(join(output('project'), 'manifest.json'), 'utf8');

    const { artifacts } = v.parse(manifest, JSON.parse(text));
    const environments = Object.entries(artifacts).flatMap(([id, { type, environment }]) =>
      type === 'aws:cloudformation:stack' ? [`${id} ${environment}`] : [],
    );
    expect(twoRegions).toEqual({ code: 0, stderr: '' });
    expect(environments.toSorted()).toEqual([
      'Lifeboat aws://unknown-account/eu-central-1',
      'LifeboatReplica aws://unknown-account/eu-west-1',
    ]);
    expect(await violations(output('project'))).toEqual([]);
  });
});

describe('an app that adds what breaks a rule', () => {
  it('finds what nobody acknowledged, and nothing else in two control planes of which one is private, and their replica', async () => {
    const found = await violations(output('bare-queue'));

    expect(bareQueue?.code).not.toBe(0);
    expect(new Set(found)).toEqual(
      new Set(['AwsSolutions-SQS3 Lifeboat/Bare/Resource', 'AwsSolutions-SQS4 Lifeboat/Bare/Resource']),
    );
  });
});
