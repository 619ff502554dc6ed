import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  controlPlaneNameCharacters,
  replicaWithEverything,
  turnEverythingOn,
} from '../../../bench/everything-on.ts';
import { createDeployedMeasure } from '../../../lib/deployment/deployed-bytes.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import type { LifeboatProps } from '../../../lib/deployment/lifeboat-props.ts';
import { LifeboatStack } from '../../../lib/deployment/lifeboat-stack.ts';
import {
  findMostControlPlanes,
  limitNames,
  measureStack,
  type StackFigures,
  stackLimits,
} from '../../../lib/deployment/stack-budget.ts';
import { LifeboatReplicaStack } from '../../../lib/replica/lifeboat-replica-stack.ts';
import { mostInAnyStack } from '../../../lib/settings/app-stacks.ts';
import { newApp } from '../app.ts';
import { account, deploy, environment, failure, ofType, one, twoControlPlanes } from '../deployment.ts';

const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'] };

/** With a replica, whose role and alarms the first region's stack has. */
function stackOf(controlPlanes: number): LifeboatStack {
  const app = newApp();
  const stack = new LifeboatStack(app, 'Lifeboat', {
    settings: turnEverythingOn(controlPlanes),
    env: { account, region: 'us-east-1' },
  });
  new LifeboatReplicaStack(app, 'LifeboatReplica', {
    settings: { lifeboat: stack.lifeboat, ...replicaWithEverything },
    env: { account, region: 'us-west-2' },
  });
  return stack;
}

const capacity = findMostControlPlanes((count) => measureStack(stackOf(count).lifeboat));

describe('a stack with everything on', () => {
  const { mostControlPlanes, limit, byLimit } = capacity;

  it('holds as many control planes as are derived', () => {
    const said = failure(() => Template.fromStack(stackOf(mostControlPlanes)));

    expect(mostControlPlanes).toBe(mostInAnyStack);
    expect(said).toBe('no failure');
  });

  it('is refused with one more, by the limit that is named', () => {
    const said = failure(() => Template.fromStack(stackOf(mostControlPlanes + 1)));

    expect(limit).toBe('resources');
    expect(Math.min(...Object.values(byLimit))).toBe(mostControlPlanes);
    expect(said).toMatch(
      /the stack Lifeboat would have 5\d{2} resources, but CloudFormation accepts at most 500: put some of the control planes into a second Lifeboat stack/,
    );
  });
});

