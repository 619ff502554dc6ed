import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ConfigFileName } from '../../../core/vault/config-file-name.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { maxMetadataBytes } from '../../../core/vault/manifest.ts';
import { itDeviates } from '../../deviation.ts';

export interface ConfigVaultUnderTest {
  readonly vault: ConfigVault;
  /** A name that nothing was published under yet. */
  newName(): ConfigFileName;
  /** A control plane that was never checked. */
  readonly uncheckedControlPlane: string;
}

/**
 * What every `ConfigVault` does.
 *
 * @param deviations titles of what a vault does otherwise, each with its reason; the first that it does
 * after all fails, so that the list stays true
 */
export function configVaultContract(
  title: string,
  open: () => Promise<ConfigVaultUnderTest>,
  deviations: Readonly<Record<string, string>> = {},
): void {
  const titles = new Set<string>();
  const promise = (promised: string, test: () => Promise<void>) => {
    titles.add(promised);
    const reason = deviations[promised];
    if (reason === undefined) {
      it(promised, test);
    } else {
      itDeviates(promised, reason, test);
    }
  };
  const gzip = gzipSync('{"_format_version":"3.0"}');
  const first = { gzip, manifest: 'the.manifest', replaces: undefined };

  describe(`${title} as a vault`, () => {
    let world: ConfigVaultUnderTest;
    beforeAll(async () => {
      world = await open();
    });

    /** Publishes one after the other, each in place of the one before. */
    async function publishAll(name: ConfigFileName, contents: readonly string[]): Promise<readonly string[]> {
      const versionIds: string[] = [];
      for (const content of contents) {
        const replaces = (await world.vault.current(name))?.etag;
        versionIds.push(
          await world.vault.publish(name, { gzip: gzipSync(content), manifest: content, replaces }),
        );
      }
      return versionIds;
    }

    const errorName = (work: Promise<unknown>) =>
      work.then(
        () => 'no error',
        (error: Error) => error.name,
      );

    promise('has a file after its first publication, and not before, under its name alone', async () => {
      const [name, other] = [world.newName(), world.newName()];

      const before = await world.vault.current(name);
      const versionId = await world.vault.publish(name, first);

      const after = await world.vault.current(name);
      expect(before).toBeUndefined();
      expect(after).toMatchObject({ etag: expect.any(String), versionId, manifest: 'the.manifest' });
      expect(Buffer.from(await world.vault.content(name, versionId))).toEqual(gzip);
      expect(await world.vault.current(other)).toBeUndefined();
    });

    promise(
      'says what it holds: the compressed file’s SHA-256, and that it is under the key of now',
      async () => {
        const name = world.newName();
        await world.vault.publish(name, first);

        const current = await world.vault.current(name);

        expect(current).toMatchObject({
          storedSha256: createHash('sha256').update(gzip).digest('hex'),
          storedBytes: gzip.length,
          isUnderCurrentKey: true,
          isServedAsPublished: true,
        });
      },
    );

    promise('keeps each version, whatever is published later', async () => {
      const name = world.newName();
      const versionIds = await publishAll(name, ['1', '2', '3']);

      const contents = await Promise.all(
        versionIds.map(async (versionId) => Buffer.from(await world.vault.content(name, versionId))),
      );

      expect(contents).toEqual(['1', '2', '3'].map((content) => gzipSync(content)));
      expect(await world.vault.current(name)).toMatchObject({ versionId: versionIds[2], manifest: '3' });
    });

    promise('lists the versions of a file alone, the newest first, and describes each', async () => {
      const name = world.newName();
      const versionIds = await publishAll(name, ['1', '2', '3']);
      await publishAll(world.newName(), ['4']);

      const [all, newest, none] = await Promise.all([
        world.vault.versionIds(name, 10),
        world.vault.versionIds(name, 2),
        world.vault.versionIds(world.newName(), 10),
      ]);
      const described = await Promise.all(all.map((versionId) => world.vault.version(name, versionId)));

      expect(all).toEqual([...versionIds].reverse());
      expect(newest).toEqual(all.slice(0, 2));
      expect(none).toEqual([]);
      expect(described.map((version) => version?.manifest)).toEqual(['3', '2', '1']);
      expect(described[0]).toEqual(await world.vault.current(name));
    });

    promise('replaces only the version that was read', async () => {
      const name = world.newName();
      await publishAll(name, ['1']);
      const stale = (await world.vault.current(name))?.etag;
      await publishAll(name, ['2']);

      const failures = await Promise.all(
        [stale, undefined, '"0123"'].map((replaces) =>
          errorName(world.vault.publish(name, { gzip, manifest: '3', replaces })),
        ),
      );

      expect(failures).toEqual(['RevisionConflict', 'RevisionConflict', 'RevisionConflict']);
      expect((await world.vault.current(name))?.manifest).toBe('2');
    });

    promise('replaces nothing where nothing is', async () => {
      const name = world.newName();

      const failure = await errorName(world.vault.publish(name, { ...first, replaces: '"0123"' }));

      expect(failure).toBe('RevisionConflict');
      expect(await world.vault.current(name)).toBeUndefined();
    });

    promise('takes one of several publications that come together', async () => {
      const name = world.newName();

      const endings = await Promise.all(
        ['1', '2', '3'].map((content) =>
          errorName(world.vault.publish(name, { ...first, gzip: gzipSync(content), manifest: content })),
        ),
      );

      const winner = endings.indexOf('no error');
      expect(endings.filter((ending) => ending === 'RevisionConflict')).toHaveLength(2);
      expect((await world.vault.current(name))?.manifest).toBe(['1', '2', '3'][winner]);
    });

    promise('carries the largest manifest that there is', async () => {
      const name = world.newName();
      const manifest = 'm'.repeat(maxMetadataBytes - 'manifest'.length);
      await world.vault.publish(name, { ...first, manifest });

      const current = await world.vault.current(name);

      expect(current?.manifest).toBe(manifest);
    });

    promise('says so when a version is not there', async () => {
      const name = world.newName();
      await world.vault.publish(name, first);

      const reading = world.vault.content(name, 'nobodysVersionIdOf32CharactersXXX');

      await expect(reading).rejects.toMatchObject({ name: 'VaultError', code: 'unavailable' });
    });

    promise('keeps the last status, and replaces only the one that was read', async () => {
      const controlPlane = world.uncheckedControlPlane;
      const { vault } = world;

      const before = await vault.status(controlPlane);
      const isKept = await vault.putStatus(controlPlane, 'first', undefined);
      const first = await vault.status(controlPlane);
      await vault.putStatus(controlPlane, 'second', first?.etag);
      const failures = await Promise.all(
        [first?.etag, undefined].map((replaces) =>
          errorName(vault.putStatus(controlPlane, 'third', replaces)),
        ),
      );

      expect(before).toBeUndefined();
      expect(isKept).toBe(true);
      expect(first).toEqual({ etag: expect.any(String), text: 'first' });
      expect(failures).toEqual(['RevisionConflict', 'RevisionConflict']);
      expect(await vault.status(controlPlane)).toMatchObject({ text: 'second' });
    });

    it('is tested for each deviation that is named', () => {
      expect(Object.keys(deviations).filter((deviation) => !titles.has(deviation))).toEqual([]);
    });
  });
}
