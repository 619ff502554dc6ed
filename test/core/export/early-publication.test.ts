import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ExportReport, runExport } from '../../../core/export/export-run.ts';
import { measureBatch } from '../../../core/export/measurements.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';
import type { ControlPlaneConfiguration, EarlyConfiguration } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import { verifyManifest } from '../../../core/vault/manifest.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const file = { controlPlane: 'prod', kongVersion: '3.9.1' };
const changedAt = new Date('2026-11-23T04:10:00Z');
const settleMs = 7_000;
const changed = (seconds: number) => new Date(changedAt.getTime() + seconds * 1000);
const tableOf = (...names: readonly string[]) => ({ services: names.map((name) => ({ id: name, name })) });

const published = await served(tableOf('a'));
const withOne = await served(tableOf('a', 'b'), changed(0.25));
const withTwo = await served(tableOf('a', 'b', 'c'), changed(3));

let vault: MemoryVault;
let clock: ManualClock;
beforeEach(async () => {
  vault = memoryVault();
  clock = manualClock(changedAt);
  await check([], published);
});

/** A frame that comes while a newer one is awaited, and after when the control plane read it. */
function early(
  configuration: ControlPlaneConfiguration,
  readAfter = configuration.builtAt,
): EarlyConfiguration {
  return { ...configuration, settled: false, readAfter };
}

/**
 * An export after a hook: these frames come at once, and the last one when the settle time is over.
 *
 * @param meanwhile what happens between
 */
