import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ConfigVault, VersionStatus } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { type Manifest, verifyManifest } from '../../../core/vault/manifest.ts';
import { type RollbackRequest, rollBack, unpin } from '../../../core/vault/pin.ts';
import { findNoted, type PublishParts, publish } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf } from './guarding.ts';
import { type LocalSigner, localSigner } from './local-signer.ts';
import { type MemoryVault, memoryVault } from './memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const secondsLater = (seconds: number) => new Date(builtAt.getTime() + seconds * 1000);
const tables = ['a', 'b', 'c'].map((id) => ({ services: [{ id }] }));

let vault: MemoryVault;
let signer: LocalSigner;
beforeEach(async () => {
  vault = memoryVault();
  signer = await localSigner();
  // Revisions 1, 2 and 3, of which the third is the bad one.
  for (const [index, table] of tables.entries()) {
    await publish(parts(), {
      name,
      configuration: await served(table, secondsLater(index)),
      lastStatus: undefined,
      guard: guardOf(),
    });
  }
});

const parts = (own: ConfigVault = vault): PublishParts => ({
  vault: own,
  signer,
  clock: skippingClock(secondsLater(60)),
  random: countingRandom(),
});
const rollingBack = (request: Partial<RollbackRequest> = {}, own?: ConfigVault) =>
  rollBack(parts(own), {
    name,
    revision: 1,
    sees: 3,
    lastStatus: undefined,
    signal: undefined,
    ...request,
  });
const unpinning = (sees: number) => unpin(parts(), { name, sees, lastStatus: undefined, signal: undefined });
const publishing = async (table: object, at: Date, lastStatus?: VersionStatus) =>
  publish(parts(), { name, configuration: await served(table, at), lastStatus, guard: guardOf() });

async function current(): Promise<{ manifest: Manifest; table: unknown; comment: string }> {
  const { gzip, manifest = '' } = vault.versions(name).at(-1) ?? { gzip: '' };
  const { _comment: comment, ...table } = JSON.parse(gunzipSync(gzip).toString('utf8'));
  return { manifest: await verifyManifest(manifest, [signer.publicKey]), table, comment };
}
const tableOfVersion = (versionId: number) => {
  const { _comment, ...table } = JSON.parse(
    gunzipSync(vault.versions(name)[versionId - 1]?.gzip ?? '').toString('utf8'),
  );
  return table;
};

