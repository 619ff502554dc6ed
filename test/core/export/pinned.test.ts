import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ExportReport, runExport } from '../../../core/export/export-run.ts';
import { measureBatch } from '../../../core/export/measurements.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';
import type { ControlPlaneConfiguration, ControlPlaneVisit } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import { rollBack, unpin } from '../../../core/vault/pin.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { skippingClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const secondsLater = (seconds: number) => new Date(builtAt.getTime() + seconds * 1000);
const configurations = await Promise.all(
  ['good', 'bad', 'newer'].map((id, index) => served({ services: [{ id }] }, secondsLater(index))),
);
const [good, bad, newer] = configurations as [
  ControlPlaneConfiguration,
  ControlPlaneConfiguration,
  ControlPlaneConfiguration,
];
const unreachable = () => Promise.reject(new ControlPlaneError('unreachable', 'down'));

let vault: MemoryVault;
beforeEach(async () => {
  vault = memoryVault();
  await check(async () => good);
  await check(async () => bad);
  await commanding(rollBack, { revision: 1, sees: 2 });
});

const parts = () => ({
  name: 'prod',
  vault,
  signer,
  dataPlaneVersions: ['3.9.1'],
  scheduleMinutes: 5,
  clock: skippingClock(secondsLater(60)),
  random: countingRandom(),
});

function check(
  serve: ControlPlaneVisit['configuration'],
  cause: ExportCommand['cause'] = 'event-hook',
): Promise<ExportReport> {
  const command: ExportCommand = { command: 'export', version: 1, cause, at: secondsLater(10) };
  return runExport({ ...parts(), controlPlane: answeringControlPlane(serve) }, [command]);
}

async function commanding<Numbers extends { readonly sees: number }>(
  command: (
    ...args: [
      ReturnType<typeof parts>,
      Numbers & { name: typeof name; lastStatus: undefined; signal: undefined },
    ]
  ) => Promise<unknown>,
  numbers: Numbers,
): Promise<void> {
  await command(parts(), { name, lastStatus: undefined, signal: undefined, ...numbers });
}

const metricsOf = (report: ExportReport) =>
  measureBatch(
    { report, unreadable: [], retry: undefined, gaveUp: false },
    { certificateDaysLeft: undefined },
  );

describe('an export of a pinned file', () => {
  it('checks it and notes that, and publishes nothing', async () => {
    const report = await check(async () => newer);

    expect(report).toMatchObject({ complete: true, versions: [{ outcome: 'pinned' }] });
    expect(metricsOf(report)).toMatchObject({ Pinned: 1, Verified: 1 });
    expect(await vault.lastStatus('prod')).toMatchObject({
      checkedAt: secondsLater(60),
      versions: [{ revision: 3, pinned: true, changed: false }],
    });
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('is done although a newer configuration may come: it would not be published', async () => {
    const report = await check(async () => ({ ...newer, settled: false }));

    expect(report.complete).toBe(true);
  });

  it('publishes nothing early', async () => {
    await check(async () => newer);

    const report = await check(async ({ onEarly }) => {
      await onEarly?.({ ...newer, settled: false, readAfter: secondsLater(5) });
      return newer;
    });

    expect(report.versions).toMatchObject([{ outcome: 'pinned' }]);
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('puts it back, pinned, in place of something foreign while the control plane is down', async () => {
    await check(async () => newer);
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: 'theirs' });

    const report = await check(unreachable);

    const pinned = { revision: 4, pinned: true, rollbackOf: 1 };
    expect(report.versions).toMatchObject([{ outcome: 'failed', restored: { manifest: pinned } }]);
    expect(await vault.lastStatus('prod')).toMatchObject({ versions: [{ revision: 4, pinned: true }] });
    await check(async () => newer);
    expect(await vault.lastStatus('prod')).toMatchObject({ versions: [{ revision: 4, pinned: true }] });
  });

  it('looks at the vault alone where nobody tells of a change, and calls it pinned', async () => {
    await check(async () => newer);
    let askedCount = 0;

    const report = await runExport(
      {
        ...parts(),
        dataPlaneVersions: ['3.8.1', '3.9.1'],
        controlPlane: answeringControlPlane(async () => {
          askedCount += 1;
          return newer;
        }),
      },
      [{ command: 'export', version: 1, cause: 'schedule', at: secondsLater(20) }],
    );

    expect(askedCount).toBeGreaterThan(0);
    expect(report.versions).toMatchObject([{ outcome: 'published' }, { outcome: 'pinned' }]);
  });
});

describe('an export after the unpinning', () => {
  it('publishes what the control plane serves', async () => {
    await check(async () => newer);
    await commanding(unpin, { sees: 3 });

    const report = await check(async () => newer);

    expect(report.versions).toMatchObject([{ outcome: 'published', manifest: { revision: 5 } }]);
    const status = await vault.lastStatus('prod');
    expect(status?.versions[0]?.pinned).toBeUndefined();
  });

  it('publishes nothing that is older than what was rolled back', async () => {
    await check(async () => newer);
    await commanding(unpin, { sees: 3 });

    const report = await check(async () => ({
      ...bad,
      builtAt: secondsLater(0.5),
      configHash: 'e'.repeat(32),
    }));

    expect(report.versions).toMatchObject([{ outcome: 'behind' }]);
  });
});
