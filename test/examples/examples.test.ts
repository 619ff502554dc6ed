import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { type Outcome, runApps, violations } from '../lib/child-app.ts';
import { leftAfter, lifecycle } from '../lib/lifecycle.ts';

const names = ['minimal', 'private-control-plane', 'several-control-planes'] as const;
type Name = (typeof names)[number];
// Three apps on however busy a machine.
const timeoutMs = 120_000;

const templateJson = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});
const bucketProperties = v.object({ LifecycleConfiguration: v.optional(lifecycle, { Rules: [] }) });
const manifest = v.object({
  artifacts: v.record(v.string(), v.object({ type: v.string(), metadata: v.optional(v.unknown()) })),
});

let folder: string;
let outcome: Outcome;
const output = (name: Name) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-examples-'));
  outcome = await runApps(
    ...names.map((name) => ({
      app: `examples/${name}/app.ts`,
      settings: `examples/${name}/cdk.json`,
      output: output(name),
    })),
  );
}, timeoutMs);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function resources(name: Name, type: string) {
  const { artifacts } = v.parse(
    manifest,
    JSON.parse(await readFile(join(output(name), 'manifest.json'), 'utf8')),
  );
  const [stack] =
    Object.entries(artifacts).find(([, each]) => each.type === 'aws:cloudformation:stack') ?? [];
  const text = await readFile(join(output(name), `${stack}.template.json`), 'utf8');
  return Object.values(v.parse(templateJson, JSON.parse(text)).Resources).filter(({ Type }) => Type === type);
}

describe('the examples', () => {
  it('are synthesized without a warning', () => {
    expect(outcome).toEqual({ code: 0, stderr: '' });
  });
});

describe.each(names)('the example %s', (name) => {
  it('leaves nothing to cdk-nag and the rules of templates', async () => {
    const found = await violations(output(name));

    expect(found).toEqual([]);
  });

  it('has a vault whose current versions no rule can expire', async () => {
    const buckets = await resources(name, 'AWS::S3::Bucket');

    const rules = buckets.map(
      ({ Properties }) => v.parse(bucketProperties, Properties).LifecycleConfiguration,
    );
    const current = ['prod/3.9.1/config.json', 'status/prod.json'].map((key) => ({ key, writtenAt: 0 }));
    expect(buckets).toHaveLength(1);
    for (const lifecycleRules of rules) {
      expect(lifecycleRules.Rules.map(({ Id }) => Id)).toEqual(
        expect.arrayContaining(['history-prod', 'status', 'uploads']),
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
