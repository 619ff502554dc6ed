import type { TemplateDiff } from '@aws-cdk/cloudformation-diff';
import { describe, expect, it } from '@jest/globals';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import { parseSettings } from '../../../lib/settings/settings.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import { newApp } from '../app.ts';
import {
  account,
  type Deployment,
  deploy,
  deployWithReplica,
  failure,
  ofType,
  one,
  region,
  twoControlPlanes,
} from '../deployment.ts';
import { policyDocument } from '../policy.ts';
import { compareTemplates, gone, lastingTypes, replaced } from '../template-changes.ts';

const { prod, staging } = twoControlPlanes.controlPlanes;
const before = deploy(twoControlPlanes);

function keyArn(digit: string): string {
  return `arn:aws:kms:${region}:${account}:key/${digit.repeat(8)}-0000-0000-0000-000000000000`;
}

function change(to: Pick<Deployment, 'template'>, from: Pick<Deployment, 'template'> = before): TemplateDiff {
  return compareTemplates(from.template.toJSON(), to.template.toJSON());
}

function lastingIds(deployment: Deployment, ...words: readonly string[]): readonly string[] {
  return lastingTypes
    .flatMap((type) => ofType(deployment, type))
    .map(({ id }) => id)
    .filter((id) => words.every((word) => id.includes(word)));
}

