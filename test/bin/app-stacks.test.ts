import { fullDiff } from '@aws-cdk/cloudformation-diff';
import { describe, expect, it } from '@jest/globals';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { addAppStacks } from '../../bin/app-stacks.ts';
import type { LifeboatStack } from '../../lib/deployment/lifeboat-stack.ts';
import { mostInAnyStack } from '../../lib/settings/app-stacks.ts';
import { parseAppSettings } from '../../lib/settings/settings.ts';
import { newApp } from '../lib/app.ts';
import { failure } from '../lib/deployment.ts';

const names = Array.from({ length: 50 }, (_, index) => `team-${index + 1}`);
const planes = (some: readonly string[], more: object = {}) =>
  Object.fromEntries(
    some.map((name) => [
      name,
      { clusterEndpoint: `${name}.example.com:8005`, dataPlaneVersions: ['3.9.1'], ...more },
    ]),
  );
const said = (settings: object) => failure(() => addAppStacks(newApp(), settings));
const proposed = (text: string) =>
  JSON.parse(/"stacks": (\{.*\})$/s.exec(text)?.[1] ?? '{}') as Record<
    string,
    { readonly controlPlanes: readonly string[] }
  >;

describe('an app with 50 control planes', () => {
  const text = said({ controlPlanes: planes(names) });
  const groups = proposed(text);
  const stacks = addAppStacks(newApp(), { controlPlanes: planes(names), stacks: groups });

  it('is refused where nothing says which one is where, and told how to write it down', () => {
    const all = Object.values(groups).map(({ controlPlanes }) => controlPlanes);

    expect(text).toContain('SettingsError: 50 control planes do not fit into one stack');
    expect(all.flat()).toEqual(names);
    // So many small ones fit: none that may be deployed there already is told to move.
    expect(all[0]?.length).toBeGreaterThan(mostInAnyStack);
    expect(all.slice(1).every((each) => each.length <= mostInAnyStack)).toBe(true);
  });

  it('has as many stacks as are written down, each with its own control planes, vault and keys', () => {
    expect(stacks.map(({ stackName }) => stackName)).toEqual(Object.keys(groups));
    expect(stacks[1]?.stackName).toBe('Lifeboat2');
    expect(stacks.map(({ lifeboat }) => [...lifeboat.units.keys()])).toEqual(
      Object.values(groups).map(({ controlPlanes }) => controlPlanes),
    );
    expect(new Set(stacks.map(({ lifeboat }) => lifeboat.vault.bucket)).size).toBe(stacks.length);
  });
});

describe('an app with control planes in stacks', () => {
  it('leaves a stack as it is when a control plane comes to another one, or goes from there', () => {
    const own = names.slice(0, 2);
    const make = (others: readonly string[]) =>
      addAppStacks(newApp(), {
        controlPlanes: planes([...own, ...others]),
        stacks: { Own: { controlPlanes: own }, Other: { controlPlanes: others } },
      });

    const [before = {}, after = {}] = [make(['gone', 'stays']), make(['stays', 'new'])].map(([stack]) =>
      Template.fromStack(stack as LifeboatStack).toJSON(),
    );

    expect(fullDiff(before, after).differenceCount).toBe(0);
  });

  it('is refused for a new one that is in no stack, and moves none that is', () => {
    const adopted = { bucketName: 'old-vault', vaultMadeWith: { bucketName: 'old-vault' } };
    const stacks = {
      Old: { ...adopted, controlPlanes: names.slice(3, 5) },
      Full: { controlPlanes: names.slice(5, 12) },
    };

    const text = said({ controlPlanes: planes(names.slice(2, 13)), stacks });

    expect(text).toContain('- stacks: "team-3", "team-13" are in no stack.');
    expect(proposed(text)).toEqual({
      Old: { ...adopted, controlPlanes: ['team-4', 'team-5', 'team-3', 'team-13'] },
      Full: stacks.Full,
    });
  });
});

