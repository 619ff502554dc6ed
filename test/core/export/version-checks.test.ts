import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ExportReport, isOutage, runExport } from '../../../core/export/export-run.ts';
import type { ExportParts } from '../../../core/export/version-checks.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';
import type {
  ConfigurationRequest,
  ControlPlane,
  ControlPlaneConfiguration,
  PluginVersions,
} from '../../../core/kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { countingRandom } from '../counting-random.ts';
import { builtAt } from '../kong/served.ts';
import { type Serving, serveTable } from '../kong/served-table.ts';
import { manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const start = new Date('2026-11-23T05:00:00Z');
const minute = 60_000;
const table = { services: [{ id: 'a' }] };
const hashOf = (letter: string) => letter.repeat(32);

/** What the control plane does with a version: serves it so, or fails. */
type Answer = Serving | ControlPlaneErrorCode;

let vault: MemoryVault;
/** By version; without one the version is served as `usual`. */
let answers: Map<string, Answer>;
let usual: Serving;
/** What a data plane must do to be served. */
let demanded: PluginVersions | undefined;
let requests: ConfigurationRequest[];
let askedAtOnce: number;
let visits: { ended: number };
let now: Date;
beforeEach(() => {
  vault = memoryVault();
  answers = new Map();
  usual = {};
  demanded = undefined;
  requests = [];
  askedAtOnce = 0;
  visits = { ended: 0 };
  now = start;
});

const controlPlane: ControlPlane = {
  visit() {
    let underWay = 0;
    return {
      async configuration(request) {
        requests.push(request);
        underWay += 1;
        askedAtOnce = Math.max(askedAtOnce, underWay);
        try {
          return await answer(request);
        } finally {
          underWay -= 1;
        }
      },
      async end() {
        visits.ended += 1;
      },
    };
  },
};

async function answer({
  dataPlaneVersion,
  pluginVersions = 'named',
}: ConfigurationRequest): Promise<ControlPlaneConfiguration> {
  const found = answers.get(dataPlaneVersion) ?? usual;
  if (typeof found === 'string') {
    throw new ControlPlaneError(found, `${dataPlaneVersion}: ${found}`);
  }
  const configuration = await serveTable({ ...table, version: [{ id: dataPlaneVersion }] }, found);
  return { ...configuration, pluginVersions: demanded ?? pluginVersions };
}

const command = (cause: ExportCommand['cause']): ExportCommand => ({
  command: 'export',
  version: 1,
  cause,
  at: now,
});

/** An export some minutes after the start; says what it was asked for, too. */
async function check(
  minutes: number,
  {
    cause = 'schedule',
    versions = ['3.4.2', '3.8.1', '3.9.1'],
    ...more
  }: Partial<ExportParts> & {
    readonly cause?: ExportCommand['cause'];
    readonly versions?: readonly string[];
  } = {},
): Promise<ExportReport & { readonly asked: readonly string[]; readonly outcomes: readonly string[] }> {
  now = new Date(start.getTime() + minutes * minute);
  requests = [];
  const report = await runExport(
    {
      name: 'prod',
      controlPlane,
      vault,
      signer,
      dataPlaneVersions: versions,
      scheduleMinutes: 5,
      clock: manualClock(now),
      random: countingRandom(),
      ...more,
    },
    [command(cause)],
  );
  return {
    ...report,
    asked: requests.map(({ dataPlaneVersion }) => dataPlaneVersion),
    outcomes: report.versions.map(({ kongVersion, outcome }) => `${kongVersion} ${outcome}`),
  };
}

const unchanged = ['3.4.2 unchanged', '3.8.1 unchanged', '3.9.1 unchanged'];
const all = ['3.9.1', '3.8.1', '3.4.2'];
const file = (kongVersion: string) => ({ controlPlane: 'prod', kongVersion });

describe('a check of several versions', () => {
  it('asks for one after another in one visit, the newest first, and reports as they are set', async () => {
    const versions = ['3.9.10', '3.4.2', '3.10.0', '3.9.9'];

    const { asked, outcomes } = await check(0, { versions });

    expect(asked).toEqual(['3.10.0', '3.9.10', '3.9.9', '3.4.2']);
    expect(outcomes).toEqual(versions.map((version) => `${version} published`));
    expect(askedAtOnce).toBe(1);
    expect(visits.ended).toBe(1);
  });

  it('ends its visit when all of it fails', async () => {
    usual = {};
    for (const version of all) {
      answers.set(version, 'no-configuration');
    }

    const { outcomes } = await check(0);

    expect(outcomes).toEqual(['3.4.2 failed', '3.8.1 failed', '3.9.1 failed']);
    expect(visits.ended).toBe(1);
  });

  it('asks for the newest one alone while nothing changes, and for all once an hour', async () => {
    await check(0);

    const checks = [await check(5), await check(58.999), await check(59), await check(64), await check(118)];

    expect(checks.map(({ asked }) => asked)).toEqual([['3.9.1'], ['3.9.1'], all, ['3.9.1'], all]);
    expect(checks.map(({ outcomes }) => outcomes)).toEqual(Array(5).fill(unchanged));
    expect(checks.every(({ complete }) => complete)).toBe(true);
    expect((await vault.lastStatus('prod'))?.versions).toMatchObject(
      ['3.4.2', '3.8.1', '3.9.1'].map((kongVersion) => ({ kongVersion, revision: 1, changed: false })),
    );
  });

  it.each<[what: string, change: Serving]>([
    ['hash', { configHash: hashOf('d'), at: new Date(builtAt.getTime() + 1) }],
    ['bytes, as after a patch of the control plane', { notation: 2 }],
  ])('asks for all when the newest one comes with another %s', async (_, change) => {
    await check(0);
    usual = change;

    const { asked, outcomes } = await check(5);
    const next = await check(10);

    expect(asked).toEqual(all);
    expect(new Set(outcomes.map((outcome) => outcome.split(' ')[1]))).toEqual(
      new Set([change.configHash === undefined ? 'unchanged' : 'published']),
    );
    expect(next.asked).toEqual(['3.9.1']);
  });

  it('asks for all after a hook, whatever the newest one’s hash', async () => {
    await check(0);

    const { asked, outcomes } = await check(5, { cause: 'event-hook' });

    expect(asked).toEqual(all);
    expect(outcomes).toEqual(unchanged);
  });

  it.each<[title: string, disturb: () => void]>([
    [
      'has no manifest',
      () => vault.overwrite(file('3.8.1'), { gzip: Buffer.from('x'), manifest: undefined }),
    ],
    [
      'is another one with the manifest of ours',
      () =>
        vault.overwrite(file('3.8.1'), {
          gzip: Buffer.from('x'),
          manifest: vault.versions(file('3.8.1'))[0]?.manifest,
        }),
    ],
    ['is missing', () => vault.lose(file('3.8.1'))],
  ])('asks for a version whose object %s, and puts a good one there', async (_, disturb) => {
    await check(0);
    disturb();

    const { asked, outcomes } = await check(5);
    const next = await check(10);

    expect(asked).toEqual(['3.9.1', '3.8.1']);
    expect(outcomes).toEqual(['3.4.2 unchanged', '3.8.1 published', '3.9.1 unchanged']);
    expect(next.asked).toEqual(['3.9.1']);
  });

  it('asks for all when the signing key is another one', async () => {
    await check(0);

    const { asked, outcomes } = await check(5, { signer: await localSigner() });

    expect(asked).toEqual(all);
    expect(outcomes).toEqual(['3.4.2 published', '3.8.1 published', '3.9.1 published']);
  });

  it('fails for a version whose object cannot be looked at', async () => {
    await check(0);
    const current: MemoryVault['current'] = async (name) => {
      if (name.kongVersion === '3.8.1') {
        throw new Error('S3 is away');
      }
      return vault.current(name);
    };

    const { asked, outcomes, complete } = await check(5, { vault: { ...vault, current } });

    expect(asked).toEqual(['3.9.1']);
    expect(outcomes).toEqual(['3.4.2 unchanged', '3.8.1 failed', '3.9.1 unchanged']);
    expect(complete).toBe(false);
  });

  it('asks again for a version that failed, after the others, until it is served', async () => {
    await check(0);
    usual = { configHash: hashOf('d'), at: new Date(builtAt.getTime() + 1) };
    answers.set('3.9.1', 'no-configuration');

    const failing = [await check(5), await check(5.1)];
    answers.clear();
    const mended = await check(10);
    const next = await check(15);

    expect(failing.map(({ asked }) => asked)).toEqual([all, ['3.8.1', '3.9.1']]);
    expect(failing.map(({ outcomes }) => outcomes)).toEqual([
      ['3.4.2 published', '3.8.1 published', '3.9.1 failed'],
      ['3.4.2 unchanged', '3.8.1 unchanged', '3.9.1 failed'],
    ]);
    expect(mended.asked).toEqual(['3.8.1', '3.9.1']);
    expect(mended.outcomes[2]).toBe('3.9.1 published');
    expect(next.asked).toEqual(['3.9.1']);
  });

  it('asks again where another node of the control plane answered without the change', async () => {
    await check(0);
    answers.set('3.8.1', usual);
    usual = { configHash: hashOf('d'), at: new Date(builtAt.getTime() + 1) };

    const straggling = await check(5);
    answers.clear();
    const next = await check(10);

    expect(straggling.outcomes).toEqual(['3.4.2 published', '3.8.1 unchanged', '3.9.1 published']);
    expect(next.asked).toEqual(['3.9.1', '3.8.1']);
    expect(next.outcomes[1]).toBe('3.8.1 published');
  });

  it('asks again where another node answered with a change that the newest version’s node had not', async () => {
    await check(0);
    answers.set('3.8.1', { configHash: hashOf('d'), at: new Date(builtAt.getTime() + 1) });

    const ahead = await check(5, { cause: 'event-hook' });
    answers.clear();
    usual = { at: new Date(builtAt.getTime() + 2) };
    const next = await check(10);

    expect(ahead.outcomes).toEqual(['3.4.2 unchanged', '3.8.1 published', '3.9.1 unchanged']);
    // What was changed was taken back, so that the newest version looks as if nothing had been.
    expect(next.asked).toEqual(['3.9.1', '3.8.1']);
    expect(next.outcomes[1]).toBe('3.8.1 published');
  });

  it('does not where each version has a hash of its own', async () => {
    answers.set('3.8.1', { configHash: hashOf('8') });
    await check(0);

    const { asked } = await check(5);

    expect(asked).toEqual(['3.9.1']);
  });

  it.each([
    ['behind', { configHash: hashOf('d'), at: new Date(builtAt.getTime() - 1) }],
    ['published', { configHash: hashOf('d'), at: new Date(builtAt.getTime() + 1) }],
  ])('asks again for a version that is not known to hold the change (%s)', async (outcome, serving) => {
    await check(0);
    answers.set('3.8.1', serving);
    const unsettled: ControlPlane = {
      visit: () => ({
        ...controlPlane.visit(),
        configuration: async (request) => {
          const found = await controlPlane.visit().configuration(request);
          return { ...found, settled: outcome === 'behind' || request.dataPlaneVersion !== '3.8.1' };
        },
      }),
    };

    const first = await check(59, { controlPlane: unsettled });
    const second = await check(64);

    expect(first.outcomes[1]).toBe(`3.8.1 ${outcome}`);
    expect(second.asked).toEqual(['3.9.1', '3.8.1']);
  });

  it('asks for all while all are behind, and publishes all after a quarter of an hour', async () => {
    await check(0);
    usual = { configHash: hashOf('d'), at: new Date(builtAt.getTime() - 1) };

    const checks = [];
    for (const minutes of [1, 6, 11, 15.9, 16]) {
      checks.push(await check(minutes));
    }

    expect(checks.map(({ asked }) => asked)).toEqual(Array(5).fill(all));
    expect(checks.map(({ outcomes }) => outcomes[0])).toEqual([
      ...Array(4).fill('3.4.2 behind'),
      '3.4.2 published',
    ]);
  });

  it('asks for all when the status is that of an older Lifeboat', async () => {
    await check(0);
    const status = await vault.lastStatus('prod');
    await vault.noteStatus(
      {
        controlPlane: 'prod',
        checkedAt: start,
        versions: (status?.versions ?? []).map(({ kongVersion, revision, sha256, configHash, changed }) => ({
          kongVersion,
          revision,
          sha256,
          configHash,
          changed,
        })),
      },
      signer,
    );

    const { asked, outcomes } = await check(5);
    const next = await check(10);

    expect(asked).toEqual(all);
    expect(outcomes).toEqual(unchanged);
    expect(next.asked).toEqual(['3.9.1']);
  });
});

describe('a control plane whose frames have no time', () => {
  it('is published with a word about it, and what its frames warn of', async () => {
    usual = { hasTimestamp: false };

    const [without] = (await check(0, { versions: ['3.9.1'] })).versions;
    usual = { configHash: hashOf('d') };
    const [having] = (await check(5, { versions: ['3.9.1'] })).versions;

    expect(without).toMatchObject({
      outcome: 'published',
      frameWarnings: [expect.stringContaining('does not say when')],
    });
    expect(having).toMatchObject({ outcome: 'published', frameWarnings: [] });
  });
});

describe('an unreachable control plane', () => {
  it('is tried once in an export, and fails all that had to be asked for', async () => {
    await check(0);
    usual = {};
    for (const version of all) {
      answers.set(version, 'unreachable');
    }

    const report = await check(5);
    answers.clear();
    const next = await check(10);

    expect(report.asked).toEqual(['3.9.1']);
    expect(report.outcomes).toEqual(['3.4.2 failed', '3.8.1 failed', '3.9.1 failed']);
    expect(isOutage(report)).toBe(true);
    // Nothing was looked at: the status is still that of the check before.
    expect(next.asked).toEqual(['3.9.1']);
  });
});

describe('a version that the control plane cannot serve', () => {
  const versions = ['3.10.0', '3.9.1', '3.8.1'];
  beforeEach(() => {
    answers.set('3.10.0', 'incompatible');
  });

  it('is asked for again where it was last asked by a clock that was ahead', async () => {
    await check(120, { versions });

    expect((await check(61, { versions })).asked).toEqual(['3.9.1', '3.8.1', '3.10.0']);
  });

  it('holds up nobody, and is asked for once an hour, last', async () => {
    const checks = [
      await check(0, { versions }),
      await check(5, { versions }),
      await check(58.999, { versions, cause: 'event-hook' }),
      await check(59, { versions }),
      await check(64, { versions }),
    ];

    expect(checks.map(({ asked }) => asked)).toEqual([
      ['3.10.0', '3.9.1', '3.8.1'],
      ['3.9.1'],
      ['3.9.1', '3.8.1'],
      ['3.9.1', '3.10.0'],
      ['3.9.1'],
    ]);
    expect(checks.map(({ outcomes }) => outcomes[0])).toEqual(Array(5).fill('3.10.0 not-served'));
    expect(checks.map(({ complete, versionsWithoutFile }) => [complete, versionsWithoutFile])).toEqual(
      Array(5).fill([true, 0]),
    );
    expect((await vault.lastStatus('prod'))?.notServed).toEqual([
      { kongVersion: '3.10.0', since: start, askedAt: new Date(start.getTime() + 59 * minute) },
    ]);
    expect(checks.map(({ versions: [first] }) => first && 'error' in first)).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it('is asked for at once when a person asks', async () => {
    await check(0, { versions });

    const { asked } = await check(1, { versions, cause: 'manual' });

    expect(asked).toEqual(['3.9.1', '3.8.1', '3.10.0']);
  });

  it('is published as soon as it is served, and is then the newest', async () => {
    await check(0, { versions });
    answers.clear();

    const { outcomes } = await check(60, { versions });
    const next = await check(65, { versions });

    expect(outcomes).toEqual(['3.10.0 published', '3.9.1 unchanged', '3.8.1 unchanged']);
    expect(next.asked).toEqual(['3.10.0']);
    expect(await vault.lastStatus('prod')).not.toHaveProperty('notServed');
  });

  it('although it was served before, is asked for in each check for ten minutes, then once an hour', async () => {
    answers.clear();
    await check(0, { versions });
    answers.set('3.10.0', 'incompatible');

    const checks: boolean[] = [];
    for (const minutes of [5, 10, 14.999, 15, 20, 73.999, 74]) {
      checks.push((await check(minutes, { versions })).asked.includes('3.10.0'));
    }

    expect(checks).toEqual([true, true, true, true, false, false, true]);
  });

  it('keeps the file that it has, and its number', async () => {
    answers.clear();
    await check(0, { versions });
    answers.set('3.10.0', 'incompatible');
    const before = vault.versions(file('3.10.0'));

    const gone = await check(5, { versions });
    await check(15, { versions });
    const still = await check(20, { versions });
    answers.clear();
    usual = { configHash: hashOf('d'), at: new Date(builtAt.getTime() + 1) };
    const back = await check(80, { versions });

    expect([gone, still].map(({ outcomes }) => outcomes[0])).toEqual(Array(2).fill('3.10.0 not-served'));
    expect(still.asked).toEqual(['3.9.1']);
    expect(vault.versions(file('3.10.0')).slice(0, 1)).toEqual(before);
    expect(back.versions[0]).toMatchObject({ outcome: 'published', manifest: { revision: 2 } });
  });

  it('stays not served where its file is by a key that cannot be asked for', async () => {
    answers.delete('3.10.0');
    await check(0, { versions: ['3.10.0'], signer: await localSigner() });
    const disabled = new VaultError('denied', 'the key is disabled');
    const within = (): never => {
      throw new Error('nothing binds it here');
    };
    const furtherKeys = [{ verificationKey: () => Promise.reject(disabled), within }];
    answers.set('3.10.0', 'incompatible');

    const reports = [
      await check(5, { versions: ['3.10.0'], furtherKeys }),
      await check(10, { versions: ['3.10.0'], furtherKeys }),
    ];

    expect(reports.map(({ outcomes }) => outcomes)).toEqual(Array(2).fill(['3.10.0 not-served']));
    expect(reports.map((report) => report.missingKeys)).toEqual(Array(2).fill([disabled]));
    expect(vault.versions(file('3.10.0'))).toHaveLength(1);
  });

  it('is asked for when somebody has written where its file was', async () => {
    answers.clear();
    await check(0, { versions });
    answers.set('3.10.0', 'incompatible');
    await check(5, { versions });
    await check(15, { versions });
    const { asked: before } = await check(20, { versions });
    vault.overwrite(file('3.10.0'), { gzip: Buffer.from('x'), manifest: undefined });

    const { asked } = await check(25, { versions });

    expect(before).toEqual(['3.9.1']);
    expect(asked).toEqual(['3.9.1', '3.10.0']);
  });

  it('stays what it is over an outage', async () => {
    await check(0, { versions });
    for (const version of versions) {
      answers.set(version, 'unreachable');
    }
    await check(60, { versions });
    answers.clear();
    answers.set('3.10.0', 'incompatible');

    const { versions: reports } = await check(65, { versions });

    expect(reports[0]).toMatchObject({ outcome: 'not-served', since: start });
  });

  it('stays what it is when it fails otherwise, and is asked for again', async () => {
    await check(0, { versions });
    answers.set('3.10.0', 'no-configuration');
    const failing = await check(60, { versions });
    answers.set('3.10.0', 'incompatible');

    const next = await check(65, { versions });

    expect(failing.outcomes[0]).toBe('3.10.0 failed');
    expect(next.asked).toEqual(['3.9.1', '3.10.0']);
    expect(next.versions[0]).toMatchObject({ outcome: 'not-served', since: start });
  });

  it('alone leaves nothing published and nothing to try again', async () => {
    const report = await check(0, { versions: ['3.10.0'] });

    expect(report).toMatchObject({ outcomes: ['3.10.0 not-served'], complete: true });
    expect(await vault.lastStatus('prod')).toMatchObject({ versions: [], notServed: [{ since: start }] });
  });
});

describe('plugins without versions', () => {
  const announced = () => requests.map(({ pluginVersions }) => pluginVersions);

  it('are remembered when they helped, said once, and tried with versions once a day', async () => {
    demanded = 'omitted';

    const first = await check(0);
    const firstAnnounced = announced();
    const second = await check(5);
    const secondAnnounced = announced();
    await check(24 * 60 - 0.001);
    const dayAnnounced = announced();
    const nextDay = await check(24 * 60);
    const nextDayAnnounced = announced();
    await check(24 * 60 + 5);

    // What helped one version is what the next one begins with.
    expect(firstAnnounced).toEqual(['named', 'omitted', 'omitted']);
    expect(secondAnnounced).toEqual(['omitted']);
    expect(new Set(dayAnnounced)).toEqual(new Set(['omitted']));
    expect(nextDayAnnounced[0]).toBe('named');
    expect(announced()[0]).toBe('omitted');
    expect([first, second, nextDay].map((report) => report.pluginVersionsOmitted)).toEqual([
      true,
      false,
      false,
    ]);
    expect((await vault.lastStatus('prod'))?.pluginVersions).toEqual({
      omittedSince: start,
      triedNamedAt: new Date(start.getTime() + 24 * 60 * minute),
    });
  });

  it('are over when versions are good again', async () => {
    demanded = 'omitted';
    await check(0);
    demanded = undefined;

    await check(24 * 60);
    const status = await vault.lastStatus('prod');
    await check(24 * 60 + 5);

    expect(status).not.toHaveProperty('pluginVersions');
    expect(announced()).toEqual(['named']);
  });

  it('are remembered over an outage', async () => {
    demanded = 'omitted';
    await check(0);
    for (const version of all) {
      answers.set(version, 'bad-frame');
    }
    answers.set('3.4.2', 'incompatible');

    await check(60);
    await check(65);

    expect(new Set(announced())).toEqual(new Set(['omitted']));
  });
});
