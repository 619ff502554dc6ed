import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ExportReport, runExport } from '../../../core/export/export-run.ts';
import { measureBatch } from '../../../core/export/measurements.ts';
import { compareRevisions } from '../../../core/export/revision-changes.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';
import type { ControlPlaneConfiguration, EarlyConfiguration } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { verifyManifest } from '../../../core/vault/manifest.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { partlySilentVault } from '../vault/bound-vault.ts';
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
/** Whether the vault does not answer: then time passes with nobody else to let it. */
let isSilent: boolean;
beforeEach(async () => {
  isSilent = false;
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
async function check(
  frames: readonly EarlyConfiguration[],
  last: ControlPlaneConfiguration | Error,
  meanwhile: () => Promise<unknown> = async () => undefined,
  exportVault: ConfigVault = vault,
): Promise<ExportReport & { readonly changes: readonly unknown[] }> {
  const command: ExportCommand = { command: 'export', version: 1, cause: 'event-hook', at: changedAt };
  const report = await runExport(
    {
      name: 'prod',
      controlPlane: answeringControlPlane(async ({ onEarly }) => {
        for (const frame of frames) {
          await passUntil(onEarly?.(frame) ?? Promise.resolve());
        }
        await meanwhile();
        await clock.advance(settleMs);
        if (last instanceof Error) {
          throw last;
        }
        return last;
      }),
      vault: exportVault,
      signer,
      dataPlaneVersions: ['3.9.1'],
      scheduleMinutes: 5,
      clock,
      random: countingRandom(),
    },
    [command],
  );
  const changes: unknown[] = [];
  const parts = { name: 'prod', vault, clock };
  for await (const compared of compareRevisions(parts, report.versions, new AbortController().signal)) {
    changes.push(compared.changes);
  }
  return { ...report, changes };
}

/** Lets time pass while the work is not over; nobody waits for it for more than a minute. */
async function passUntil(work: Promise<unknown>): Promise<void> {
  let isOver = false;
  void work.then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  for (let seconds = 0; !isOver && seconds < 60; seconds += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (!isOver && isSilent) {
      await clock.advance(1_000);
    }
  }
  if (!isOver) {
    throw new Error('it has not ended after a minute');
  }
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
      },
    ]);
    // Of both revisions.
    expect(report.changes).toMatchObject([{ value: { services: { added: 2 } } }]);
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
    expect(report.versions).toMatchObject([{ outcome: 'published', manifest: { revision: 2 } }]);
    expect(report.changes).toMatchObject([{ value: { services: { added: 1 } } }]);
    expect(report.versions[0]?.early).toBeUndefined();
    expect(await lastStatus()).toMatchObject({ revision: 2, versionId: '2', changed: true });
    const measured = measureBatch(
      { report, unreadable: [], retry: undefined, gaveUp: false },
      { certificateDaysLeft: undefined },
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
    await vault.noteStatus(
      {
        controlPlane: 'prod',
        checkedAt: changedAt,
        versions: (status?.versions ?? []).map((version) => ({ ...version, versionId: 'null' })),
      },
      signer,
    );
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

describe('a vault that does not answer while a newer frame is awaited', () => {
  it('holds up the wait for ten seconds at most', async () => {
    isSilent = true;
    const silent = partlySilentVault(vault, (method) => isSilent && method === 'current');
    const startedMs = clock.monotonicMs();
    let heldUpMs = 0;

    await check(
      [early(withOne)],
      withTwo,
      async () => {
        heldUpMs = clock.monotonicMs() - startedMs;
        isSilent = false;
      },
      silent,
    );

    expect(heldUpMs).toBe(10_000);
    expect(history()).toEqual(['a', 'abc']);
  });

  it.each([
    ['the same', withOne, 'published', undefined, ['a', 'ab']],
    ['something newer', withTwo, 'published', 2, ['a', 'ab', 'abc']],
  ] as const)('and has stored it: it is told as published where the check ends with %s', async (...row) => {
    const [, last, outcome, earlyRevision, expected] = row;
    isSilent = true;
    let publications = 0;
    const silent = partlySilentVault(vault, (method) => {
      publications += method === 'publish' ? 1 : 0;
      return isSilent && publications > 0;
    });

    const report = await check(
      [early(withOne)],
      last,
      async () => {
        isSilent = false;
      },
      silent,
    );

    expect(history()).toEqual(expected);
    expect(report.versions).toMatchObject([{ outcome, manifest: { revision: expected.length } }]);
    expect(report.versions[0]?.early?.manifest.revision).toBe(earlyRevision);
    expect(report.changes).toMatchObject([{ value: { services: { added: expected.length - 1 } } }]);
  });
});

describe('an early publication whose answer is lost for good', () => {
  /** Stores what is published while it is silent, and answers nothing from then on. */
  function losingAnswers() {
    isSilent = true;
    let publications = 0;
    return partlySilentVault(vault, (method) => {
      publications += method === 'publish' ? 1 : 0;
      return isSilent && publications > 0;
    });
  }
  const answerAgain = async () => {
    isSilent = false;
  };

  it.each([
    ['failed', new ControlPlaneError('dropped', 'gone')],
    ['not-served', new ControlPlaneError('incompatible', 'not any more')],
  ] as const)('has its line, and is noted, where the check ends as %s', async (outcome, error) => {
    const report = await check([early(withOne)], error, answerAgain, losingAnswers());
    const noted = await lastStatus();
    const next = await check([], withOne);

    expect(report.versions).toMatchObject([
      { outcome, early: { manifest: { revision: 2 }, versionId: '2' } },
    ]);
    expect(noted).toMatchObject({ revision: 2, versionId: '2' });
    expect(next.versions).toMatchObject([{ outcome: 'unchanged', manifest: { revision: 2 } }]);
    expect(history()).toEqual(['a', 'ab']);
  });

  it('has none where it was not stored', async () => {
    isSilent = true;
    const { publish } = vault;
    vault.publish = (...asked) => (isSilent ? new Promise(() => undefined) : publish(...asked));
    const silent = partlySilentVault(vault, (method) => isSilent && method === 'publish');

    const report = await check(
      [early(withOne)],
      new ControlPlaneError('dropped', 'gone'),
      answerAgain,
      silent,
    );

    expect(report.versions).toMatchObject([{ outcome: 'failed' }]);
    expect(report.versions[0]?.early).toBeUndefined();
    expect(history()).toEqual(['a']);
  });

  it('is no step on the way to a loss that is held in one', async () => {
    const names = Array.from({ length: 20 }, (_, index) => String.fromCharCode(97 + index));
    await check([], await served(tableOf(...names), changed(0)));
    const [some, few] = [names.slice(0, 12), names.slice(0, 7)];
    const [first, second] = [
      await served(tableOf(...some), changed(1)),
      await served(tableOf(...few), changed(3)),
    ];

    const report = await check([early(first)], second, answerAgain, losingAnswers());

    // Seven of twelve are plausible, and seven of twenty are not.
    expect(report.versions).toMatchObject([{ outcome: 'held', held: { reason: 'mass deletion' } }]);
    expect(report.versions[0]?.early?.manifest.revision).toBe(3);
    expect(history().at(-1)).toBe(some.join(''));
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
