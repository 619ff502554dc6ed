import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import type { ConfigVault, VersionStatus } from '../../../core/vault/config-vault.ts';
import { behindToleranceMs } from '../../../core/vault/decision.ts';
import { RevisionConflict, VaultError } from '../../../core/vault/errors.ts';
import { type Manifest, signManifest, verifyManifest } from '../../../core/vault/manifest.ts';
import { type NewPublication, type PublishParts, publish, repair } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf, notHeld } from './guarding.ts';
import { type LocalSigner, localSigner } from './local-signer.ts';
import { type MemoryVault, memoryVault } from './memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const exportedAt = new Date('2026-11-23T04:00:05Z');
const minutesLater = (minutes: number) => new Date(exportedAt.getTime() + minutes * 60_000);
const [one, two] = [{ services: [{ id: 'a' }] }, { services: [{ id: 'a' }, { id: 'b' }] }];

let vault: MemoryVault;
let signer: LocalSigner;
beforeEach(async () => {
  vault = memoryVault();
  signer = await localSigner();
});

function publishing(
  configuration: ControlPlaneConfiguration,
  parts: Partial<PublishParts> = {},
  lastStatus?: Partial<VersionStatus>,
) {
  const status: VersionStatus | undefined = lastStatus && {
    kongVersion: '3.9.1',
    revision: 1,
    sha256: '',
    configHash: '',
    changed: false,
    ...lastStatus,
  };
  return publish(
    { vault, signer, clock: skippingClock(exportedAt), random: countingRandom(), ...parts },
    { name, configuration, lastStatus: status, guard: guardOf() },
  );
}

/** The history's manifests, each checked against its file. */
async function history(keys = [signer.publicKey]): Promise<readonly Manifest[]> {
  return Promise.all(
    vault.versions(name).map(async ({ gzip, manifest = '' }) => {
      const verified = await verifyManifest(manifest, keys);
      const file = gunzipSync(gzip);
      expect(verified).toMatchObject({
        sha256: createHash('sha256').update(file).digest('hex'),
        md5: createHash('md5').update(file).digest('hex'),
        size: file.length,
      });
      return verified;
    }),
  );
}

function tableOf(gzip: Uint8Array | undefined): unknown {
  const { _comment, ...table } = JSON.parse(gunzipSync(gzip ?? '').toString('utf8'));
  return table;
}

/** The manifests of ours in the history, whatever stands between them. */
async function ownHistory(): Promise<readonly Manifest[]> {
  const manifests = await Promise.allSettled(
    vault.versions(name).map(({ manifest = '' }) => verifyManifest(manifest, [signer.publicKey])),
  );
  return manifests.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}

describe('repairing', () => {
  const parts = () => ({ vault, signer, clock: skippingClock(exportedAt), random: countingRandom() });
  const repairing = (lastStatus?: VersionStatus) => repair(parts(), { name, lastStatus, signal: undefined });

  it('puts our newest revision in the place of something foreign, as a new one', async () => {
    await publishing(await served(one));
    const last = notHeld(await publishing(await served(two)));
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: 'theirs' });

    const restored = await repairing();

    expect(restored).toMatchObject({
      manifest: { revision: 3, previousVersionId: '2' },
      manifestReplaced: true,
    });
    expect(restored?.servedTables).toEqual(last.servedTables);
    expect(await ownHistory()).toHaveLength(3);
  });

  it.each([
    ['where everything is ours', async () => void (await publishing(await served(one)))],
    ['where nothing is', async () => undefined],
    [
      'where nothing of ours is left',
      async () => vault.overwrite(name, { gzip: Buffer.of(1), manifest: 'x' }),
    ],
  ])('does nothing %s', async (_, prepare) => {
    await prepare();
    const versions = vault.versions(name);

    const restored = await repairing();

    expect(restored).toBeUndefined();
    expect(vault.versions(name)).toEqual(versions);
  });

  it('puts nothing back that is not what its manifest was signed for', async () => {
    await publishing(await served(one));
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: undefined });
    const lying = { ...vault, content: async () => gzipSync('{"_format_version":"3.0"}') };

    const outcome = repair({ ...parts(), vault: lying }, { name, lastStatus: undefined, signal: undefined });

    await expect(outcome).rejects.toMatchObject({ code: 'manifest' });
    expect(vault.versions(name)).toHaveLength(2);
  });
});

