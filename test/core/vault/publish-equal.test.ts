import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import type { ConfigVault, Revision, VersionStatus } from '../../../core/vault/config-vault.ts';
import { behindToleranceMs } from '../../../core/vault/decision.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { signManifest } from '../../../core/vault/manifest.ts';
import { type Publication, publish } from '../../../core/vault/publish.ts';
import { countingRandom } from '../counting-random.ts';
import { anyJson } from '../kong/notation.ts';
import { builtAt } from '../kong/served.ts';
import { type Serving, serveTable } from '../kong/served-table.ts';
import { skippingClock } from '../manual-clock.ts';
import { guardOf, notHeld } from './guarding.ts';
import { type LocalSigner, localSigner } from './local-signer.ts';
import { type MemoryVault, memoryVault, type StoredVersion } from './memory-vault.ts';

const name = { controlPlane: 'prod', kongVersion: '3.4.2' };
const exportedAt = new Date('2026-11-23T04:00:05Z');
const configHash = 'c'.repeat(32);

/** The case of a patched control plane: what it takes out for 3.4.2 is in its hash as before. */
const before = {
  services: [{ id: 's', name: 'orders', port: 80 }],
  plugins: [{ id: 'p', config: { origins: ['*'], allow_origin_absent: true } }],
};
const after = {
  services: [{ id: 's', name: 'orders', port: 80 }],
  plugins: [{ id: 'p', config: { origins: ['*'] } }],
};

let vault: MemoryVault;
let signer: LocalSigner;
/** Ids of the versions whose content was read. */
let contentReads: string[];
let watched: ConfigVault;
beforeEach(async () => {
  vault = memoryVault();
  signer = await localSigner();
  contentReads = [];
  watched = {
    ...vault,
    content(asked, versionId) {
      contentReads.push(versionId);
      return vault.content(asked, versionId);
    },
  };
});

/** A table as the control plane serves it, always under the same hash. */
const serve = (table: object, serving: Serving = {}) => serveTable(table, { configHash, ...serving });

const publishing = (
  configuration: ControlPlaneConfiguration,
  lastStatus?: VersionStatus,
  more: { readonly vault?: ConfigVault; readonly now?: Date; readonly signal?: AbortSignal } = {},
): Promise<Publication> =>
  publish(
    {
      vault: more.vault ?? watched,
      signer,
      clock: skippingClock(more.now ?? exportedAt),
      random: countingRandom(),
    },
    { name, configuration, lastStatus, guard: guardOf(), signal: more.signal },
  ).then(notHeld);

/** What the export notes of a publication (core/export/export-run.ts). */
function statusOf({ manifest, versionId, servedTables }: Publication): VersionStatus {
  const { kongVersion, revision, sha256 } = manifest;
  const known = { versionId, servedTables: [...servedTables] };
  return { kongVersion, revision, sha256, configHash, changed: false, ...known };
}

/** The table in a published version, without the comment. */
function tableIn(gzip: Uint8Array | undefined): unknown {
  const { _comment, _format_version, _transform, ...table } = JSON.parse(
    gunzipSync(gzip ?? '').toString('utf8'),
  );
  return table;
}
const published = () => tableIn(vault.versions(name).at(-1)?.gzip);

describe('another table under the same hash', () => {
  it('is published', async () => {
    const first = await publishing(await serve(before));

    const outcome = await publishing(await serve(after, { notation: 2 }), statusOf(first));

    expect(outcome).toMatchObject({ outcome: 'published', manifest: { revision: 2, configHash } });
    expect(outcome.servedTables).toEqual([(await serve(after, { notation: 2 })).tableSha256]);
    expect(published()).toEqual(after);
  });

  it.each([
    [behindToleranceMs - 1, 'behind'],
    [behindToleranceMs, 'published'],
  ])('and older than the published one, noted %d ms ago, is %s', async (milliseconds, expected) => {
    const first = await publishing(await serve(after));
    const straggler = await serve(before, { at: new Date(builtAt.getTime() - 1) });
    const status = { ...statusOf(first), behindSince: exportedAt, behindConfigHash: configHash };

    const outcome = await publishing(straggler, status, {
      now: new Date(exportedAt.getTime() + milliseconds),
    });

    expect(outcome.outcome).toBe(expected);
    // What is known of the published file is still known of it.
    expect(outcome.servedTables).toEqual(
      expected === 'behind' ? first.servedTables : [straggler.tableSha256],
    );
  });

  it('is published where its frame does not say when it was built', async () => {
    const first = await publishing(await serve(after));

    const outcome = await publishing(
      await serve(before, { at: new Date(builtAt.getTime() - 1), hasTimestamp: false }),
      statusOf(first),
    );

    expect(outcome.outcome).toBe('published');
  });

  it('is found in whatever is served one after the other', async () => {
    const row = fc.record({ id: fc.constantFrom('a', 'b', 'c'), value: anyJson({ maxDepth: 1 }) });
    const table = fc.record({ services: fc.uniqueArray(row, { selector: ({ id }) => id, minLength: 1 }) });
    const checks = fc.array(
      fc.record({ table, notation: fc.integer({ min: 1, max: 3 }), isStatusLost: fc.boolean() }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(table, { minLength: 1, maxLength: 2 }), checks, async (tables, served) => {
        vault = memoryVault();
        let status: VersionStatus | undefined;
        for (const [index, check] of served.entries()) {
          // Tables come back, as after a rollback.
          const current = index % 3 === 2 ? check.table : (tables[index % tables.length] ?? check.table);

          const outcome = await publishing(await serve(current, check), status, { vault });

          expect(published()).toEqual(current);
          expect(outcome.manifest.revision).toBe(vault.versions(name).length);
          status = check.isStatusLost ? undefined : statusOf(outcome);
        }
      }),
    );
  });
});