describe('an update of a running stack', () => {
  it.each<[what: string, settings: object]>([
    [
      'another data-plane version',
      { controlPlanes: { prod: { ...prod, dataPlaneVersions: ['3.9.1', '3.8.0'] }, staging } },
    ],
    ['one version less', { controlPlanes: { prod: { ...prod, dataPlaneVersions: ['3.9.1'] }, staging } }],
    ['one more control plane', { controlPlanes: { prod, staging, test: staging } }],
    [
      'cluster certificates',
      { dataPlaneAuth: { iam: true, clusterCertificate: { certificates: [exampleCertificate] } } },
    ],
    [
      'cluster certificates alone',
      { dataPlaneAuth: { clusterCertificate: { certificates: [exampleCertificate] } } },
    ],
    ['a second signing key', { signingKeys: ['first', 'second'] }],
    ['the second signing key first', { signingKeys: ['second', 'first'] }],
    ['a listener', { controlPlanes: { prod: { ...prod, listen: true }, staging } }],
    ['another schedule', { scheduleMinutes: 10 }],
    ['a longer history', { noncurrentVersionDays: 365, noncurrentVersionsKept: 100 }],
    ['a trail', { dataEvents: true }],
    ['IPv6', { ipv6: true }],
    [
      'lockdown',
      {
        lockdown: {
          breakGlassRoleArn: `arn:aws:iam::${account}:role/b`,
          deploymentRoleArn: `arn:aws:iam::${account}:role/d`,
        },
      },
    ],
    ['other tags', { tags: { team: 'gateway' } }],
  ])('that brings %s replaces nothing and takes nothing that lasts', (_what, settings) => {
    const diff = change(deploy({ ...twoControlPlanes, ...settings }));

    expect(replaced(diff)).toEqual([]);
    expect(gone(diff).filter((id) => lastingIds(before).includes(id))).toEqual([]);
  });

  it('gives no alarm the name that another one has: CloudFormation makes the new one first, and CloudWatch refuses', () => {
    // What 0.1.0 called those that are gone.
    const taken = ['Nothing verified', 'Nothing verified, outages included'];

    const names = ofType(before, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties['AlarmName']);

    expect(names).not.toHaveLength(0);
    expect(names.filter((name) => taken.some((heading) => String(name).endsWith(`: ${heading}`)))).toEqual(
      [],
    );
  });

  it('that takes a control plane away leaves the vault, and what the others have', () => {
    const diff = change(deploy({ ...twoControlPlanes, controlPlanes: { prod } }));

    expect(replaced(diff)).toEqual([]);
    const taken = gone(diff).filter((id) => lastingIds(before).includes(id));
    expect([...taken].sort()).toEqual([...lastingIds(before, 'staging')].sort());
    expect(taken.filter((id) => /Vault|LogKey/.test(id))).toEqual([]);
  });

  it.each<[what: string, settings: object]>([
    ['a control plane less', { controlPlanes: { prod } }],
    ['a renamed control plane', { controlPlanes: { production: prod, staging } }],
    ['no grants by IAM', { dataPlaneAuth: { clusterCertificate: { certificates: [exampleCertificate] } } }],
  ])(
    'with %s leaves no setting of a route that is gone, which API Gateway would refuse',
    (_what, settings) => {
      const routes = (deployment: Deployment) =>
        ofType(deployment, 'AWS::ApiGatewayV2::Route').map(({ properties }) => properties['RouteKey']);
      const named = (deployment: Deployment) =>
        Object.keys(one(deployment, 'AWS::ApiGatewayV2::Stage').properties['RouteSettings'] as object);
      const after = deploy({ ...twoControlPlanes, ...settings });

      expect(named(after)).toEqual(named(before));
      expect(routes(after)).toEqual(expect.arrayContaining(named(before)));
      expect(routes(before).every((key) => routes(after).includes(key))).toBe(false);
    },
  );

  const [old, other] = [keyArn('3'), keyArn('4')];

  it.each<[what: string, settings: object, sentence: string]>([
    [
      'a name',
      { bucketName: 'example-lifeboat' },
      '- bucketName: a vault that is there cannot be given another name: CloudFormation would make a second, empty bucket',
    ],
    [
      'another name',
      { bucketName: 'other-lifeboat', vaultMadeWith: { bucketName: 'example-lifeboat' } },
      '- bucketName: the vault was made with the name "example-lifeboat"',
    ],
    [
      'no name any more',
      { vaultMadeWith: { bucketName: 'example-lifeboat' } },
      '- bucketName: the vault was made with the name "example-lifeboat"',
    ],
    [
      'Object Lock',
      { objectLockDays: 1 },
      '- objectLockDays: CloudFormation gives Object Lock to a new bucket alone',
    ],
    [
      'a key of the deployer’s',
      { encryptionKeyArn: old },
      '- encryptionKeyArn: in a vault that is there what is kept is under another key',
    ],
    [
      'another key',
      { encryptionKeyArn: other, vaultMadeWith: { encryptionKeyArn: old } },
      `Name ${old}, which vaultMadeWith has`,
    ],
    ['no key any more', { vaultMadeWith: { encryptionKeyArn: old } }, `Name ${old}, which vaultMadeWith has`],
    [
      'another key, with the wrong one before it',
      {
        encryptionKeyArn: other,
        previousEncryptionKeyArns: [keyArn('5')],
        vaultMadeWith: { encryptionKeyArn: old },
      },
      `Name ${old}, which vaultMadeWith has`,
    ],
  ])('that brings %s is refused, for it would make an empty vault, or close it', (_what, settings, said) => {
    expect(failure(() => parseSettings({ ...twoControlPlanes, ...settings }))).toContain(said);
  });

  it.each<[setting: string, settings: object]>([
    ['bucketName', { bucketName: 'example-lifeboat' }],
    ['objectLockDays', { objectLockDays: 30 }],
    ['encryptionKeyArn', { encryptionKeyArn: old }],
  ])(
    'from 0.1.0 with %s is told to keep it, for without it the vault would be replaced, and what to add',
    (_setting, settings) => {
      const said = failure(() => parseSettings({ ...twoControlPlanes, ...settings }));
      const [, added = '{}'] = /keep it and add "vaultMadeWith": (\{[^}]+\})/.exec(said) ?? [];

      const taken = parseSettings({ ...twoControlPlanes, ...settings, vaultMadeWith: JSON.parse(added) });

      expect(taken).toMatchObject({ ...settings, vaultMadeWith: JSON.parse(added) });
      expect(added).not.toContain('later');
    },
  );

  it.each<[what: string, from: object, to: object]>([
    [
      'a key of the deployer’s, with the one before it',
      {},
      { encryptionKeyArn: other, previousEncryptionKeyArns: [old] },
    ],
    [
      'another key of the deployer’s, with the one before it',
      { encryptionKeyArn: old, vaultMadeWith: { encryptionKeyArn: old } },
      {
        encryptionKeyArn: other,
        previousEncryptionKeyArns: [old],
        vaultMadeWith: { encryptionKeyArn: old },
      },
    ],
    [
      'the key that the stack makes again, with the one before it',
      { encryptionKeyArn: old, vaultMadeWith: { encryptionKeyArn: old } },
      { previousEncryptionKeyArns: [old], vaultMadeWith: { encryptionKeyArn: old } },
    ],
    [
      'longer locks',
      { objectLockDays: 1, vaultMadeWith: { objectLock: true } },
      { objectLockDays: 365, vaultMadeWith: { objectLock: true } },
    ],
    [
      'no locks any more',
      { objectLockDays: 1, vaultMadeWith: { objectLock: true } },
      { vaultMadeWith: { objectLock: true } },
    ],
    [
      'locks in a bucket that S3 itself was told to lock in',
      {},
      { objectLockDays: 30, vaultMadeWith: { objectLock: 'later' } },
    ],
  ])('that brings %s replaces nothing', (_what, from, to) => {
    const [earlier, later] = [from, to].map((settings) => deploy({ ...twoControlPlanes, ...settings }));
    const diff = change(later as Deployment, earlier);

    expect(replaced(diff)).toEqual([]);
    expect(gone(diff).filter((id) => !/EncryptionKey/.test(id))).toEqual([]);
  });

  it.each<[setting: string, settings: object]>([
    ['bucketName', { bucketName: 'example-lifeboat', vaultMadeWith: { bucketName: 'example-lifeboat' } }],
    // As the service specification of CloudFormation has it.
    ['objectLockDays', { objectLockDays: 30, vaultMadeWith: { objectLock: true } }],
  ])(
    'with another %s, once that is said twice, makes an empty vault, and leaves the old one, with its policy',
    (_setting, settings) => {
      const diff = change(deploy({ ...twoControlPlanes, ...settings }));

      const kept = [one(before, 'AWS::S3::Bucket').id, one(before, 'AWS::S3::BucketPolicy').id];
      const Resources = before.template.toJSON()['Resources'];
      expect(replaced(diff)).toEqual(kept);
      expect(kept.map((id) => Resources[id].UpdateReplacePolicy)).toEqual(['Retain', 'Retain']);
    },
  );

  it('with a key of the deployer’s leaves the key in KMS that was made', () => {
    const diff = change(
      deploy({ ...twoControlPlanes, encryptionKeyArn: other, previousEncryptionKeyArns: [old] }),
    );

    const key = one(before, 'AWS::KMS::Key', 'Encryption').id;
    expect(gone(diff)).toEqual([key]);
    expect(before.template.toJSON()['Resources'][key].DeletionPolicy).toBe('RetainExceptOnCreate');
  });
});