describe('publishing', () => {
  it('begins with revision 1', async () => {
    const configuration = await served(one);

    const outcome = await publishing(configuration);

    const [manifest, ...more] = await history();
    expect(outcome).toEqual({
      outcome: 'published',
      manifest,
      gzip: vault.versions(name)[0]?.gzip,
      replacedVersionId: undefined,
      warning: undefined,
      manifestReplaced: false,
      publishedAt: new Date('2026-11-23T04:00:05Z'),
      versionId: '1',
      servedTables: [configuration.tableSha256],
      measure: { entities: { services: 1, total: 1 }, identity: {} },
    });
    expect(more).toEqual([]);
    expect(manifest).toMatchObject({
      ...name,
      revision: 1,
      previousSha256: null,
      configHash: configuration.configHash,
      builtAt,
      exportedAt,
      entities: { services: 1, total: 1 },
    });
  });

  it('names control plane, revision, time and version to whoever finds the file', async () => {
    await publishing(await served(one));

    const file = JSON.parse(gunzipSync(vault.versions(name)[0]?.gzip ?? '').toString('utf8'));
    expect(file).toEqual({
      _comment:
        'Lifeboat: control plane "prod", revision 1, exported 2026-11-23T04:00:05.000Z for Kong 3.9.1',
      _format_version: '3.0',
      _transform: false,
      ...one,
    });
  });

  it('chains each revision to the one before', async () => {
    await publishing(await served(one));
    await publishing(await served(two));
    await publishing(await served(one), { clock: skippingClock(minutesLater(1)) });

    const [first, second, third] = await history();
    expect([first, second, third].map((manifest) => manifest?.revision)).toEqual([1, 2, 3]);
    expect(second?.previousSha256).toBe(first?.sha256);
    expect(third?.previousSha256).toBe(second?.sha256);
    expect([first, second, third].map((manifest) => manifest?.previousVersionId)).toEqual([
      undefined,
      '1',
      '2',
    ]);
    // The same content again is a new file: an etag must not come back.
    expect(third?.sha256).not.toBe(first?.sha256);
  });

  it.each([
    ['names', 200],
    ['does not name', 201],
  ])('%s the version before whose id has %d characters', async (_, length) => {
    await publishing(await served(one));
    const versionId = 'v'.repeat(length);
    const current: ConfigVault['current'] = async (asked) => {
      const found = await vault.current(asked);
      return found && { ...found, versionId };
    };

    const content: ConfigVault['content'] = async (asked) => vault.content(asked, '1');
    await publishing(await served(two), { vault: { ...vault, current, content } });

    const [first, second] = await history();
    expect(second?.previousSha256).toBe(first?.sha256);
    expect(second?.previousVersionId).toBe(length > 200 ? undefined : versionId);
  });

  it('publishes nothing when the configuration is unchanged, however new the frame', async () => {
    await publishing(await served(one));

    const outcome = await publishing(await served(one, minutesLater(10)), {
      clock: skippingClock(minutesLater(11)),
    });

    expect(outcome).toMatchObject({ outcome: 'unchanged', manifest: (await history())[0] });
    expect(vault.versions(name)).toHaveLength(1);
  });

  it('publishes the same configuration again, in silence, when the signing key is a new one', async () => {
    const newSigner = await localSigner();
    await publishing(await served(one));

    const outcome = await publishing(await served(one), {
      signer: newSigner,
      retiredKeys: [signer.publicKey],
    });

    const [old, renewed] = await history([signer.publicKey, newSigner.publicKey]);
    expect(outcome).toMatchObject({
      outcome: 'published',
      manifest: renewed,
      manifestReplaced: false,
      warning: undefined,
    });
    expect(renewed).toMatchObject({
      revision: 2,
      previousSha256: old?.sha256,
      configHash: old?.configHash,
    });
    const newest = vault.versions(name).at(-1)?.manifest ?? '';
    await expect(verifyManifest(newest, [newSigner.publicKey])).resolves.toEqual(renewed);
  });

  it('never calls an older configuration news because the signing key is a new one', async () => {
    const newSigner = await localSigner();
    await publishing(await served(one));

    const outcome = await publishing(await served(two, minutesLater(-1)), {
      signer: newSigner,
      retiredKeys: [signer.publicKey],
    });

    expect(outcome).toMatchObject({ outcome: 'behind', restored: undefined });
    expect(vault.versions(name)).toHaveLength(1);
  });

  it('is not stopped by a revision that the holder of a retired key has numbered after all others', async () => {
    const newSigner = await localSigner();
    const { manifest, gzip } = (await publishing(await served(one))) as NewPublication;
    const last = { ...manifest, revision: Number.MAX_SAFE_INTEGER };
    vault.overwrite(name, { gzip, manifest: await signManifest(last, signer) });

    const outcome = await publishing(await served(two, minutesLater(1)), {
      signer: newSigner,
      retiredKeys: [signer.publicKey],
    });

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifestReplaced: true,
      manifest: { revision: 2 },
    });
  });

  it('keeps the time of what it publishes again, however old the frame', async () => {
    const newSigner = await localSigner();
    await publishing(await served(one));

    await publishing(await served(one, minutesLater(-60)), {
      signer: newSigner,
      retiredKeys: [signer.publicKey],
    });

    const [old, renewed] = await history([signer.publicKey, newSigner.publicKey]);
    expect(renewed?.builtAt).toEqual(old?.builtAt);
  });

  it('publishes again, in silence, what is under the encryption key of before', async () => {
    await publishing(await served(one));
    vault.changeEncryptionKey();

    const outcomes = [await publishing(await served(one)), await publishing(await served(one))];

    expect(outcomes).toMatchObject([
      { outcome: 'published', manifestReplaced: false, warning: undefined },
      { outcome: 'unchanged' },
    ]);
  });

  it.each([
    ['what has changed', two],
    ['what has not', one],
  ])('publishes over what is under a key that may not be used any more: %s', async (_what, next) => {
    await publishing(await served(one));
    vault.changeEncryptionKey();
    const unreadable: ConfigVault = {
      ...vault,
      async current(asked) {
        const found = await vault.current(asked);
        return found && { ...found, storedSha256: undefined };
      },
      content: () => Promise.reject(new VaultError('denied', 'the key is disabled')),
    };

    const outcome = await publishing(await served(next), { vault: unreadable });

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifest: { revision: 2 },
      manifestReplaced: false,
    });
  });

  it('never calls what it may not read under the key of now changed', async () => {
    await publishing(await served(one));
    const unreadable: ConfigVault = {
      ...vault,
      content: () => Promise.reject(new VaultError('denied', 'the key is disabled')),
    };

    const outcome = publishing(await served(one), { vault: unreadable });

    await expect(outcome).rejects.toMatchObject({ code: 'denied' });
    expect(vault.versions(name)).toHaveLength(1);
  });

  it('counts on from the status where the vault has nothing any more, and says that', async () => {
    const outcome = await publishing(await served(one), {}, { revision: 41 });

    expect(outcome).toMatchObject({
      manifest: { revision: 42, previousSha256: null },
      manifestReplaced: true,
      warning: expect.stringContaining('deleted'),
    });
  });
});