describe('docs/settings.md', () => {
  const section =
    readFileSync('docs/settings.md', 'utf8').split('## How many control planes a stack holds')[1] ?? '';

  it('says how many control planes a stack holds', () => {
    expect(section).toMatch(
      new RegExp(`^\\s*${capacity.mostControlPlanes}, with everything on, with names of 40 `),
    );
    expect(controlPlaneNameCharacters).toBe(40);
  });

  it('says how many the next limits would allow', () => {
    const { bucketPolicyBytes, environmentBytes } = capacity.byLimit;

    expect([bucketPolicyBytes, environmentBytes]).toEqual([10, 10]);
    expect(section).toMatch(/bucket policy\s+and the webhook's environment would have room for 10/);
  });

  it('says each limit', () => {
    const said = limitNames.filter((name) => section.includes(`| ${stackLimits[name].toLocaleString('en')}`));

    expect(said).toEqual(limitNames);
  });
});

describe('synth refuses', () => {
  const refusals = (settings: LifeboatProps) =>
    new Lifeboat(new Stack(newApp(), 'Gateway'), 'Lifeboat', settings).node.validate();
  const names = (length: number) => Array.from({ length }, (_, index) => `${index}`.padEnd(40, 'x'));
  const longArn = (letter: string) => `arn:aws:iam::${account}:role/${letter.repeat(89)}`;

  it('a policy that S3 would not take, by the names that it really has', () => {
    const settings = (bucketName: string) => ({
      controlPlanes: Object.fromEntries(
        names(10).map((name, index) => [
          name,
          { ...unit, fileReaderRoleArns: index < 3 ? [longArn(String(index))] : [] },
        ]),
      ),
      objectLockDays: 30,
      lockdown: { breakGlassRoleArn: longArn('b'), deploymentRoleArn: longArn('c') },
      bucketName,
      vaultMadeWith: { objectLock: true, bucketName },
    });

    const said = ['v'.repeat(3), 'v'.repeat(63)].map((bucketName) => refusals(settings(bucketName)));

    expect(said).toEqual([
      [],
      [
        expect.stringMatching(
          /^the policy of the bucket would have 2\d{4} bytes, but S3 accepts at most 20480: .*, give them shorter names, or name fewer fileReaderRoleArns/,
        ),
      ],
    ]);
  });

  it.each([
    [
      'the webhook function',
      { controlPlanes: Object.fromEntries(names(12).map((name) => [name, unit])) },
      /^the environment of the function Gateway\/Lifeboat\/Intake\/Function\/.* would have 4\d{3} bytes, but Lambda accepts at most 4096: put some of the control planes into a second Lifeboat stack, or give them shorter names$/,
    ],
    [
      'an export function',
      { controlPlanes: { prod: { ...unit, customPlugins: names(100) } } },
      /^the environment of the function Gateway\/Lifeboat\/Export-prod\/.* would have \d{4} bytes, but Lambda accepts at most 4096: name fewer dataPlaneVersions, customPlugins, wasmFilters or certificates/,
    ],
    [
      'an export function with many filters',
      { controlPlanes: { prod: { ...unit, wasmFilters: names(100) } } },
      /^the environment of the function Gateway\/Lifeboat\/Export-prod\/.* would have \d{4} bytes, .*wasmFilters/,
    ],
  ])('an environment that Lambda would not take, of %s', (_what, settings, sentence) => {
    expect(refusals(settings)).toContainEqual(expect.stringMatching(sentence));
  });

  it('more resources than CloudFormation takes, whoever put them there', () => {
    const stack = new Stack(newApp(), 'Gateway');
    const lifeboat = new Lifeboat(stack, 'Lifeboat', { controlPlanes: { prod: unit } });
    const others = 500 - measureStack(lifeboat).resources;
    for (let count = 0; count < others; count += 1) {
      new sqs.CfnQueue(stack, `Queue${count}`);
    }
    const full = lifeboat.node.validate();
    new sqs.CfnQueue(stack, 'OneMore');

    const said = failure(() => Template.fromStack(stack));

    expect(full).toEqual([]);
    expect(said).toContain(
      'the stack Gateway would have 501 resources, but CloudFormation accepts at most 500: put some of the control planes into a second Lifeboat stack',
    );
  });
});

describe('a stack is measured', () => {
  const deployed = deploy(twoControlPlanes);
  const figures = measureStack(deployed.stack.lifeboat);
  const largest = (type: string, property: string) =>
    Math.max(...ofType(deployed, type).map(({ properties }) => JSON.stringify(properties[property]).length));

  it('with each resource that its template has, and no other', () => {
    expect(figures.resources).toBe(deployed.resources.length);
  });

  it('as it will be deployed', () => {
    const asDeployed: Omit<StackFigures, 'resources'> = {
      bucketPolicyBytes: largest('AWS::S3::BucketPolicy', 'PolicyDocument'),
      keyPolicyBytes: largest('AWS::KMS::Key', 'KeyPolicy'),
      rolePolicyBytes: largest('AWS::IAM::Policy', 'PolicyDocument'),
      environmentBytes: Math.max(
        ...ofType(deployed, 'AWS::Lambda::Function').map((each) => JSON.stringify(environment(each)).length),
      ),
    };

    for (const [name, bytes] of Object.entries(asDeployed)) {
      // Regions have names of several lengths, and so have keys in this test.
      const measured = figures[name as keyof typeof asDeployed];
      expect([name, measured, Math.abs(measured / bytes - 1) < 0.1]).toEqual([name, measured, true]);
    }
  });

  it('with the bytes of a text, not its letters', () => {
    const measureBytes = createDeployedMeasure(deployed.stack);
    const { ref } = { ref: { Ref: one(deployed, 'AWS::S3::Bucket').id } };

    expect(measureBytes('é')).toBe(4);
    expect(measureBytes(ref)).toBeLessThanOrEqual(63 + 2);
  });
});

describe('how many control planes a stack holds', () => {
  const none: StackFigures = {
    resources: 0,
    bucketPolicyBytes: 0,
    keyPolicyBytes: 0,
    rolePolicyBytes: 0,
    environmentBytes: 0,
  };

  it.each([
    ['at the limit', 50, 45, 10],
    ['a unit over it', 51, 45, 9],
  ])('is found by measuring: %s', (_what, own, each, most) => {
    const capacity = findMostControlPlanes((count) => ({ ...none, resources: own + each * count }));

    expect(capacity).toEqual({
      mostControlPlanes: most,
      limit: 'resources',
      byLimit: { resources: most },
    });
  });

  it('is found where the line of the first two leads too far, and not far enough', () => {
    const bent = (count: number) => (count < 5 ? 1000 : count * 500);

    const capacity = findMostControlPlanes((count) => ({
      ...none,
      keyPolicyBytes: count * 100,
      environmentBytes: bent(count),
    }));

    expect(capacity).toMatchObject({ mostControlPlanes: 8, limit: 'environmentBytes' });
    expect(capacity.byLimit).toEqual({ keyPolicyBytes: 327, environmentBytes: 8 });
    expect(stackLimits.environmentBytes).toBe(4096);
  });

  it('is refused when there is room for none', () => {
    expect(() => findMostControlPlanes((count) => ({ ...none, resources: 501 * count }))).toThrow(
      'a stack does not even hold one control plane: resources',
    );
  });
});
