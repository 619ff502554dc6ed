import { describe, expect, it } from '@jest/globals';
import { type Deployment, deploy, deployWithReplica } from '../lib/deployment.ts';
import { compareTemplates, gone, replaced } from '../lib/template-changes.ts';
import { keepLasting, type LastingTemplate, type RecordedStacks } from './recorded-stacks.ts';
import { readJsonFixture, releasedVersions } from './released-fixtures.ts';

/** What CHANGELOG.md tells who comes from a version to add to the settings. */
const additions: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  '0.1.0': {
    'a name, a key and locks of the deployer’s': {
      vaultMadeWith: {
        bucketName: 'example-lifeboat',
        objectLock: true,
        encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/33333333-0000-0000-0000-000000000000',
      },
    },
  },
};

/** What may be made anew since a version, with the reason, which CHANGELOG.md has, too. */
const allowed: Readonly<Record<string, readonly { readonly ids: RegExp; readonly why: string }[]>> = {
  '0.1.0': [
    { ids: /^(Export|Presign)Role/, why: 'roles have stable names, and hold nothing' },
    { ids: /^ApiAccessLog/, why: 'its name takes no room in resource policies; the old one is retained' },
  ],
};

/**
 * CloudFormation compares values, not how they are written: a reference to a bucket is its name, where the
 * template has one.
 */
function resolveBucketNames({ Resources }: LastingTemplate): LastingTemplate {
  const text = Object.entries(Resources).reduce((json, [id, { Properties }]) => {
    const name = Properties['BucketName'];
    return name === undefined ? json : json.replaceAll(`{"Ref":"${id}"}`, JSON.stringify(name));
  }, JSON.stringify(Resources));
  return { Resources: JSON.parse(text) };
}

describe.each(releasedVersions())('an update of what %s has deployed', (version) => {
  const recorded = readJsonFixture<RecordedStacks>(version, 'stacks');
  const mayBeNew = (id: string) => (allowed[version] ?? []).some(({ ids }) => ids.test(id));

  function compare(from: LastingTemplate, { template }: Pick<Deployment, 'template'>) {
    const to = keepLasting(template.toJSON());
    const diff = compareTemplates(resolveBucketNames(from), resolveBucketNames(to));
    const ids = Object.keys(from.Resources);
    const replacedLogs = replaced(diff).filter((id) => to.Resources[id]?.Type === 'AWS::Logs::LogGroup');
    return {
      ids,
      replaced: replaced(diff),
      gone: gone(diff),
      lostLogs: replacedLogs.filter((id) => to.Resources[id]?.UpdateReplacePolicy !== 'Retain'),
    };
  }

  it.each(Object.entries(recorded))(
    'with %s makes nothing anew but what may be, and takes nothing away',
    (what, { settings, first, second }) => {
      const kept = { ...settings, ...additions[version]?.[what] };
      const now = second === undefined ? { first: deploy(kept) } : deployWithReplica(kept);

      const changes = [compare(first, now.first)];
      if (second !== undefined && 'second' in now) {
        changes.push(compare(second, now.second as Pick<Deployment, 'template'>));
      }

      expect(changes.map(({ replaced }) => replaced)).toEqual(changes.map(({ ids }) => ids.filter(mayBeNew)));
      expect(changes.flatMap(({ gone, lostLogs }) => [...gone, ...lostLogs])).toEqual([]);
    },
  );
});