describe('a replica with another bucket', () => {
  const withBucket = (bucketName?: string) =>
    deployWithReplica(twoControlPlanes, bucketName === undefined ? {} : { bucketName });
  const [unnamed, named, renamed] = [withBucket(), withBucket('one-replica'), withBucket('other-replica')];

  it.each([
    ['a name', unnamed, named, 'one-replica'],
    ['another name', named, renamed, 'other-replica'],
  ] as const)('%s: changes the first region’s template, so that S3 copies there', (_what, from, to, name) => {
    const diff = change(to.first, from.first);
    const changed = diff.resources.logicalIds.map((id) => to.first.template.toJSON()['Resources'][id]);

    expect(replaced(change(to.second, from.second))).toEqual([
      one(from.second, 'AWS::S3::Bucket').id,
      one(from.second, 'AWS::S3::BucketPolicy').id,
    ]);
    expect(replaced(diff)).toEqual([]);
    const destinations = { Destination: expect.objectContaining({ Bucket: `arn:aws:s3:::${name}` }) };
    const bucket = changed.find(({ Type }) => Type === 'AWS::S3::Bucket');
    expect(bucket.Properties.ReplicationConfiguration.Rules).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining(destinations)),
    );
    const texts = changed.map((each) => JSON.stringify(each)).filter((text) => text.includes(name));
    // The bucket, the replication role's policy, and an alarm for each control plane.
    expect(texts).toHaveLength(4);
    expect(JSON.stringify(to.first.template.toJSON())).not.toContain('BucketArn"');
  });
});

