import { beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import type { BatchOutcome } from '../../../core/export/export-batch.ts';
import { exporter, reservedMs } from '../../../core/export/exporter.ts';
import type { RevisionChanges } from '../../../core/export/revision-changes.ts';
import type { ControlPlaneVisit } from '../../../core/kong/control-plane.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { partlySilentVault, type SilentMethod } from '../vault/bound-vault.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const functionMs = 120_000;
/** Until an export no longer waits for what ends with no signal, and a little more. */
const graceMs = 3_000;
const patienceMs = 30_000;
const file = { controlPlane: 'prod', kongVersion: '3.9.1' };
const tableOf = (...names: readonly string[]) => ({ services: names.map((name) => ({ id: name, name })) });
const published = await served(tableOf('a'));
const changed = await served(tableOf('a', 'b'), new Date(builtAt.getTime() + 60_000));

let clock: ManualClock;
let vault: MemoryVault;
/** What happened, in its order. */
let told: string[];
let batch: BatchOutcome | undefined;
beforeEach(async () => {
  clock = manualClock(new Date('2026-11-23T04:10:00Z'));
  vault = memoryVault();
  told = [];
  await newExporter(async () => published)(messages(), functionMs);
  told = [];
});

function newExporter(
  configuration: ControlPlaneVisit['configuration'],
  parts: { readonly vault?: ConfigVault; readonly versions?: readonly string[] } = {},
) {
  return exporter({
    name: 'prod',
    controlPlane: answeringControlPlane(configuration),
    vault: parts.vault ?? vault,
    signer,
    dataPlaneVersions: parts.versions ?? ['3.9.1'],
    scheduleMinutes: 5,
    queue: {
      async putBack() {
        told.push('put back');
      },
    },
    minimumIntervalSeconds: 0,
    report(outcome) {
      batch = outcome;
      told.push(...(outcome.report?.versions ?? []).map((version) => version.outcome));
    },
    reportChanges({ changes }: RevisionChanges) {
      told.push('value' in changes ? 'changes' : `no changes: ${(changes.error as Error).message}`);
    },
    clock,
    random: countingRandom(),
  });
}

function messages() {
  const body = JSON.stringify({ command: 'export', cause: 'event-hook', at: clock.now().toISOString() });
  return [{ id: '1', receipt: '1', body, receiveCount: 1 }];
}

/** The vault, one of whose calls is never answered, and when that call has been made. */
function silentOn(method: SilentMethod) {
  let reach: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const silent = partlySilentVault(vault, (called) => {
    if (called === method) {
      reach();
    }
    return called === method;
  });
  return { silent, reached };
}

/**
 * Lets time pass until the work has ended, and no longer than the function has.
 *
 * @param reached until then real work is done, which takes no time of this clock
 */
async function endOf(work: Promise<unknown>, reached: Promise<void>): Promise<number> {
  await Promise.race([reached, work]);
  let isOver = false;
  void work.then(() => {
    isOver = true;
  });
  while (!isOver && clock.monotonicMs() < functionMs - reservedMs + graceMs) {
    await clock.advance(100);
  }
  // What is left is real work, as signing is, which takes no time of this clock.
  const patience = new AbortController();
  await Promise.race([work, systemClock.sleep(patienceMs, patience.signal).catch(() => undefined)]);
  patience.abort();
  return isOver ? clock.monotonicMs() : functionMs;
}

describe('an export whose time is up', () => {
  it('has published what was stored although the answer never came', async () => {
    const { silent, reached } = silentOn('publish');

    const endedMs = await endOf(
      newExporter(async () => changed, { vault: silent })(messages(), functionMs),
      reached,
    );

    expect(told[0]).toBe('published');
    expect(endedMs).toBeGreaterThanOrEqual(functionMs - reservedMs);
    expect(endedMs).toBeLessThan(functionMs);
    expect(await vault.lastStatus('prod')).toMatchObject({ versions: [{ revision: 2, changed: true }] });
  });

  it('looks at no further version, and says of each that it was not looked at', async () => {
    const { silent, reached } = silentOn('current');
    const versions = ['3.9.1', '3.8.1', '3.7.1'];

    await endOf(
      newExporter(async () => changed, { vault: silent, versions })(messages(), functionMs),
      reached,
    );

    expect(told).toEqual(['failed', 'failed', 'failed', 'put back']);
    const errors = batch?.report?.versions.map((version) => 'error' in version && String(version.error));
    expect(errors).toEqual([
      'VaultError: no answer in time',
      'ControlPlaneError: the export ended before version 3.8.1 was looked at: its time was up',
      'ControlPlaneError: the export ended before version 3.7.1 was looked at: its time was up',
    ]);
  });

  it('waits for nothing that knows no signal', async () => {
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const exportMessages = newExporter(() => {
      reach();
      return new Promise(() => undefined);
    });

    const endedMs = await endOf(exportMessages(messages(), functionMs), reached);

    expect(endedMs).toBeLessThan(functionMs);
    expect(told).toEqual(['failed', 'put back']);
    expect(batch?.report?.versions).toMatchObject([
      { error: { code: 'cancelled', message: expect.stringContaining('in the check of version 3.9.1') } },
    ]);
  });
});

describe('comparing with the revision before', () => {
  it('comes after the line of the publication', async () => {
    await newExporter(async () => changed)(messages(), functionMs);

    expect(told).toEqual(['published', 'changes']);
  });

  it('is left out where it takes too long, which costs the publication nothing', async () => {
    const { silent, reached } = silentOn('content');

    const endedMs = await endOf(
      newExporter(async () => changed, { vault: silent })(messages(), functionMs),
      reached,
    );

    expect(told).toEqual(['published', expect.stringMatching(/^no changes: the time for comparing/)]);
    expect(endedMs).toBeLessThan(functionMs - reservedMs);
    expect(vault.versions(file)).toHaveLength(2);
  });

  it('is done for one version after another', async () => {
    const versions = ['3.9.1', '3.8.1'];
    await newExporter(async () => published, { versions })(messages(), functionMs);
    let underWay = 0;
    let mostUnderWay = 0;
    const counting: ConfigVault = {
      ...vault,
      async content(...asked) {
        underWay += 1;
        mostUnderWay = Math.max(mostUnderWay, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return vault.content(...asked);
      },
    };

    await newExporter(async () => changed, { versions, vault: counting })(messages(), functionMs);

    expect(told.slice(-2)).toEqual(['changes', 'changes']);
    expect(mostUnderWay).toBe(1);
  });
});
