import { describe, expect, it } from '@jest/globals';
import { type ExportReport, isOutage, runExport } from '../../../core/export/export-run.ts';
import type { ExportParts } from '../../../core/export/version-checks.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';
import type { ConfigurationRequest, ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { memoryVault } from '../vault/memory-vault.ts';

const now = new Date('2026-11-23T04:10:00Z');
const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const command = (cause: ExportCommand['cause'], at: Date, since?: Date): ExportCommand => ({
  command: 'export',
  version: 1,
  cause,
  at,
  ...(since && { since }),
});
const scheduled = [command('schedule', now)];
const configuration = await served({ services: [{ id: 'a' }] });
const signer = await localSigner();

type Serve = (request: ConfigurationRequest) => Promise<ControlPlaneConfiguration>;
const failing = (code: ControlPlaneErrorCode) => Promise.reject(new ControlPlaneError(code, code));

/** An export's parts around a vault in memory, and what was asked of the control plane. */
function exporting(serve: Serve = async () => configuration, more: Partial<ExportParts> = {}) {
  const vault = memoryVault();
  const requests: ConfigurationRequest[] = [];
  const parts: ExportParts = {
    name: 'prod',
    controlPlane: answeringControlPlane((request) => {
      requests.push(request);
      return serve(request);
    }),
    vault,
    signer,
    dataPlaneVersions: ['3.8.1', '3.9.1'],
    scheduleMinutes: 5,
    clock: manualClock(now),
    random: countingRandom(),
    ...more,
  };
  return { vault, requests, parts };
}

const outcomes = ({ versions }: ExportReport) =>
  versions.map(({ kongVersion, outcome }) => `${kongVersion} ${outcome}`);

describe('an export', () => {
  it('publishes a file for each data-plane version and notes that it looked', async () => {
    const { vault, parts } = exporting();

    const report = await runExport(parts, scheduled);

    expect(outcomes(report)).toEqual(['3.8.1 published', '3.9.1 published']);
    expect(report).toMatchObject({ complete: true, statusError: undefined, finishedAt: now });
    expect(await vault.lastStatus('prod')).toMatchObject({
      controlPlane: 'prod',
      checkedAt: now,
      versions: [
        { kongVersion: '3.8.1', revision: 1, changed: true, configHash: configuration.configHash },
        { kongVersion: '3.9.1', revision: 1, changed: true, configHash: configuration.configHash },
      ],
    });
  });

  it('notes when the certificate ends that it connected with, and keeps that where none was read', async () => {
    const certificateEndsAt = new Date('2027-01-01T00:00:00Z');
    const { vault, parts } = exporting(undefined, { certificateEndsAt: () => certificateEndsAt });
    await runExport(parts, scheduled);
    const first = await vault.lastStatus('prod');

    await runExport({ ...parts, certificateEndsAt: () => undefined }, scheduled);

    expect(first).toMatchObject({ certificateEndsAt });
    expect(await vault.lastStatus('prod')).toMatchObject({ certificateEndsAt });
  });

  it('notes a check that found nothing new, too', async () => {
    const { vault, parts } = exporting();
    await runExport(parts, scheduled);
    const later = new Date(now.getTime() + 300_000);

    const report = await runExport({ ...parts, clock: manualClock(later) }, scheduled);

    expect(outcomes(report)).toEqual(['3.8.1 unchanged', '3.9.1 unchanged']);
    expect(report.complete).toBe(true);
    expect(await vault.lastStatus('prod')).toMatchObject({
      checkedAt: later,
      versions: [
        { revision: 1, changed: false },
        { revision: 1, changed: false },
      ],
    });
  });

  it.each<
    [title: string, commands: readonly ExportCommand[], changedAt: Date | undefined, since: Date | undefined]
  >([
    ['the schedule alone', [command('schedule', secondsAgo(1))], undefined, undefined],
    ['a hook', [command('event-hook', secondsAgo(3), secondsAgo(4))], secondsAgo(3), secondsAgo(4)],
    ['a person', [command('manual', secondsAgo(3))], secondsAgo(3), secondsAgo(3)],
    [
      'several hooks',
      [
        command('event-hook', secondsAgo(5), secondsAgo(7)),
        command('event-hook', secondsAgo(1), secondsAgo(2)),
        command('event-hook', secondsAgo(3), secondsAgo(4)),
      ],
      secondsAgo(1),
      secondsAgo(7),
    ],
    [
      'a hook and a younger schedule',
      [command('schedule', secondsAgo(0)), command('event-hook', secondsAgo(3))],
      secondsAgo(3),
      secondsAgo(3),
    ],
    ['a time in the future', [command('event-hook', secondsAgo(-1), secondsAgo(1))], now, secondsAgo(1)],
  ])(
    'called by %s waits for the newest change, and counts from the oldest',
    async (_, commands, changedAt, since) => {
      const { requests, parts } = exporting();
      const { signal } = new AbortController();

      const report = await runExport(parts, commands, signal);

      expect(requests).toEqual(
        // The newest first.
        ['3.9.1', '3.8.1'].map((dataPlaneVersion) => ({
          dataPlaneVersion,
          changedAt,
          onEarly: expect.any(Function),
          pluginVersions: 'named',
          signal,
        })),
      );
      expect(report.waitingSince).toEqual(since);
    },
  );

  it('called by the listener asks for the configuration that the listener was sent', async () => {
    const { requests, parts } = exporting();
    const { configHash } = configuration;
    const at = secondsAgo(3);

    const report = await runExport(parts, [{ ...command('listen', at), configHash }]);

    expect(requests).toEqual(
      ['3.9.1', '3.8.1'].map((dataPlaneVersion) => ({
        dataPlaneVersion,
        changedAt: at,
        configHash,
        onEarly: expect.any(Function),
        pluginVersions: 'named',
      })),
    );
    expect(report.waitingSince).toEqual(at);
  });

  it('of which one version fails publishes the others, and keeps what was known of the one', async () => {
    let broken = false;
    const { vault, parts } = exporting(({ dataPlaneVersion }) =>
      broken && dataPlaneVersion === '3.8.1'
        ? failing('bad-frame')
        : served({ services: broken ? [{ id: 'b' }] : [{ id: 'a' }] }),
    );
    await runExport(parts, scheduled);
    const before = vault.versions({ controlPlane: 'prod', kongVersion: '3.8.1' });
    broken = true;

    const report = await runExport(parts, scheduled);

    expect(outcomes(report)).toEqual(['3.8.1 failed', '3.9.1 published']);
    expect(report.complete).toBe(false);
    expect(vault.versions({ controlPlane: 'prod', kongVersion: '3.8.1' })).toEqual(before);
    expect((await vault.lastStatus('prod'))?.versions).toMatchObject([
      { kongVersion: '3.8.1', revision: 1, changed: false },
      { kongVersion: '3.9.1', revision: 2, changed: true },
    ]);
  });

  it('of which all versions fail has not looked: the status stays', async () => {
    const { vault, parts } = exporting();
    await runExport(parts, scheduled);
    const before = await vault.lastStatus('prod');
    const down = { ...parts, controlPlane: answeringControlPlane(() => failing('unreachable')) };

    const report = await runExport({ ...down, clock: manualClock(new Date(now.getTime() + 1)) }, scheduled);

    expect(outcomes(report)).toEqual(['3.8.1 failed', '3.9.1 failed']);
    expect(report).toMatchObject({ complete: false, statusError: undefined });
    expect(await vault.lastStatus('prod')).toEqual(before);
  });

  it('of which all versions fail notes what it has put back, so that an older one in its place is foreign', async () => {
    let isDown = false;
    const { vault, parts } = exporting(
      () => (isDown ? failing('unreachable') : Promise.resolve(configuration)),
      {
        dataPlaneVersions: ['3.9.1'],
      },
    );
    const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
    const later = { ...parts, clock: manualClock(new Date(now.getTime() + 60_000)) };
    await runExport(parts, scheduled);
    const [first] = vault.versions(name);
    if (first === undefined) {
      throw new RangeError('nothing was published');
    }
    isDown = true;
    vault.overwrite(name, { gzip: Buffer.from('theirs'), manifest: undefined });
    await runExport(later, scheduled);

    expect(await vault.lastStatus('prod')).toMatchObject({ checkedAt: now, versions: [{ revision: 2 }] });
    vault.overwrite(name, first);
    expect((await runExport(later, scheduled)).versions).toMatchObject([
      { outcome: 'failed', restored: { manifest: { revision: 3 }, manifestReplaced: true } },
    ]);
  });

  it('that is not settled publishes what came and is not complete', async () => {
    const { vault, parts } = exporting(async () => ({ ...configuration, settled: false }));

    const report = await runExport(parts, [command('event-hook', secondsAgo(1))]);

    expect(outcomes(report)).toEqual(['3.8.1 published', '3.9.1 published']);
    expect(report.complete).toBe(false);
    expect(vault.versions({ controlPlane: 'prod', kongVersion: '3.9.1' })).toHaveLength(1);
  });

  it('whose status cannot be written is not complete, and says why', async () => {
    const { vault, parts } = exporting();
    const statusError = new VaultError('denied', 'no');

    const report = await runExport(
      { ...parts, vault: { ...vault, putStatus: () => Promise.reject(statusError) } },
      scheduled,
    );

    expect(outcomes(report)).toEqual(['3.8.1 published', '3.9.1 published']);
    expect(report).toMatchObject({ complete: false, statusError });
  });

  it.each([true, false])(
    'tells by the answer to the status whether the vault keeps versions, also where nothing has changed: %s',
    async (keepsVersions) => {
      const { vault, parts } = exporting();
      await runExport(parts, scheduled);
      const answering = {
        ...vault,
        putStatus: async (...asked: Parameters<typeof vault.putStatus>) =>
          (await vault.putStatus(...asked)) && keepsVersions,
      };

      const report = await runExport({ ...parts, vault: answering }, scheduled);

      expect(outcomes(report)).toEqual(['3.8.1 unchanged', '3.9.1 unchanged']);
      expect(report).toMatchObject({ complete: true, keepsVersions });
    },
  );

  it('that cannot read the last status publishes nothing: it would not know the revisions', async () => {
    const { vault, requests, parts } = exporting();
    const unreadable = { ...vault, status: () => Promise.reject(new VaultError('unavailable', 'no')) };

    const report = await runExport({ ...parts, vault: unreadable }, scheduled);

    expect(outcomes(report)).toEqual(['3.8.1 failed', '3.9.1 failed']);
    expect(report).toMatchObject({ complete: false, versionsWithoutFile: undefined });
    expect(requests).toEqual([]);
  });

  describe('of a control plane that is behind', () => {
    const older = served({ services: [{ id: 'older' }] }, new Date(builtAt.getTime() - 1_000));
    const checkAt = async (times: readonly number[], serveAt: (minutes: number) => Serve) => {
      let minutes = 0;
      const { vault, parts } = exporting((request) => serveAt(minutes)(request), {
        dataPlaneVersions: ['3.9.1'],
      });
      const seen: string[] = [];
      for (minutes of [0, ...times]) {
        const clock = manualClock(new Date(now.getTime() + minutes * 60_000));
        const report = await runExport({ ...parts, clock }, scheduled);
        seen.push(...outcomes(report).map((outcome) => `${minutes}: ${outcome.split(' ')[1]}`));
      }
      return { seen: seen.slice(1), noted: (await vault.lastStatus('prod'))?.versions[0] };
    };
    const olderFrom = (minutes: number) => (minutes === 0 ? async () => configuration : () => older);

    it('remembers since when, until it is published', async () => {
      const before = await checkAt([1, 6, 11, 15.9], olderFrom);
      const { seen, noted } = await checkAt([1, 6, 11, 15.9, 16], olderFrom);

      expect(before.noted).toMatchObject({
        behindSince: new Date(now.getTime() + 60_000),
        behindConfigHash: (await older).configHash,
      });
      expect(seen.at(-1)).toBe('16: published');
      expect(noted).not.toHaveProperty('behindSince');
    });

    it.each([
      ['a check is missing in the row (one and a half schedules)', [1, 6, 11, 18.51], olderFrom],
      [
        'a check could not look at any version',
        [1, 6, 11, 13, 16],
        (minutes: number) => (minutes === 11 ? () => failing('unreachable') : olderFrom(minutes)),
      ],
      [
        'it served something newer meanwhile',
        [1, 6, 11, 16],
        (minutes: number) => (minutes === 11 ? async () => configuration : olderFrom(minutes)),
      ],
    ])('begins anew where %s', async (_, times, serveAt) => {
      const { seen } = await checkAt(times, serveAt);

      expect(seen.at(-1)).toMatch(/: behind$/);
    });

    it('waits no longer where the exporter’s clock was ahead in one check', async () => {
      const { seen } = await checkAt([1_000, 6, 11, 16, 21], olderFrom);

      expect(seen.slice(-2)).toEqual(['16: behind', '21: published']);
    });

    it('goes on where a row has no gap of more than one and a half schedules', async () => {
      const { seen } = await checkAt([1, 6, 11, 18.5], olderFrom);

      expect(seen.at(-1)).toBe('18.5: published');
    });
  });

  it('of two versions begins the time anew for the one whose check failed', async () => {
    const older = served({ services: [{ id: 'older' }] }, new Date(builtAt.getTime() - 1_000));
    let minutes = 0;
    const { parts } = exporting((request) => {
      if (minutes === 6 && request.dataPlaneVersion === '3.8.1') {
        return failing('bad-frame');
      }
      return minutes === 0 ? Promise.resolve(configuration) : older;
    });
    let last: readonly string[] = [];
    for (minutes of [0, 1, 6, 11, 16]) {
      const clock = manualClock(new Date(now.getTime() + minutes * 60_000));
      last = outcomes(await runExport({ ...parts, clock }, scheduled));
    }

    expect(last).toEqual(['3.8.1 behind', '3.9.1 published']);
  });

  it.each<[known: readonly string[], failingNow: readonly string[], withoutFile: number]>([
    [[], [], 0],
    [[], ['3.8.1'], 1],
    [[], ['3.8.1', '3.9.1'], 2],
    [['3.9.1'], ['3.8.1', '3.9.1'], 1],
    [['3.8.1', '3.9.1'], ['3.8.1', '3.9.1'], 0],
  ])(
    'after files for [%s], while [%s] fail, knows how many versions have none',
    async (known, failingNow, withoutFile) => {
      let broken = false;
      const { parts } = exporting(async ({ dataPlaneVersion }) =>
        broken && failingNow.includes(dataPlaneVersion) ? failing('unreachable') : configuration,
      );
      await runExport({ ...parts, dataPlaneVersions: known }, scheduled);
      broken = true;

      const report = await runExport(parts, scheduled);

      expect(report.versionsWithoutFile).toBe(withoutFile);
    },
  );

  it('forgets versions that are not published for any more', async () => {
    const { vault, parts } = exporting();
    await runExport(parts, scheduled);

    await runExport({ ...parts, dataPlaneVersions: ['3.9.1'] }, scheduled);

    expect((await vault.lastStatus('prod'))?.versions.map(({ kongVersion }) => kongVersion)).toEqual([
      '3.9.1',
    ]);
  });
});

describe('an outage', () => {
  it.each<
    [first: ControlPlaneErrorCode | 'served', second: ControlPlaneErrorCode | 'served', expected: boolean]
  >([
    ['unreachable', 'unreachable', true],
    ['unreachable', 'served', true],
    ['unreachable', 'refused', false],
    ['no-configuration', 'no-configuration', false],
    ['bad-frame', 'served', false],
    ['cancelled', 'cancelled', false],
    ['served', 'served', false],
  ])('with %s and %s: %s', async (first, second, expected) => {
    const { parts } = exporting(async ({ dataPlaneVersion }) => {
      const what = dataPlaneVersion === '3.8.1' ? first : second;
      return what === 'served' ? configuration : failing(what);
    });

    const report = await runExport(parts, scheduled);

    expect(isOutage(report)).toBe(expected);
  });

  it('is not when the vault is what fails', async () => {
    const { vault, parts } = exporting();

    const report = await runExport(
      { ...parts, vault: { ...vault, current: () => Promise.reject(new VaultError('unavailable', 'no')) } },
      scheduled,
    );

    expect(outcomes(report)).toEqual(['3.8.1 failed', '3.9.1 failed']);
    expect(isOutage(report)).toBe(false);
  });
});
