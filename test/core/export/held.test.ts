import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ExportReport, runExport } from '../../../core/export/export-run.ts';
import { measureBatch } from '../../../core/export/measurements.ts';
import { compareRevisions } from '../../../core/export/revision-changes.ts';
import type { ExportParts } from '../../../core/export/version-checks.ts';
import type { ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import type { ControlPlaneStatus } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const start = new Date('2026-11-23T05:00:00Z');
const minutesLater = (minutes: number) => new Date(start.getTime() + minutes * 60_000);
const list = (count: number, type = 'service') =>
  Array.from({ length: count }, (_, index) => ({ id: `${type}-${index}`, name: `${type} ${index}` }));

interface Served {
  readonly services?: number;
  readonly routes?: number;
  readonly clusterId?: string;
  readonly workspaceId?: string;
}

/** What the control plane has; each is another configuration, built when it is asked for. */
function tableOf({ services = 0, routes = 0, clusterId = 'cluster', workspaceId = 'workspace' }: Served) {
  return {
    services: list(services),
    routes: list(routes, 'route'),
    parameters: [{ key: 'cluster_id', value: clusterId }],
    workspaces: [{ id: workspaceId, name: 'default' }],
  };
}

let vault: MemoryVault;
/** What the versions are served, where that is not the same. */
let servedTo: Map<string, Served | Error>;
beforeEach(() => {
  vault = memoryVault();
  servedTo = new Map();
});

const file = (kongVersion: string) => ({ controlPlane: 'prod', kongVersion });
const countRevisions = (kongVersion = '3.9.1') => vault.versions(file(kongVersion)).length;
const lastStatus = async () => (await vault.lastStatus('prod')) as ControlPlaneStatus;

/** An export some minutes after the start, which finds this at the control plane. */
async function check(
  minutes: number,
  content: Served,
  {
    versions = ['3.4.2', '3.9.1'],
    early = [],
    ...more
  }: Partial<ExportParts> & {
    readonly versions?: readonly string[];
    readonly early?: readonly Served[];
  } = {},
): Promise<ExportReport & { readonly outcomes: readonly string[] }> {
  const at = (seconds: number) => new Date(builtAt.getTime() + minutes * 60_000 + seconds * 1000);
  const clock = manualClock(minutesLater(minutes));
  const report = await runExport(
    {
      name: 'prod',
      controlPlane: answeringControlPlane(async ({ dataPlaneVersion, onEarly }) => {
        const toThis = servedTo.get(dataPlaneVersion) ?? content;
        if (toThis instanceof Error) {
          throw toThis;
        }
        for (const [index, each] of early.entries()) {
          const configuration = await serve(each, dataPlaneVersion, at(index + 1));
          await onEarly?.({ ...configuration, settled: false, readAfter: configuration.builtAt });
        }
        return serve(toThis, dataPlaneVersion, at(30));
      }),
      vault,
      signer,
      dataPlaneVersions: versions,
      scheduleMinutes: 5,
      clock,
      random: countingRandom(),
      ...more,
    },
    [{ command: 'export', version: 1, cause: 'manual', at: clock.now() }],
  );
  const outcomes = report.versions.map(({ kongVersion, outcome }) => `${kongVersion} ${outcome}`);
  return { ...report, outcomes };
}

/** No two versions have the same table, as after a down-conversion. */
function serve(content: Served, version: string, at: Date): Promise<ControlPlaneConfiguration> {
  const { parameters, ...lists } = tableOf(content);
  return served({ ...lists, parameters: [...parameters, { key: 'version', value: version }] }, at);
}

const full: Served = { services: 20, routes: 30 };
const bothHeld = ['3.4.2 held', '3.9.1 held'];

describe('a control plane that has lost most of its configuration', () => {
  it('has nothing published, for any version, until it serves something plausible', async () => {
    await check(0, full);

    const held = [await check(5, { services: 9, routes: 30 }), await check(10, { services: 9, routes: 30 })];
    const during = [countRevisions('3.4.2'), countRevisions('3.9.1')];
    const after = await check(15, { services: 10, routes: 30 });

    expect(held.map(({ outcomes }) => outcomes)).toEqual([bothHeld, bothHeld]);
    expect(during).toEqual([1, 1]);
    expect(after.outcomes).toEqual(['3.4.2 published', '3.9.1 published']);
    expect(await lastStatus()).not.toHaveProperty('held');
  });

  it('is noted with what is missing, and since when', async () => {
    await check(0, full);
    await check(5, { services: 9, routes: 30 });
    await check(10, { services: 8, routes: 29 });

    expect(await lastStatus()).toMatchObject({
      checkedAt: minutesLater(10),
      held: {
        since: minutesLater(5),
        reason: 'mass deletion',
        what: '12 of 20 services are gone',
        identity: { clusterId: 'cluster', defaultWorkspaceId: 'workspace' },
        losses: { services: 12, routes: 1, total: 13 },
        left: { services: 8, routes: 29, total: 40 },
      },
      versions: [
        { kongVersion: '3.4.2', revision: 1, changed: false, entities: { services: 20 } },
        { kongVersion: '3.9.1', revision: 1, changed: false, entities: { services: 20 } },
      ],
    });
  });

  it('is done with, and not asked again before the next check', async () => {
    await check(0, full);

    const report = await check(5, { services: 1 });

    expect(report.complete).toBe(true);
    const batch = { report, unreadable: [], retry: undefined, gaveUp: false };
    const measured = measureBatch(batch, { certificateDaysLeft: undefined });
    expect(measured).toEqual({ Held: 2, Verified: 2 });
    expect(measured).not.toHaveProperty('Published');
  });

  it('is described by what would be gone, for one version', async () => {
    await check(0, full);

    const { versions } = await check(5, { services: 2, routes: 30 });
    const clock = manualClock(start);
    const compared = [];
    for await (const each of compareRevisions({ name: 'prod', vault, clock }, versions, clock.deadline(1))) {
      compared.push(each);
    }

    expect(versions).toMatchObject([
      { kongVersion: '3.4.2', held: { foundWith: '3.9.1' } },
      { kongVersion: '3.9.1', held: { foundWith: '3.9.1' } },
    ]);
    expect(compared).toMatchObject([
      {
        isHeld: true,
        manifest: { kongVersion: '3.9.1', revision: 1 },
        changes: {
          value: {
            services: {
              removed: 18,
              examples: { removed: ['service 2', 'service 3', 'service 4', 'service 5', 'service 6'] },
            },
          },
        },
      },
    ]);
  });

  it('has its limits from the settings', async () => {
    const guard = { minimumEntities: 21, maximumLossPercent: 50 };
    await check(0, full, { guard });

    expect((await check(5, { services: 9, routes: 30 }, { guard })).outcomes).toEqual([
      '3.4.2 published',
      '3.9.1 published',
    ]);
  });

  it('is published where the guard is off, but for one that has lost everything', async () => {
    await check(0, full, { guard: 'off' });

    expect((await check(5, { services: 1 }, { guard: 'off' })).outcomes).toEqual([
      '3.4.2 published',
      '3.9.1 published',
    ]);
    expect((await check(10, {}, { guard: 'off' })).outcomes).toEqual(bothHeld);
    expect(await lastStatus()).toMatchObject({ held: { reason: 'nothing left' } });
  });

  it('holds also what has only grown, for a version that is checked after it', async () => {
    await check(0, full);
    servedTo.set('3.4.2', { services: 25, routes: 30 });

    const { outcomes } = await check(5, { services: 9, routes: 30 });

    expect(outcomes).toEqual(bothHeld);
    expect((await lastStatus()).held).toMatchObject({ losses: { services: 11, total: 11 } });
  });

  it('is noted with the greatest loss of all versions', async () => {
    await check(0, full);
    servedTo.set('3.4.2', { services: 12, routes: 2 });

    await check(5, { services: 9, routes: 30 });

    expect((await lastStatus()).held).toMatchObject({
      what: '11 of 20 services are gone',
      losses: { services: 11, routes: 28, total: 36 },
    });
  });

  it('stays noted where the next check cannot look', async () => {
    await check(0, full);
    await check(5, { services: 1, routes: 30 });
    servedTo.set('3.9.1', new Error('gone'));
    servedTo.set('3.4.2', full);

    const { outcomes } = await check(10, full);

    expect(outcomes).toEqual(['3.4.2 unchanged', '3.9.1 failed']);
    expect(await lastStatus()).toMatchObject({ held: { since: minutesLater(5) } });
  });
});

describe('another database behind a control plane', () => {
  it.each([
    ['cluster id', { clusterId: 'another' }],
    ['default workspace', { workspaceId: 'another' }],
  ])('is held, by its %s, whatever it has', async (_, other) => {
    await check(0, full);

    const { outcomes } = await check(5, { ...full, ...other });

    expect(outcomes).toEqual(bothHeld);
    expect(countRevisions()).toBe(1);
    expect(await lastStatus()).toMatchObject({ held: { reason: 'another database' } });
  });

  it('is held where the published file alone can tell, since an older Lifeboat has noted nothing', async () => {
    await check(0, full);
    const { versions, ...status } = await lastStatus();
    const noted = versions.map(({ entities: _, identity: __, ...version }) => version);
    await vault.noteStatus({ ...status, versions: noted }, signer);

    expect((await check(5, { ...full, clusterId: 'another' })).outcomes).toEqual(bothHeld);
    expect((await check(10, { services: 21, routes: 30 })).outcomes).toEqual([
      '3.4.2 published',
      '3.9.1 published',
    ]);
  });

  it('is held for a version without a file, by the nearest one that has one', async () => {
    await check(0, { services: 20 }, { versions: ['3.4.2'] });
    servedTo.set('3.4.2', new Error('gone'));

    const versions = ['3.4.2', '3.9.1'];
    expect((await check(5, { services: 20, clusterId: 'x' }, { versions })).outcomes).toEqual([
      '3.4.2 failed',
      '3.9.1 held',
    ]);
    const held = await check(10, { services: 9 }, { versions });
    expect(held.outcomes).toEqual(['3.4.2 failed', '3.9.1 held']);
    expect(held.versionsWithoutFile).toBe(1);
    expect((await check(15, { services: 10 }, { versions })).outcomes).toEqual([
      '3.4.2 failed',
      '3.9.1 published',
    ]);
  });
});

describe('a version without a file', () => {
  it('may lack a type that the nearest one has: a down-conversion may have taken it out', async () => {
    await check(0, { services: 40, routes: 30 }, { versions: ['3.9.1'] });
    servedTo.set('3.4.2', { services: 40 });

    const { outcomes } = await check(5, { services: 40, routes: 30 });
    servedTo.set('3.4.2', { services: 40, routes: 30 });
    await check(10, { services: 40, routes: 30 });
    servedTo.set('3.4.2', { services: 40 });

    expect(outcomes).toEqual(['3.4.2 published', '3.9.1 unchanged']);
    // Once it has a file, its own is what counts.
    expect((await check(15, { services: 40, routes: 30 })).outcomes).toEqual([
      '3.4.2 held',
      '3.9.1 unchanged',
    ]);
  });
});

describe('an object that is not ours', () => {
  it('opens no way around the guard, and our newest revision is put in its place', async () => {
    await check(0, full);
    vault.overwrite(file('3.9.1'), { gzip: Buffer.from('x'), manifest: undefined });

    const report = await check(5, { services: 1 });
    const next = await check(10, { services: 1 });

    expect(report.outcomes).toEqual(bothHeld);
    expect(countRevisions()).toBe(3);
    expect(report.versions[1]).toMatchObject({
      restored: { manifest: { revision: 2, entities: { services: 20 } }, manifestReplaced: true },
    });
    // It is measured against the same as before.
    expect(next.outcomes).toEqual(bothHeld);
    expect(countRevisions()).toBe(3);
    expect((await lastStatus()).versions[1]).toMatchObject({ revision: 2, entities: { services: 20 } });
  });

  it('opens none where nothing of ours is left: the status knows what there was', async () => {
    await check(0, full);
    vault.lose(file('3.9.1'));

    const { outcomes } = await check(5, { services: 1 });

    expect(outcomes).toEqual(bothHeld);
    expect(countRevisions()).toBe(0);
  });
});

describe('the file of what is held is noted', () => {
  it('where the status was lost: it has a file', async () => {
    await check(0, full);
    await vault.noteStatus(await lastStatus(), await localSigner());

    const report = await check(5, { services: 9, routes: 30 });

    expect(report.outcomes).toEqual(bothHeld);
    expect(report.versionsWithoutFile).toBe(0);
    expect(await lastStatus()).toMatchObject({
      held: { reason: 'mass deletion' },
      versions: [
        { kongVersion: '3.4.2', revision: 1, versionId: '1' },
        { kongVersion: '3.9.1', revision: 1, versionId: '1' },
      ],
    });
    expect((await check(10, { services: 9, routes: 30 })).outcomes).toEqual(bothHeld);
  });

  it('where it was published and the status could not be written', async () => {
    await check(0, full);
    const unwritable = { ...vault, putStatus: () => Promise.reject(new VaultError('unavailable', 'down')) };
    await check(3, { services: 21, routes: 30 }, { vault: unwritable });

    await check(5, { services: 9, routes: 30 });

    expect(await lastStatus()).toMatchObject({ versions: [{ revision: 2 }, { revision: 2 }] });
  });
});

describe('a state in the middle of a change', () => {
  it('is not published where it is implausible, and holds nothing: what it ends with is', async () => {
    await check(0, full);

    const { outcomes } = await check(5, { services: 22, routes: 30 }, { early: [{ services: 1 }] });

    expect(outcomes).toEqual(['3.4.2 published', '3.9.1 published']);
    expect(countRevisions()).toBe(2);
    expect(await lastStatus()).not.toHaveProperty('held');
  });

  it('that was published opens no way to what would have been held without it', async () => {
    await check(0, full);
    const end = { services: 9, routes: 30 };

    const { outcomes } = await check(5, end, { early: [{ services: 12, routes: 30 }] });

    expect(outcomes).toEqual(bothHeld);
    expect(await lastStatus()).toMatchObject({
      held: { losses: { services: 11 } },
      versions: [
        { kongVersion: '3.4.2', revision: 1 },
        { kongVersion: '3.9.1', revision: 2, changed: true },
      ],
    });
    // Nor does it in the checks that follow.
    expect((await check(10, end)).outcomes).toEqual(bothHeld);
    expect((await check(15, { services: 12, routes: 30 })).outcomes).toEqual([
      '3.4.2 published',
      '3.9.1 unchanged',
    ]);
  });

  it('is not published for a version that is checked after one that was held', async () => {
    await check(0, full);
    const early = [{ services: 21, routes: 30 }];

    const { outcomes } = await check(5, { services: 1 }, { early: [] });
    await check(10, { services: 1 }, { early });

    expect(outcomes).toEqual(bothHeld);
    expect([countRevisions('3.4.2'), countRevisions('3.9.1')]).toEqual([1, 2]);
  });
});

describe('what a person has approved', () => {
  async function approve(until: Date): Promise<void> {
    const { held, ...status } = await lastStatus();
    if (held === undefined) {
      throw new Error('nothing is held');
    }
    const { identity, losses, left } = held;
    await vault.noteStatus({ ...status, held, approval: { identity, losses, left, until } }, signer);
  }

  it('is published for all versions, until the approval ends', async () => {
    await check(0, full);
    await check(5, { services: 9, routes: 30 });
    await approve(minutesLater(20));

    expect((await check(10, { services: 8, routes: 30 })).outcomes).toEqual(bothHeld);
    expect((await check(15, { services: 9, routes: 30 })).outcomes).toEqual([
      '3.4.2 published',
      '3.9.1 published',
    ]);
    expect(await lastStatus()).toMatchObject({ approval: { until: minutesLater(20) } });
    await check(20, full);
    expect(await lastStatus()).not.toHaveProperty('approval');
  });

  it('is held again once the approval has ended', async () => {
    await check(0, full);
    await check(5, { ...full, clusterId: 'another' });
    await approve(minutesLater(10));

    expect((await check(10, { ...full, clusterId: 'another' })).outcomes).toEqual(bothHeld);
  });
});