describe('rolling back', () => {
  it('publishes the content of an earlier revision as a new one, pinned and no older than what it replaces', async () => {
    const outcome = await rollingBack();

    const { manifest, table, comment } = await current();
    expect(outcome).toMatchObject({ outcome: 'published', versionId: '4', replacedVersionId: '3' });
    expect(table).toEqual(tableOfVersion(1));
    expect(comment).toContain('revision 4');
    expect(manifest).toMatchObject({
      revision: 4,
      previousVersionId: '3',
      rollbackOf: 1,
      pinned: true,
      builtAt: secondsLater(2),
    });
  });

  it('answers a repetition with what was done the first time, whatever came after', async () => {
    await rollingBack();
    await unpinning(4);
    await publishing(tables[2] ?? {}, secondsLater(30));

    const again = await rollingBack();

    expect(again).toMatchObject({ outcome: 'repeated', versionId: '4', manifest: { revision: 4 } });
    expect(vault.versions(name)).toHaveLength(6);
  });

  it('is done once by two operators at once who want the same', async () => {
    const outcomes = await Promise.all([rollingBack(), rollingBack()]);

    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['published', 'repeated']);
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('is done by one of two operators at once who want another revision each', async () => {
    const outcomes = await Promise.allSettled([rollingBack(), rollingBack({ revision: 2 })]);

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'stale' },
    });
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('gives way to an export at once that its sender did not see', async () => {
    const exportFirst = {
      ...vault,
      async content(...version: Parameters<ConfigVault['content']>) {
        await publishing({ services: [{ id: 'd' }] }, secondsLater(9));
        return vault.content(...version);
      },
    };

    const outcome = rollingBack({}, exportFirst);

    await expect(outcome).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining('revision 4 of prod/3.9.1/config.json is current'),
    });
    expect((await current()).manifest.pinned).toBeUndefined();
  });

  it('may go on to another revision from a pinned one', async () => {
    await rollingBack();

    await rollingBack({ revision: 2, sees: 4 });

    expect((await current()).manifest).toMatchObject({ revision: 5, rollbackOf: 2, pinned: true });
  });

  it('replaces something foreign with what was asked for, and says so', async () => {
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: 'theirs' });

    const outcome = await rollingBack();

    expect(outcome).toMatchObject({ manifestReplaced: true, warning: expect.stringContaining('replaced') });
    expect((await current()).manifest).toMatchObject({ revision: 4, previousVersionId: '3' });
  });

  it.each([
    ['the current revision', { revision: 3 }, 'is the current one'],
    ['one that is not there yet', { revision: 9 }, 'has no revision 9 yet'],
    ['another version’s', { name: { ...name, kongVersion: '3.8.1' } }, 'no revision of ours'],
  ])('to %s is refused', async (_, request, sentence) => {
    const outcome = rollingBack(request);

    await expect(outcome).rejects.toMatchObject({
      code: 'senseless',
      message: expect.stringContaining(sentence),
    });
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('to one that is pruned is refused', async () => {
    const pruned = {
      ...vault,
      versionIds: async () => ['3', '2'],
    };

    const outcome = rollingBack({}, pruned);

    await expect(outcome).rejects.toMatchObject({
      code: 'senseless',
      message: expect.stringContaining('not in the history any more'),
    });
  });

  it('to one that a stranger has signed is refused', async () => {
    const stranger = await localSigner();
    const theirs = memoryVault();
    await publish(
      { ...parts(), vault: theirs, signer: stranger },
      {
        name,
        configuration: await served({ services: [{ id: 'x' }] }),
        lastStatus: undefined,
        guard: guardOf(),
      },
    );
    const [, ...others] = vault.versions(name);
    vault.lose(name);
    for (const version of [...theirs.versions(name), ...others]) {
      vault.overwrite(name, version);
    }

    const outcome = rollingBack();

    await expect(outcome).rejects.toMatchObject({
      code: 'senseless',
      message: expect.stringContaining('none of our keys has signed'),
    });
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('to one that cannot be read is refused', async () => {
    const unreadable = {
      ...vault,
      content: async () => {
        throw new VaultError('denied', 'S3 refused reading');
      },
    };

    const outcome = rollingBack({}, unreadable);

    await expect(outcome).rejects.toMatchObject({ code: 'senseless', message: 'S3 refused reading' });
  });
});

describe('while a revision is pinned', () => {
  beforeEach(() => rollingBack());

  it('exports publish nothing, however new the configuration', async () => {
    const outcome = await publishing({ services: [{ id: 'd' }] }, secondsLater(3600));

    expect(outcome).toMatchObject({ outcome: 'pinned', versionId: '4', manifest: { rollbackOf: 1 } });
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('nor do those that look at the vault alone call it unchanged', async () => {
    const noted: VersionStatus = {
      kongVersion: '3.9.1',
      revision: 4,
      sha256: '',
      configHash: '',
      changed: false,
      versionId: '4',
    };

    expect(await findNoted(parts(), name, noted)).toMatchObject({ outcome: 'pinned', versionId: '4' });
  });

  it('an export that read what was there before publishes nothing over it', async () => {
    vault.lose(name);
    await publishing(tables[0] ?? {}, secondsLater(0));
    await publishing(tables[1] ?? {}, secondsLater(1));
    let isRolledBack = false;
    const rollbackFirst = {
      ...vault,
      async publish(...revision: Parameters<ConfigVault['publish']>) {
        if (!isRolledBack) {
          isRolledBack = true;
          await rollingBack({ sees: 2 });
        }
        return vault.publish(...revision);
      },
    };

    const outcome = await publish(parts(rollbackFirst), {
      name,
      configuration: await served(tables[2] ?? {}, secondsLater(5)),
      lastStatus: undefined,
      guard: guardOf(),
    });

    expect(outcome).toMatchObject({ outcome: 'pinned', versionId: '3' });
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('something foreign is replaced by what is pinned, and that stays pinned', async () => {
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: 'theirs' });

    const outcome = await publishing({ services: [{ id: 'd' }] }, secondsLater(3600));

    expect(outcome).toMatchObject({ outcome: 'pinned', restored: { manifestReplaced: true } });
    const { manifest, table } = await current();
    expect(manifest).toMatchObject({ revision: 5, pinned: true, rollbackOf: 1 });
    expect(table).toEqual(tableOfVersion(1));
  });
});

describe('unpinning', () => {
  beforeEach(() => rollingBack());

  it('publishes the same content unpinned, and the next export goes on from there', async () => {
    const outcome = await unpinning(4);

    expect(outcome).toMatchObject({ outcome: 'published', manifest: { revision: 5 } });
    const { manifest, table } = await current();
    expect(manifest).toMatchObject({ previousVersionId: '4', builtAt: secondsLater(2) });
    expect([manifest.pinned, manifest.rollbackOf]).toEqual([undefined, undefined]);
    expect(table).toEqual(tableOfVersion(1));
    const next = await publishing({ services: [{ id: 'd' }] }, secondsLater(30));
    expect(next).toMatchObject({ outcome: 'published', manifest: { revision: 6 } });
  });

  it('answers a repetition with what was done the first time', async () => {
    const outcomes = await Promise.all([unpinning(4), unpinning(4)]);

    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['published', 'repeated']);
    expect(outcomes.map(({ manifest }) => manifest.revision)).toEqual([5, 5]);
  });

  it('of a revision that is not current is refused', async () => {
    await expect(unpinning(3)).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining('revision 4 of prod/3.9.1/config.json is current, and pinned'),
    });
  });

  it('of what is not pinned is refused', async () => {
    await unpinning(4);

    await expect(unpinning(5)).rejects.toMatchObject({
      code: 'senseless',
      message: expect.stringContaining('is not pinned'),
    });
  });
});
