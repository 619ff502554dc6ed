import { beforeEach, describe, expect, it } from '@jest/globals';
import { verifyKept } from '../../../core/drill/kept-revisions.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { readUnverifiedManifest, signManifest } from '../../../core/vault/manifest.ts';
import { publish } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt, served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { partlySilentVault } from '../vault/bound-vault.ts';
import { guardOf } from '../vault/guarding.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const versions = ['3.9.1', '3.8.1'];
const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const service = (number: number) => ({ id: idOf(number), name: `s${number}`, host: 'up.test' });
const routeOf = (number: number) => ({ id: idOf(90), name: 'r', paths: ['/'], service: idOf(number) });

let vault: MemoryVault;
let clock: ManualClock;
beforeEach(() => {
  vault = memoryVault();
  clock = manualClock(new Date(builtAt.getTime() + 3_600_000));
});

async function publishTable(kongVersion: string, table: object): Promise<void> {
  const name = { controlPlane: 'prod', kongVersion };
  const at = new Date(builtAt.getTime() + vault.versions(name).length * 1_000);
  await publish(
    { vault, signer, clock, random: countingRandom() },
    { name, configuration: await served(table, at), lastStatus: undefined, guard: guardOf() },
  );
}

const verify = (own: ConfigVault = vault, timeMs = 60_000) =>
  verifyKept({ name: 'prod', dataPlaneVersions: versions, vault: own, signer, clock }, timeMs);

/** Whose contents are as they are said to be. */
const reading = (content: ConfigVault['content']): ConfigVault => {
  const own: ConfigVault = { ...vault, content, within: () => own };
  return own;
};

describe('the revisions that are kept', () => {
  it('are verified, of each version, and what is not ours is none', async () => {
    await publishTable('3.9.1', { services: [service(1)] });
    await publishTable('3.9.1', { services: [service(1), service(2)] });
    await publishTable('3.8.1', { services: [service(1)], routes: [routeOf(1)] });
    vault.overwrite(
      { controlPlane: 'prod', kongVersion: '3.8.1' },
      { gzip: Buffer.from('garbage'), manifest: undefined },
    );

    expect(await verify()).toEqual({ at: clock.now(), passed: 3, unverified: 0, broken: [] });
  });

  it('are broken where nobody can go back to them, each with its number and why', async () => {
    await publishTable('3.9.1', { services: [service(1)], routes: [routeOf(7)] });
    await publishTable('3.9.1', { services: [service(1)] });
    await publishTable('3.8.1', { services: [service(1)] });
    const rotten = reading(async (name, versionId) => {
      const gzip = await vault.content(name, versionId);
      return name.kongVersion === '3.8.1' ? gzip.subarray(0, -9) : gzip;
    });

    expect(await verify(rotten)).toEqual({
      at: clock.now(),
      passed: 1,
      unverified: 0,
      broken: [
        { kongVersion: '3.9.1', revision: 1, detail: expect.stringContaining('lead to no entity') },
        { kongVersion: '3.8.1', revision: 1, detail: expect.stringContaining('stored bytes') },
      ],
    });
  });

  it('are unverified where they cannot be read now, or are too large, and keep the others from nothing', async () => {
    await publishTable('3.9.1', { services: [service(1)] });
    await publishTable('3.9.1', { services: [service(1), service(2)] });
    await publishTable('3.8.1', { services: [service(1)] });
    const name = { controlPlane: 'prod', kongVersion: '3.8.1' };
    const [only] = vault.versions(name);
    const manifest = readUnverifiedManifest(only?.manifest ?? '');
    vault.overwrite(name, {
      gzip: only?.gzip ?? Buffer.of(),
      manifest: await signManifest({ ...manifest, revision: 2, size: 64 * 2 ** 20 + 1 }, signer),
    });
    const refused = reading((asked, versionId) =>
      asked.kongVersion === '3.9.1' && versionId === '2'
        ? Promise.reject(new VaultError('unavailable', 'S3 did not answer'))
        : vault.content(asked, versionId),
    );

    expect(await verify(refused)).toEqual({ at: clock.now(), passed: 2, unverified: 2, broken: [] });
  });

  it('that there is no time for are unverified, and what was found before is told', async () => {
    await publishTable('3.9.1', { services: [service(1)] });
    await publishTable('3.9.1', { services: [service(1)], routes: [routeOf(7)] });
    await publishTable('3.8.1', { services: [service(1)] });
    let read = 0;
    // The newest first: the one before it is never answered.
    const silent = partlySilentVault(vault, (method) => {
      read += method === 'content' ? 1 : 0;
      return method === 'content' && read === 2;
    });

    const verifying = verify(silent);
    for (let milliseconds = 0; read < 2 && milliseconds < 10_000; milliseconds += 1) {
      await clock.advance(1);
    }
    await clock.advance(60_000);

    expect(await verifying).toMatchObject({
      passed: 0,
      unverified: 2,
      broken: [{ kongVersion: '3.9.1', revision: 2 }],
    });
  });

  it('cannot be verified without their history', async () => {
    await publishTable('3.9.1', { services: [service(1)] });
    const silent = partlySilentVault(vault, (method) => method === 'versionIds');

    const verifying = verify(silent);
    await Promise.all([clock.advance(60_000), expect(verifying).rejects.toThrow(VaultError)]);
  });
});