describe('a configuration built before the published one', () => {
  const older = (milliseconds: number) => new Date(builtAt.getTime() - milliseconds);

  it.each([
    ['as old as it', 'published', 0],
    ['a millisecond older', 'behind', 1],
  ])('%s: %s', async (_, expected, milliseconds) => {
    await publishing(await served(one));

    const outcome = await publishing(await served(two, older(milliseconds)));

    expect(outcome.outcome).toBe(expected);
  });

  it('is noted since now when it was not noted before', async () => {
    await publishing(await served(one));

    const outcome = await publishing(await served(two, older(1_000)), {}, {});

    expect(outcome).toEqual({
      outcome: 'behind',
      manifest: (await history())[0],
      behindSince: exportedAt,
      behindConfigHash: (await served(two)).configHash,
      restored: undefined,
      versionId: '1',
      servedTables: [],
    });
  });

  it.each([
    [behindToleranceMs - 1, 'behind'],
    [behindToleranceMs, 'published'],
  ])('%d ms after it was noted: %s', async (milliseconds, expected) => {
    await publishing(await served(one));
    const now = new Date(exportedAt.getTime() + milliseconds);

    const outcome = await publishing(
      await served(two, older(1_000)),
      { clock: skippingClock(now) },
      { behindSince: exportedAt, behindConfigHash: (await served(two)).configHash },
    );

    expect(outcome.outcome).toBe(expected);
    expect(outcome).toMatchObject(
      expected === 'behind'
        ? { behindSince: exportedAt }
        : { manifest: { revision: 2 }, warning: expect.stringContaining('clocks') },
    );
  });
});