function check(
  frames: readonly EarlyConfiguration[],
  last: ControlPlaneConfiguration | Error,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<ExportReport> {
  const command: ExportCommand = { command: 'export', version: 1, cause: 'event-hook', at: changedAt };
  return runExport(
    {
      name: 'prod',
      controlPlane: answeringControlPlane(async ({ onEarly }) => {
        for (const frame of frames) {
          await onEarly?.(frame);
        }
        await meanwhile();
        await clock.advance(settleMs);
        if (last instanceof Error) {
          throw last;
        }
        return last;
      }),
      vault,
      signer,
      dataPlaneVersions: ['3.9.1'],
      clock,
      random: countingRandom(),
    },
    [command],
  );
}

/** What each revision holds, oldest first. */
const history = () =>
  vault
    .versions(file)
    .map(({ gzip }) => JSON.parse(gunzipSync(gzip).toString('utf8')).services.map(nameOf).join(''));
const nameOf = ({ name }: { readonly name: string }) => name;

const lastStatus = async () => (await vault.lastStatus('prod'))?.versions[0];

describe('a frame that comes while a newer one is awaited', () => {
  it('is published at once, and the newer one after it', async () => {
    const report = await check([early(withOne)], withTwo);

    expect(history()).toEqual(['a', 'ab', 'abc']);
    expect(report.versions).toMatchObject([
      {
        outcome: 'published',
        manifest: { revision: 3 },
        early: { manifest: { revision: 2, configHash: withOne.configHash } },
        // Of both revisions.
        changes: { value: { services: { added: 2 } } },
      },
    ]);
    expect(report.complete).toBe(true);
    expect(await lastStatus()).toMatchObject({ revision: 3, versionId: '3', changed: true });
  });

  it('is in the vault while the newer one is awaited', async () => {
    let during: readonly string[] = [];

    await check([early(withOne)], withOne, async () => {
      during = history();
    });

    expect(during).toEqual(['a', 'ab']);
  });

  it('is one revision where nothing newer comes, measured to when it was published', async () => {
    const startedAt = clock.now();

    const report = await check([early(withOne)], withOne);

    expect(history()).toEqual(['a', 'ab']);
    expect(report.versions).toMatchObject([
      { outcome: 'published', manifest: { revision: 2 }, changes: { value: { services: { added: 1 } } } },
    ]);
    expect(report.versions[0]?.early).toBeUndefined();
    expect(await lastStatus()).toMatchObject({ revision: 2, versionId: '2', changed: true });
    const measured = measureBatch(
      { report, unreadable: [], retry: undefined, gaveUp: false },
      { durationSeconds: 7, certificateDaysLeft: undefined },
    );
    expect(measured).toMatchObject({
      Published: 1,
      ChangeToPublished: (startedAt.getTime() - changedAt.getTime()) / 1000,
    });
    expect(report.finishedAt.getTime() - startedAt.getTime()).toBe(settleMs);
  });

  it('is not read again to be compared with what the check ends with', async () => {
    const { content } = vault;
    const reads: string[] = [];
    vault.content = (name, versionId) => {
      reads.push(versionId);
      return content(name, versionId);
    };

    await check([early(withOne)], withOne);

    // The one that it replaced, for the list of changes.
    expect(reads).toEqual(['1']);
  });

  it('is measured to the newer one, where that is published too', async () => {
    const startedAt = clock.now();

    const { versions } = await check([early(withOne)], withTwo);

    expect(versions).toMatchObject([{ publishedAt: new Date(startedAt.getTime() + settleMs) }]);
  });

  it('is the only one of a check that is published before its end', async () => {
    const between = await served(tableOf('a', 'b', 'x'), changed(1));

    await check([early(withOne), early(between)], withTwo);

    expect(history()).toEqual(['a', 'ab', 'abc']);
  });

  it('is the only one also in a bucket that keeps no versions', async () => {
    const { current } = vault;
    vault.current = async (name) => {
      const found = await current(name);
      return found && { ...found, versionId: 'null' };
    };
    const status = await vault.lastStatus('prod');
    await vault.recordStatus({
      controlPlane: 'prod',
      checkedAt: changedAt,
      versions: (status?.versions ?? []).map((version) => ({ ...version, versionId: 'null' })),
    });
    const between = await served(tableOf('a', 'b', 'x'), changed(1));

    await check([early(withOne), early(between)], withTwo);

    expect(history()).toEqual(['a', 'ab', 'abc']);
  });

  it('does not hinder a later one where it was not published', async () => {
    await check([early(published), early(withOne)], withTwo);

    expect(history()).toEqual(['a', 'ab', 'abc']);
  });

  it.each<[title: string, frame: () => Promise<EarlyConfiguration> | EarlyConfiguration]>([
    ['holds what is published', () => early(published, changed(0))],
    ['may have been read before what is published', () => early(withOne, builtAt)],
    ['is empty', async () => early(await served({ services: [] }, changed(0)))],
  ])('is not published where it %s', async (_, frame) => {
    const report = await check([await frame()], withTwo);

    expect(history()).toEqual(['a', 'abc']);
    expect(report.versions).toMatchObject([{ outcome: 'published', manifest: { revision: 2 } }]);
    expect(report.versions[0]?.early).toBeUndefined();
  });

  it('is published where it was surely read a millisecond after what is published was built', async () => {
    await check([early(withOne, new Date(builtAt.getTime() + 1))], withOne);

    expect(history()).toEqual(['a', 'ab']);
  });

  it('is not published where nothing was noted of the file, or another one is there', async () => {
    vault.overwrite(file, { gzip: Buffer.from('x'), manifest: undefined });

    const report = await check([early(withOne)], withTwo);

    expect(report.versions).toMatchObject([{ outcome: 'published', manifestReplaced: true }]);
    expect(vault.versions(file)).toHaveLength(3);
  });

  it('stays, with a word about it, where the check fails after it', async () => {
    const report = await check([early(withOne)], new ControlPlaneError('dropped', 'gone'));
    const next = await check([], withOne);

    expect(report.versions).toMatchObject([
      { outcome: 'failed', error: { code: 'dropped' }, early: { manifest: { revision: 2 } } },
    ]);
    expect(report.complete).toBe(false);
    expect(next.versions).toMatchObject([{ outcome: 'unchanged', manifest: { revision: 2 } }]);
    expect(history()).toEqual(['a', 'ab']);
  });

  it('is told of also where another exporter has published since', async () => {
    const beside = await served(tableOf('a', 'z'), changed(2));

    const report = await check([early(withOne)], beside, () => check([], beside));

    expect(history()).toEqual(['a', 'ab', 'az']);
    expect(report.versions).toMatchObject([{ outcome: 'unchanged', early: { manifest: { revision: 2 } } }]);
  });
});

describe('a process that dies after it has published early', () => {
  it.each([
    ['what it published', withOne, 'unchanged', ['a', 'ab']],
    ['something newer', withTwo, 'published', ['a', 'ab', 'abc']],
  ] as const)('leaves nothing to mend where the next check finds %s', async (_, last, outcome, expected) => {
    await new Promise<void>((die) => {
      void check([early(withOne)], withTwo, () => {
        die();
        return new Promise(() => undefined);
      });
    });

    const report = await check([], last);

    expect(report.versions).toMatchObject([{ outcome }]);
    expect(history()).toEqual(expected);
    const current = vault.versions(file).at(-1)?.manifest ?? '';
    const manifest = await verifyManifest(current, [await signer.verificationKey()]);
    expect(manifest.revision).toBe(expected.length);
  });
});
