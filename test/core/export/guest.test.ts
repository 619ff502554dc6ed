import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { runExport } from '../../../core/export/export-run.ts';
import { clusterEndpointControlPlane } from '../../../core/kong/cluster-endpoint.ts';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../simulators/kong/control-plane/control-plane.ts';
import { countingRandom } from '../counting-random.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const start = Date.parse('2026-11-23T05:00:00Z');
const versions = ['3.4.2', '3.8.1', '3.9.1'];

let controlPlane: ControlPlane;
let vault: MemoryVault;
beforeEach(() => {
  vault = memoryVault();
});
afterEach(() => controlPlane.stop());

async function serve(options: Partial<ControlPlaneOptions> = {}): Promise<void> {
  controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.1, ...options });
}

/** A scheduled check, some minutes after the first one. */
async function check(minutes: number, dataPlaneVersions = versions): Promise<readonly string[]> {
  const now = new Date(start + minutes * 60_000);
  const report = await runExport(
    {
      name: 'prod',
      controlPlane: clusterEndpointControlPlane({
        endpoint: controlPlane.clusterEndpoint,
        mtls: 'shared',
        certificate: async () => controlPlane.certificates,
        nodeSeed: 'test',
        customPlugins: [],
        settle: { settleSeconds: 5, clockToleranceSeconds: 1 },
        connectTimeoutMs: 5_000,
        firstFrameTimeoutMs: 5_000,
        clock: systemClock,
      }),
      vault,
      signer,
      dataPlaneVersions,
      scheduleMinutes: 5,
      // The moment of the check is the test's, its waits are real.
      clock: { ...systemClock, now: () => now },
      random: countingRandom(),
    },
    [{ command: 'export', version: 1, cause: 'schedule', at: now }],
  );
  return report.versions.map((version) => {
    if (version.outcome === 'failed' && !(version.error instanceof ControlPlaneError)) {
      throw version.error;
    }
    return `${version.kongVersion} ${version.outcome}`;
  });
}

const each = (outcome: string) => versions.map((version) => `${version} ${outcome}`);

const publishedTable = (kongVersion: string): Record<string, unknown> => {
  const newest = vault.versions({ controlPlane: 'prod', kongVersion }).at(-1);
  const { _comment, ...table } = JSON.parse(gunzipSync(newest?.gzip ?? '').toString('utf8'));
  return table;
};

describe('an export, seen from the control plane', () => {
  it('is one export for all versions, and no line in its log beside those of down-conversion', async () => {
    await serve();

    const first = await check(0);
    const exportsForFirst = controlPlane.exportCount();
    const second = await check(5);

    expect([first, second]).toEqual([each('published'), each('unchanged')]);
    expect([exportsForFirst, controlPlane.exportCount()]).toEqual([1, 2]);
    expect(controlPlane.log.filter((line) => /\[(error|crit)\]/.test(line))).toEqual([]);
  });

  it('finds what a patch changed for an older version under the same hash, at the next check', async () => {
    await serve();
    await check(0);
    const hash = controlPlane.builtHash();
    controlPlane.patchDownConversion((table, version) =>
      version === '3.4.2' ? { ...table, services: [{ id: 'patched', name: 'patched' }] } : table,
    );

    const outcomes = await check(5);

    expect(controlPlane.builtHash()).toBe(hash);
    expect(outcomes).toEqual(['3.4.2 published', '3.8.1 unchanged', '3.9.1 unchanged']);
    expect(publishedTable('3.4.2')).toEqual(controlPlane.builtTable('3.4.2'));
  });

  it('publishes nothing after a restart, when equal content comes in other bytes', async () => {
    await serve();
    await check(0);
    controlPlane.patchDownConversion((table) => table);

    const outcomes = [await check(5), await check(10)];

    expect(outcomes).toEqual([each('unchanged'), each('unchanged')]);
    expect(
      versions.map((kongVersion) => vault.versions({ controlPlane: 'prod', kongVersion }).length),
    ).toEqual([1, 1, 1]);
  });

  it('says unchanged while its database is away: that is what a new data plane would get', async () => {
    await serve();
    await check(0);
    controlPlane.setDatabase('down');

    const outcomes = await check(5);

    expect(outcomes).toEqual(each('unchanged'));
  });
});