describe('the time for which an older configuration has been served', () => {
  const aged = { clock: skippingClock(new Date(exportedAt.getTime() + behindToleranceMs)) };

  it.each([
    ['another configuration', { behindConfigHash: 'another' }],
    ['no configuration that is known', { behindConfigHash: undefined }],
    ['another revision', { revision: 0 }],
  ])('begins anew where the status tells of %s', async (_, noted) => {
    await publishing(await served(one));
    const older = await served(two, minutesLater(-1));

    const outcome = await publishing(older, aged, {
      behindSince: exportedAt,
      behindConfigHash: older.configHash,
      ...noted,
    });

    expect(outcome).toMatchObject({ outcome: 'behind', behindSince: aged.clock.now() });
  });
});

describe('an empty configuration', () => {
  const fresh = { workspaces: [{ id: 'w' }], parameters: [{ id: 'p' }] };

  it.each([
    ['without anything', {}],
    ['with what a freshly installed control plane has', fresh],
  ])('%s never replaces a filled one', async (_, empty) => {
    await publishing(await served(one));

    const outcome = await publishing(await served(empty, minutesLater(60)), {
      clock: skippingClock(minutesLater(61)),
    });

    expect(outcome).toMatchObject({
      outcome: 'held',
      held: { reason: 'nothing left', what: 'nothing is left of 1 entities', foundWith: '3.9.1' },
      kept: { versionId: '1', manifest: { revision: 1 } },
      restored: undefined,
    });
    expect(await history()).toMatchObject([{ revision: 1 }]);
  });

  it('does not replace one that another key has signed', async () => {
    const before = await localSigner();
    await publishing(await served(one), { signer: before });

    const outcome = await publishing(await served(fresh), { retiredKeys: [before.publicKey] });

    expect(outcome).toMatchObject({ outcome: 'held', held: { reason: 'nothing left' } });
  });

  it('does not replace one whose manifest counts nothing but the total', async () => {
    const types = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`type_${index}_${'x'.repeat(20)}`, [{ id: 'a' }]]),
    );
    await publishing(await served(types));

    const outcome = await publishing(await served(fresh));

    expect(outcome).toMatchObject({ outcome: 'held', held: { reason: 'nothing left' } });
    expect((await history())[0]?.entities).toEqual({ total: 60 });
  });

  it('is published as the first, and replaced, and replaces its like', async () => {
    const outcomes = [
      await publishing(await served({})),
      await publishing(await served(fresh)),
      await publishing(await served(one)),
    ];

    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['published', 'published', 'published']);
  });

  it('may replace one when a single entity is left', async () => {
    await publishing(await served(two));

    const outcome = await publishing(await served({ ...fresh, services: [{ id: 'a' }] }));

    expect(outcome.outcome).toBe('published');
  });
});

