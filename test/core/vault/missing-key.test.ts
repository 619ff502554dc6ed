import { beforeEach, describe, expect, it } from '@jest/globals';
import type { VersionStatus } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import type { EarlierKeys } from '../../../core/vault/own-keys.ts';
import { rollBack } from '../../../core/vault/pin.ts';
import { findNoted, type PublishParts, publish, repair } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf } from './guarding.ts';
import { type LocalSigner, localSigner } from './local-signer.ts';
import { type MemoryVault, memoryVault, type StoredVersion } from './memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const secondsLater = (seconds: number) => new Date(builtAt.getTime() + seconds * 1000);
const tableOf = (services: number) => ({
  services: Array.from({ length: services }, (_, index) => ({ id: String(index) })),
});

const pendingDeletion = new VaultError('unavailable', 'KMS gave nothing: the key is pending deletion');
const missing: EarlierKeys = {
  furtherKeys: [
    {
      verificationKey: () => Promise.reject(pendingDeletion),
      within(): never {
        throw new Error('nothing binds it here');
      },
    },
  ],
};

let vault: MemoryVault;
let former: LocalSigner;
let signer: LocalSigner;
beforeEach(async () => {
  vault = memoryVault();
  [former, signer] = await Promise.all([localSigner(), localSigner()]);
});

const parts = (more: Partial<PublishParts> = {}): PublishParts => ({
  vault,
  signer,
  clock: skippingClock(secondsLater(60)),
  random: countingRandom(),
  ...missing,
  ...more,
});
const noted = (revision: number): VersionStatus => ({
  ...{ kongVersion: '3.9.1', revision, versionId: String(revision) },
  ...{ sha256: '', configHash: '', changed: false },
});
const publishing = async (
  services: number,
  seconds: number,
  more: Partial<PublishParts> = {},
  lastStatus?: VersionStatus,
) =>
  publish(parts(more), {
    name,
    configuration: await served(tableOf(services), secondsLater(seconds)),
    lastStatus,
    guard: guardOf(),
  });

/** Revisions 1 and 2 by the key of before, and, after a rotation, 3 by the one that signs now. */
async function publishThree(): Promise<void> {
  await publishing(20, 0, { signer: former, furtherKeys: [] });
  await publishing(21, 1, { signer: former, furtherKeys: [] });
  await publishing(22, 2, { furtherKeys: [former] });
}

/** A revision of before stands in the newest one's place. */
const putBack = (version: number) =>
  vault.overwrite(name, vault.versions(name)[version - 1] as StoredVersion);

describe('an object that a key may have signed which cannot be asked for', () => {
  beforeEach(async () => {
    await publishThree();
    putBack(2);
  });

  it.each([
    ['something new', 23],
    ['what the newest revision of ours holds', 22],
  ])('is published over with %s, after that revision, and not called foreign', async (_, services) => {
    const outcome = await publishing(services, services, {}, noted(3));

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifest: { revision: 4, previousVersionId: '3' },
      manifestReplaced: false,
      warning: expect.stringContaining('"Signing key missing"'),
    });
    expect(await publishing(services, services, {}, noted(4))).toMatchObject({ outcome: 'unchanged' });
  });

  it.each([
    ['nothing', undefined],
    ['a later revision than is known to be ours', noted(4)],
  ])('is the last good file, as far as anybody knows, where the last check has noted %s', async (_, last) => {
    await expect(publishing(23, 30, {}, last)).rejects.toBe(pendingDeletion);
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('makes no mass deletion plausible, and nothing is put back in its place', async () => {
    const outcome = await publishing(10, 30, {}, noted(3));

    expect(outcome).toMatchObject({ outcome: 'held', restored: undefined });
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('lets nothing older than the newest of ours through', async () => {
    const outcome = await publishing(21, 1, {}, noted(3));

    expect(outcome).toMatchObject({ outcome: 'behind', restored: undefined, manifest: { revision: 3 } });
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('stays while nothing can be published, and is not taken for what was noted', async () => {
    const repaired = await repair(parts(), { name, lastStatus: noted(3), signal: undefined });

    expect(repaired).toBeUndefined();
    expect(await findNoted(parts(), name, noted(4))).toBeUndefined();
    expect(vault.versions(name)).toHaveLength(4);
  });

  it('is foreign once the key is known again, and so is known to be an old revision', async () => {
    const retired = { furtherKeys: [], retiredKeys: [former.publicKey] };

    const outcome = await publishing(23, 30, retired, noted(3));

    expect(outcome).toMatchObject({ outcome: 'published', manifestReplaced: true });
  });

  it('is not what an operator goes back to', async () => {
    const request = { name, revision: 2, sees: 3, lastStatus: noted(3), signal: undefined };

    await expect(rollBack(parts(), request)).rejects.toBe(pendingDeletion);
    expect(vault.versions(name)).toHaveLength(4);
  });
});

describe('where nothing is known to be ours without a key that cannot be asked for', () => {
  beforeEach(async () => {
    await publishing(20, 0, { signer: former, furtherKeys: [] });
  });

  it.each([undefined, noted(1)])('nothing is published over what may be the last good file', async (last) => {
    await expect(publishing(21, 1, {}, last)).rejects.toBe(pendingDeletion);
    expect(vault.versions(name)).toHaveLength(1);
  });

  it('it stays, and keeps no operator’s command from saying why', async () => {
    const request = { name, revision: 1, sees: 1, lastStatus: undefined, signal: undefined };

    expect(await repair(parts(), { name, lastStatus: undefined, signal: undefined })).toBeUndefined();
    expect(await findNoted(parts(), name, noted(1))).toBeUndefined();
    await expect(rollBack(parts(), request)).rejects.toBe(pendingDeletion);
  });

  it('something foreign on top of it stays, too', async () => {
    vault.overwrite(name, { gzip: Buffer.of(1), manifest: undefined });

    await expect(publishing(21, 1)).rejects.toBe(pendingDeletion);
    expect(vault.versions(name)).toHaveLength(2);
  });
});

it('something foreign is replaced after the newest of ours, whoever has signed those before', async () => {
  await publishThree();
  vault.overwrite(name, { gzip: Buffer.of(1), manifest: undefined });

  const outcome = await publishing(23, 30);

  expect(outcome).toMatchObject({
    outcome: 'published',
    manifest: { revision: 4, previousVersionId: '3' },
    manifestReplaced: true,
  });
});