describe('a new deployment that adopts what a deleted stack has left', () => {
  const physical = {
    bucketName: 'lifeboat-left-over',
    encryptionKeyArn: keyArn('1'),
    signingKeyArns: { first: keyArn('2') },
  };
  const adopting = deploy({
    ...twoControlPlanes,
    ...physical,
    vaultMadeWith: { bucketName: physical.bucketName, encryptionKeyArn: physical.encryptionKeyArn },
  });

  /** A policy as it stands in the account, with the names that the old stack's resources have there. */
  function deployedText(deployment: Deployment, policy: unknown): string {
    return JSON.stringify(policy)
      .replaceAll(one(before, 'AWS::S3::Bucket').arn, `arn:aws:s3:::${physical.bucketName}`)
      .replaceAll(one(adopting, 'AWS::S3::Bucket').arn, `arn:aws:s3:::${physical.bucketName}`)
      .replaceAll(one(before, 'AWS::KMS::Key', 'Encryption').arn, physical.encryptionKeyArn)
      .replaceAll(String(deployment.stack.region), region);
  }

  it('has no key of its own but that of the logs', () => {
    expect(ofType(adopting, 'AWS::KMS::Key').map(({ id }) => id)).toEqual([expect.stringMatching(/^LogKey/)]);
  });

  it('gives the bucket the policy that it has: the same roles, by their names', () => {
    const policyOf = (deployment: Deployment) =>
      deployedText(deployment, one(deployment, 'AWS::S3::BucketPolicy').properties['PolicyDocument']);

    expect(policyOf(adopting)).toBe(policyOf(before));
  });

  it('has the roles that the old keys know, and no other', () => {
    const roles = ofType(adopting, 'AWS::IAM::Role').map(({ arn }) => arn);
    const known = ofType(before, 'AWS::KMS::Key')
      .filter(({ id }) => id.startsWith('Vault'))
      .flatMap(({ properties }) => v.parse(policyDocument, properties['KeyPolicy']).Statement)
      .flatMap(({ Condition }) => JSON.stringify(Condition).match(/arn:aws:iam::\d+:role\/[\w.-]+/g) ?? []);

    expect(new Set(known).size).toBe(6);
    expect(roles).toEqual(expect.arrayContaining([...new Set(known)]));
  });

  it('names bucket and keys as text where CloudFormation takes them in', () => {
    const Resources = adopting.template.toJSON()['Resources'];
    const bucket = one(adopting, 'AWS::S3::Bucket').id;
    const policy = one(adopting, 'AWS::S3::BucketPolicy').id;

    expect(Resources[bucket]).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: { BucketName: physical.bucketName },
    });
    expect(Resources[policy]).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      DependsOn: [bucket],
      Properties: { Bucket: physical.bucketName },
    });
  });

  it('says what the policies of the keys need, which it cannot change', () => {
    expect(Object.keys(adopting.outputs)).toEqual(
      expect.arrayContaining(['EncryptionKeyStatements', 'SigningKeyStatementsfirst']),
    );
    const signing = one(before, 'AWS::KMS::Key', 'SigningKey').properties['KeyPolicy'];
    const { Statement } = v.parse(policyDocument, signing);
    const needed = JSON.parse(adopting.outputs['SigningKeyStatementsfirst'] ?? '');

    expect(Statement.map(({ Sid }) => Sid)).toEqual(
      expect.arrayContaining(needed.map(({ Sid }: { readonly Sid: string }) => Sid)),
    );
  });
});

describe('names of roles', () => {
  const roleNames = (name: string) =>
    ofType(deploy({ ...twoControlPlanes, controlPlanes: { [name]: prod } }), 'AWS::IAM::Role').flatMap(
      ({ properties }) => properties['RoleName'] ?? [],
    );

  it('say deployment, control plane, kind and region', () => {
    expect(roleNames('prod')).toEqual(
      ['export', 'presign', 'inspect'].map((kind) => `Lifeboat.prod.${kind}.${region}`),
    );
  });

  it.each<[what: string, one: readonly [string, string, string], other: readonly [string, string, string]]>([
    [
      'a stack’s name and a control plane’s',
      ['Lifeboat', 'Default', 'eu-prod'],
      ['Lifeboat-eu', 'Default', 'prod'],
    ],
    ['a construct’s id and a control plane’s', ['Platform', 'a', 'b-prod'], ['Platform', 'a-b', 'prod']],
    [
      'characters that IAM does not take',
      ['Platform', 'my gateways', 'prod'],
      ['Platform', 'my*gateways', 'prod'],
    ],
  ])('stay apart where the same words are in %s', (_what, one, other) => {
    const namesOf = ([stackName, id, name]: readonly [string, string, string]) => {
      const stack = new Stack(newApp(), stackName, { env: { account, region } });
      new Lifeboat(stack, id, { controlPlanes: { [name]: prod } });
      return Object.values(Template.fromStack(stack).findResources('AWS::IAM::Role')).flatMap(
        ({ Properties }) => Properties.RoleName ?? [],
      ) as readonly string[];
    };
    const names = [...namesOf(one), ...namesOf(other)];

    expect(names).toHaveLength(6);
    expect(new Set(names).size).toBe(6);
    // IAM API Reference, CreateRole.
    expect(names.filter((name) => !/^[\w+=,.@-]{1,64}$/.test(name))).toEqual([]);
  });

  it('are cut where they would be too long, and stay apart', () => {
    const long = 'a'.repeat(40);
    const names = [...roleNames(long), ...roleNames(`${long.slice(1)}b`)];

    expect(new Set(names).size).toBe(6);
    expect(names.filter((name) => String(name).length > 64)).toEqual([]);
  });
});