describe('what somebody else has written there', () => {
  const forged = async (manifest: Manifest, key: LocalSigner) =>
    signManifest({ ...manifest, revision: 999 }, key);

  it.each<[title: string, manifest: (good: Manifest) => Promise<string | undefined>]>([
    ['no manifest', async () => undefined],
    ['a manifest that is none', async () => 'hello'],
    [
      'a manifest with our key’s name and another signature',
      async (good) => {
        const [header] = (await signManifest(good, signer)).split('.');
        const [, payload, signature] = (await forged(good, await localSigner())).split('.');
        return `${header}.${payload}.${signature}`;
      },
    ],
    [
      'something else that our key has signed',
      async () => {
        const header = { alg: 'ES256', typ: 'other', kid: signer.publicKey.keyId };
        const message = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30`;
        return `${message}.${signer.signNow(Buffer.from(message)).toString('base64url')}`;
      },
    ],
  ])('with %s, is replaced with a warning, and the status has the number', async (_, manifestOf) => {
    const first = notHeld(await publishing(await served(one)));
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: await manifestOf(first.manifest) });

    const outcome = await publishing(await served(one), {}, { revision: 7 });

    expect(outcome).toMatchObject({
      outcome: 'published',
      // A data plane comes back to our own newest one, never to what nobody of ours has signed.
      manifest: { revision: 8, previousSha256: first.manifest.sha256, previousVersionId: '1' },
      replacedVersionId: '1',
      warning: expect.stringContaining('CloudTrail'),
      manifestReplaced: true,
    });
    const current = await vault.current(name);
    const stored = await verifyManifest(current?.manifest ?? '', [signer.publicKey]);
    expect(stored.revision).toBe(8);
  });

  it('does not skip the guard against emptiness', async () => {
    await publishing(await served(one));
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: undefined });

    const outcome = await publishing(await served({}));

    expect(outcome).toMatchObject({ outcome: 'held', held: { reason: 'nothing left' } });
  });

  it('is replaced by our newest revision where the control plane serves an older configuration', async () => {
    await publishing(await served(two));
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: undefined });

    const outcome = await publishing(await served(one, minutesLater(-1)));

    const [, newest] = (await ownHistory()).slice(-2);
    expect(outcome).toMatchObject({
      outcome: 'behind',
      manifest: newest,
      versionId: '3',
      restored: { manifestReplaced: true, warning: expect.stringContaining('revision 1 was put back') },
    });
    expect(newest).toMatchObject({ revision: 2, builtAt, previousVersionId: '1' });
    expect(tableOf(vault.versions(name).at(-1)?.gzip)).toEqual(tableOf(vault.versions(name)[0]?.gzip));
  });

  it('may be an old revision of ours, put back: it is replaced, and the history goes on', async () => {
    await publishing(await served(one));
    await publishing(await served(two));
    const [oldest] = vault.versions(name);
    vault.overwrite(name, { gzip: oldest?.gzip ?? Buffer.of(), manifest: oldest?.manifest });

    const outcome = await publishing(await served(two), {}, { revision: 2, versionId: '2' });

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifest: { revision: 3, previousVersionId: '2' },
      manifestReplaced: true,
      warning: expect.stringContaining('revision 1 although revision 2 was published after it'),
    });
  });

  it('may be more versions than are looked through: the one that the status names is found', async () => {
    await publishing(await served(one));
    for (let count = 0; count < 101; count += 1) {
      vault.overwrite(name, { gzip: Buffer.from(`theirs ${count}`), manifest: undefined });
    }

    const outcome = await publishing(await served({}), {}, { revision: 1, versionId: '1' });

    expect(outcome).toMatchObject({
      outcome: 'held',
      restored: { manifest: { revision: 2, previousVersionId: '1' }, manifestReplaced: true },
    });
  });

  it('may be a delete marker: the guard and the history see what was before it', async () => {
    await publishing(await served(one));
    const replaces = (await vault.current(name))?.etag;
    const deleted: ConfigVault = {
      ...vault,
      current: async () => undefined,
      publish: async (asked, revision) => vault.publish(asked, { ...revision, replaces }),
    };

    const outcome = await publishing(await served({}), { vault: deleted });

    expect(outcome).toMatchObject({
      outcome: 'held',
      held: { reason: 'nothing left' },
      restored: { manifest: { revision: 2, previousVersionId: '1' }, manifestReplaced: true },
    });
  });

  it('is not called foreign while our own key cannot be asked for', async () => {
    await publishing(await served(one));
    const silent = { ...signer, verificationKey: () => Promise.reject(new VaultError('unavailable', 'KMS')) };

    const outcome = publishing(await served(two), { signer: silent });

    await expect(outcome).rejects.toMatchObject({ code: 'unavailable' });
    expect(vault.versions(name)).toHaveLength(1);
  });

  it('with a forger’s key, does not stay, whatever it says: none of it enters what we sign', async () => {
    const first = notHeld(await publishing(await served(one)));
    const claim = { ...first.manifest, builtAt: minutesLater(1_000_000) };
    vault.overwrite(name, {
      gzip: Buffer.from('theirs'),
      manifest: await forged(claim, await localSigner()),
    });

    const outcome = await publishing(await served(one), {}, { revision: 1 });

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifest: { revision: 2, builtAt, previousVersionId: '1' },
    });
  });
});

describe('publishing against others', () => {
  it('of two exporters with the same news, one publishes and the other finds it unchanged', async () => {
    await publishing(await served(one));
    const configuration = await served(two);

    const outcomes = await Promise.all([
      publishing(configuration, { clock: skippingClock(minutesLater(1)) }),
      publishing(configuration, { clock: skippingClock(minutesLater(2)) }),
    ]);

    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['published', 'unchanged']);
    expect((await history()).map(({ revision }) => revision)).toEqual([1, 2]);
  });

  it('decides anew after a conflict: the older news gives way', async () => {
    await publishing(await served(one));
    const newer = await served({ services: [{ id: 'newer' }] }, minutesLater(1));
    let isFirst = true;
    const overtaken: ConfigVault = {
      ...vault,
      publish: async (...publication) => {
        if (isFirst) {
          isFirst = false;
          await publishing(newer);
        }
        return vault.publish(...publication);
      },
    };

    const outcome = await publishing(await served(two), { vault: overtaken });

    expect(outcome.outcome).toBe('behind');
    expect((await history()).at(-1)?.configHash).toBe(newer.configHash);
    expect((await history()).map(({ revision }) => revision)).toEqual([1, 2]);
  });

  it('ends as published once when the answer was lost and the repetition met itself', async () => {
    await publishing(await served(one));
    const forgetful: ConfigVault = {
      ...vault,
      publish: async (...publication) => {
        await vault.publish(...publication);
        throw new RevisionConflict('prod/3.9.1/config.json');
      },
    };

    const outcome = await publishing(await served(two), { vault: forgetful });

    expect(outcome).toMatchObject({ outcome: 'published', manifest: { revision: 2 } });
    expect(await history()).toHaveLength(2);
  });

  it.each([
    ['stored, and answered with an error', true, 'published'],
    ['not stored, and answered with an error', false, 'unavailable'],
  ])('ends as what it was when the revision was %s', async (_what, isStored, expected) => {
    await publishing(await served(one));
    const failing: ConfigVault = {
      ...vault,
      publish: async (...publication) => {
        if (isStored) {
          await vault.publish(...publication);
        }
        throw new VaultError('unavailable', 'S3 answered 500');
      },
    };

    const ending = await publishing(await served(two), { vault: failing }).then(
      ({ outcome }) => outcome,
      (error: VaultError) => error.code,
    );

    expect(ending).toBe(expected);
    expect(await history()).toHaveLength(isStored ? 2 : 1);
  });

  it('does not take a bucket that keeps no versions for one that does', async () => {
    const unversioned: ConfigVault = {
      ...vault,
      current: async (asked) => {
        const current = await vault.current(asked);
        return current && { ...current, versionId: 'null' };
      },
      publish: async (...publication) => {
        await vault.publish(...publication);
        throw new VaultError('unavailable', 'the bucket is not versioned');
      },
    };

    const publication = publishing(await served(two), { vault: unversioned });

    await expect(publication).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('does not take the same bytes of another exporter for its own', async () => {
    await publishing(await served(one));
    const configuration = await served(two);
    const theirs: { readonly gzip: Uint8Array; readonly outcome: string }[] = [];
    const ours: Uint8Array[] = [];
    // Both read the same revision at the same millisecond; the other one is faster, and its answer gets lost.
    const overtaken: ConfigVault = {
      ...vault,
      publish: async (asked, publication) => {
        ours.push(publication.gzip);
        const forgetful: ConfigVault = {
          ...vault,
          publish: async (...others) => {
            await vault.publish(...others);
            throw new RevisionConflict('prod/3.9.1/config.json');
          },
        };
        const { outcome } = await publishing(configuration, { vault: forgetful });
        theirs.push({ outcome, gzip: vault.versions(name).at(-1)?.gzip ?? new Uint8Array() });
        return vault.publish(asked, publication);
      },
    };

    const outcome = await publishing(configuration, { vault: overtaken });

    expect(theirs).toEqual([{ outcome: 'published', gzip: ours[0] }]);
    expect(outcome.outcome).toBe('unchanged');
    expect((await history()).map(({ revision }) => revision)).toEqual([1, 2]);
  });

  it('keeps its warning when the answer was lost', async () => {
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: undefined });
    const forgetful: ConfigVault = {
      ...vault,
      publish: async (...publication) => {
        await vault.publish(...publication);
        throw new RevisionConflict('prod/3.9.1/config.json');
      },
    };

    const outcome = await publishing(await served(two), { vault: forgetful });

    expect(outcome).toMatchObject({ outcome: 'published', warning: expect.stringContaining('CloudTrail') });
  });

  it.each([
    [4, 'published'],
    [5, 'RevisionConflict'],
  ])('%d conflicts in a row end in %s', async (conflicts, expected) => {
    let left = conflicts;
    const contended: ConfigVault = {
      ...vault,
      publish: async (...publication) => {
        left -= 1;
        if (left >= 0) {
          throw new RevisionConflict('prod/3.9.1/config.json');
        }
        return vault.publish(...publication);
      },
    };

    const ending = await publishing(await served(one), { vault: contended }).then(
      ({ outcome }) => outcome,
      (error: VaultError) => error.name,
    );

    expect(ending).toBe(expected);
    expect(vault.versions(name)).toHaveLength(expected === 'published' ? 1 : 0);
  });
});

describe('the last good configuration stays what it was', () => {
  const gone = () => Promise.reject(new VaultError('unavailable', 'gone'));

  it.each<[title: string, broken: () => Partial<PublishParts>]>([
    ['the vault cannot be read', () => ({ vault: { ...vault, current: gone } })],
    ['the vault cannot be written', () => ({ vault: { ...vault, publish: gone } })],
    ['the signer’s public key cannot be read', () => ({ signer: { ...signer, verificationKey: gone } })],
    ['the signer does not sign', () => ({ signer: { ...signer, sign: gone } })],
  ])('when %s', async (_, broken) => {
    await publishing(await served(one));
    const before = vault.versions(name);

    const outcome = publishing(await served(two), broken());

    await expect(outcome).rejects.toThrow('gone');
    expect(vault.versions(name)).toEqual(before);
  });

  it('when its file cannot be made', async () => {
    await publishing(await served(one));
    const before = vault.versions(name);

    const outcome = publishing({ ...(await served(two)), file: gone });

    await expect(outcome).rejects.toThrow('gone');
    expect(vault.versions(name)).toEqual(before);
  });

  it('when the exporter dies between reading and writing, and the next one goes on', async () => {
    await publishing(await served(one));
    const before = vault.versions(name);
    const dead: ConfigVault = { ...vault, publish: () => new Promise(() => undefined) };

    void publishing(await served(two), { vault: dead });
    await new Promise((resolve) => setTimeout(resolve, 50));

    expect(vault.versions(name)).toEqual(before);
    await expect(publishing(await served(two))).resolves.toMatchObject({ manifest: { revision: 2 } });
  });
});