describe('the same table in other bytes', () => {
  it('is compared once, and then known by its bytes', async () => {
    const first = await publishing(await serve(before));

    const compared = await publishing(await serve(before, { notation: 2 }), statusOf(first));
    const known = await publishing(await serve(before, { notation: 2 }), statusOf(compared));
    const older = await publishing(await serve(before), statusOf(known));

    expect([compared, known, older].map(({ outcome }) => outcome)).toEqual(Array(3).fill('unchanged'));
    expect(contentReads).toEqual(['1']);
    expect(vault.versions(name)).toHaveLength(1);
    const [one, two] = [
      (await serve(before)).tableSha256,
      (await serve(before, { notation: 2 })).tableSha256,
    ];
    expect(one).not.toBe(two);
    expect([compared, known, older].map(({ servedTables }) => servedTables)).toEqual([
      [two, one],
      [two, one],
      [one, two],
    ]);
  });

  it('is remembered for the last eight', async () => {
    let status = statusOf(await publishing(await serve(before)));
    for (let notation = 2; notation <= 8; notation += 1) {
      status = statusOf(await publishing(await serve(before, { notation }), status));
    }
    contentReads = [];

    status = statusOf(await publishing(await serve(before, { notation: 1 }), status));
    const readsWithEight = contentReads.length;
    status = statusOf(await publishing(await serve(before, { notation: 9 }), status));
    // The second one is now the one that was not seen for longest.
    const forgotten = await publishing(await serve(before, { notation: 2 }), status);

    expect(readsWithEight).toBe(0);
    expect(contentReads).toHaveLength(2);
    expect(forgotten.outcome).toBe('unchanged');
    expect(forgotten.servedTables).toHaveLength(8);
  });

  it('is compared once after an upgrade, whose status knows no tables', async () => {
    const first = await publishing(await serve(before));
    const { versionId: _, servedTables: __, ...oldStatus } = statusOf(first);

    const outcome = await publishing(await serve(before), oldStatus);

    expect(outcome.outcome).toBe('unchanged');
    expect(contentReads).toEqual(['1']);
    expect(outcome.servedTables).toEqual(first.servedTables);
  });

  it('is not taken for known where another file is published than the status speaks of', async () => {
    const first = await publishing(await serve(before));
    // Another exporter, whose status is not written yet.
    await publishing(await serve(after), statusOf(first));

    const outcome = await publishing(await serve(before), statusOf(first));

    expect(outcome).toMatchObject({ outcome: 'published', manifest: { revision: 3 } });
    expect(published()).toEqual(before);
  });
});