describe('stacks that cannot be as they are written down', () => {
  const [one = '', two = ''] = names;
  const both = planes([one, two]);
  const divided = { A: { controlPlanes: [one] }, B: { controlPlanes: [two] } };
  const vpc = {
    vpcId: 'vpc-0000000a',
    availabilityZones: ['eu-central-1a'],
    subnetIds: ['subnet-0000000a'],
    securityGroupIds: ['sg-0000000a'],
  };
  const replica = { region: 'eu-west-1' };

  it.each<[what: string, settings: object, sentence: string]>([
    [
      'a control plane in two',
      { stacks: { ...divided, C: { controlPlanes: [one] } } },
      '- stacks.C: control plane "team-1" is in A already: keep it in the stack that it is deployed in',
    ],
    [
      'one that there is not',
      { stacks: { ...divided, C: { controlPlanes: ['team-9'] } } },
      '- stacks.C: there is no control plane "team-9"',
    ],
    [
      'none in a stack',
      { stacks: { A: { controlPlanes: [] } } },
      '- stacks.A.controlPlanes: name at least one',
    ],
    ['a name of no stack', { stacks: { '1': divided.A } }, 'the name of a CloudFormation stack is expected'],
    [
      'one bucket for two',
      { stacks: divided, bucketName: 'example', vaultMadeWith: { bucketName: 'example' } },
      '- bucketName: it can belong to one stack alone: put it into the section of that stack (stacks.<name>.bucketName)',
    ],
    [
      'one bucket for two second regions',
      { stacks: divided, region: 'eu-central-1', replica: { ...replica, bucketName: 'example' } },
      '- replica.bucketName: it can belong to one stack alone',
    ],
    [
      'the name of a second region',
      {
        stacks: { A: divided.A, AReplica: divided.B },
        region: 'eu-central-1',
        replica,
      },
      '- stacks.AReplica: the second region of A has this name',
    ],
    [
      'a network with endpoints of another stack',
      {
        stacks: divided,
        controlPlanes: {
          ...planes([one], { vpc: { ...vpc, endpoints: { routeTableIds: ['rtb-0000000a'] } } }),
          ...planes([two], { vpc }),
        },
      },
      '- stacks.B: "team-2" is in the network vpc-0000000a, whose endpoints A makes',
    ],
  ])('are refused: %s', (_what, settings, sentence) => {
    expect(said({ controlPlanes: both, ...settings })).toContain(sentence);
  });

  it('may be one, which has what only one stack can have, in its section or not', () => {
    const own = { bucketName: 'example', vaultMadeWith: { bucketName: 'example' } };
    const all = { controlPlanes: [one, two] };

    for (const given of [{ ...own, stacks: { Only: all } }, { stacks: { Only: { ...all, ...own } } }]) {
      expect(parseAppSettings({ controlPlanes: both, ...given }).stacks).toEqual([
        expect.objectContaining({ stackName: 'Only', settings: expect.objectContaining(own) }),
      ]);
    }
  });

  it('may be two in one network, where the stack that makes its endpoints has all of it', () => {
    const controlPlanes = {
      ...planes([one], { vpc: { ...vpc, endpoints: { routeTableIds: ['rtb-0000000a'] } } }),
      ...planes([two], { vpc }),
      ...planes(['elsewhere']),
    };
    const stacks = { A: { controlPlanes: [one, two] }, B: { controlPlanes: ['elsewhere'] } };

    expect(parseAppSettings({ controlPlanes, stacks }).stacks).toHaveLength(2);
  });

  it('are taken with a bucket, a key and a second region each', () => {
    const own = (bucketName: string) => ({ bucketName, vaultMadeWith: { bucketName } });
    const app = newApp();

    const stacks = addAppStacks(app, {
      controlPlanes: both,
      region: 'eu-central-1',
      replica,
      stacks: {
        A: { ...divided.A, ...own('a-vault'), replica: { bucketName: 'a-copy' } },
        B: { ...divided.B, ...own('b-vault') },
      },
    });

    expect(stacks.map(({ lifeboat }) => lifeboat.settings.bucketName)).toEqual(['a-vault', 'b-vault']);
    expect(app.node.children.map(({ node }) => node.id)).toEqual(
      expect.arrayContaining(['A', 'AReplica', 'B', 'BReplica']),
    );
    const [copy] = Object.values(
      Template.fromStack(app.node.findChild('AReplica') as Stack).findResources('AWS::S3::Bucket'),
    );
    expect(copy?.['Properties'].BucketName).toBe('a-copy');
  });
});