describe('what is published', () => {
  it('is not called unchanged when it cannot be read, and stays', async () => {
    const first = await publishing(await serve(before));
    const versions = vault.versions(name);
    const unreadable = { ...vault, content: () => Promise.reject(new VaultError('denied', 'no')) };

    const outcomes = await Promise.allSettled(
      [before, after].map(async (table) =>
        publishing(await serve(table, { notation: 2 }), statusOf(first), { vault: unreadable }),
      ),
    );

    expect(outcomes).toMatchObject(Array(2).fill({ status: 'rejected', reason: { code: 'denied' } }));
    expect(vault.versions(name)).toEqual(versions);
  });

  it('is not called unchanged when the time is up in the middle of the comparison, and stays', async () => {
    const first = await publishing(await serve(before));
    const versions = vault.versions(name);
    const served = await serve(before, { notation: 2 });
    const { signal, abort } = abortable();
    // Its first piece takes the rest of the time.
    const slow: ControlPlaneConfiguration = {
      ...served,
      async *table() {
        for await (const piece of served.table()) {
          abort();
          yield piece;
        }
      },
    };

    const outcome = publishing(slow, statusOf(first), { signal });

    await expect(outcome).rejects.toMatchObject({ name: 'ControlPlaneError', code: 'cancelled' });
    expect(vault.versions(name)).toEqual(versions);
  });

  it('is not taken for known when somebody has written there, though the served bytes are', async () => {
    const first = await publishing(await serve(before));
    vault.overwrite(name, { gzip: gzipSync('{}'), manifest: vault.versions(name)[0]?.manifest });

    const outcome = await publishing(await serve(before), statusOf(first));

    expect(outcome).toMatchObject({ outcome: 'published', manifestReplaced: true });
    expect(published()).toEqual(before);
  });

  it('and S3 would not give it to readers as it was published, is replaced with a warning', async () => {
    const first = await publishing(await serve(before));
    const [stored] = vault.versions(name);
    vault.overwrite(name, { ...(stored as StoredVersion), isServedAsPublished: false });

    const outcome = await publishing(await serve(before), statusOf(first));

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifestReplaced: true,
      manifest: { revision: 2 },
    });
    expect(published()).toEqual(before);
  });

  it('and is too large for our manifest, is not read: it may be larger than the memory', async () => {
    const first = await publishing(await serve(before));
    vault.overwrite(name, vault.versions(name)[0] as StoredVersion);
    const enlarge = (found: Revision | undefined) =>
      found?.versionId === '2' ? { ...found, storedSha256: undefined, storedBytes: 10 * 2 ** 30 } : found;
    const large: ConfigVault = {
      ...watched,
      current: async (asked) => enlarge(await vault.current(asked)),
      version: async (asked, versionId) => enlarge(await vault.version(asked, versionId)),
    };

    const outcome = await publishing(await serve(before), statusOf(first), { vault: large });

    expect(outcome).toMatchObject({ outcome: 'published', manifestReplaced: true });
    expect(contentReads).not.toContain('2');
  });

  it.each<[title: string, content: (good: Buffer) => Buffer]>([
    ['is no gzip', () => Buffer.from('theirs')],
    ['is half of it', (good) => good.subarray(0, good.length >> 1)],
    ['is empty', () => Buffer.alloc(0)],
    ['is another file', () => gzipSync('{"_format_version":"3.0"}')],
    ['differs in one byte', (good) => gzipSync(gunzipSync(good).toString('utf8').replace('80', '81'))],
    ['is longer', (good) => gzipSync(Buffer.concat([gunzipSync(good), Buffer.from(' ')]))],
    ['is far longer', () => gzipSync(Buffer.alloc(2 ** 24))],
  ])('and %s under our manifest, is replaced with a warning', async (_, content) => {
    const first = await publishing(await serve(before));
    const [stored] = vault.versions(name);
    vault.overwrite(name, {
      gzip: content(Buffer.from(stored?.gzip ?? '')),
      manifest: stored?.manifest,
    });

    const outcome = await publishing(await serve(before, { notation: 2 }), statusOf(first));

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifestReplaced: true,
      warning: expect.stringContaining('CloudTrail'),
      manifest: { revision: 2, previousSha256: first.manifest.sha256, previousVersionId: '1' },
    });
    expect(published()).toEqual(before);
  });

  it.each([
    ['another version', { kongVersion: '3.4.1' }],
    ['another control plane', { controlPlane: 'dev' }],
  ])('and is the file of %s, with its manifest and the same hash, is replaced', async (__, other) => {
    const first = await publishing(await serve(before));
    const [stored] = vault.versions(name);
    vault.overwrite(name, {
      gzip: stored?.gzip ?? new Uint8Array(),
      manifest: await signManifest({ ...first.manifest, ...other, revision: 7 }, signer),
    });

    const outcome = await publishing(await serve(before), statusOf(first));

    expect(outcome).toMatchObject({
      outcome: 'published',
      manifestReplaced: true,
      manifest: { revision: 2 },
    });
    const file = gunzipSync(vault.versions(name).at(-1)?.gzip ?? '');
    expect(createHash('sha256').update(file).digest('hex')).toBe(outcome.manifest.sha256);
  });
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
