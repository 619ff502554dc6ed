/** When the inspect function plays a drill, and what it notes of it. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DrillLog, DrillRecord } from '../../core/inspect/drill-record.ts';
import { VaultError } from '../../core/vault/errors.ts';
import { publish } from '../../core/vault/publish.ts';
import { drills, readDrillEvent } from '../../lambdas/inspect-drill.ts';
import { logger } from '../../lambdas/telemetry.ts';
import { countingRandom } from '../core/counting-random.ts';
import { served } from '../core/kong/served.ts';
import { skippingClock } from '../core/manual-clock.ts';
import { guardOf } from '../core/vault/guarding.ts';
import { localSigner } from '../core/vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../core/vault/memory-vault.ts';

const signer = await localSigner();
const now = new Date('2026-11-28T12:00:00Z');
const clock = skippingClock(now);
const environment = {
  CONTROL_PLANE: 'prod',
  DATA_PLANE_VERSIONS: ['3.9.1'],
  DRILL_HOURS: 24,
  // Nobody listens there: what is played fails at once.
  API_URL: 'http://127.0.0.1:1',
  LMDB_MAP_MIB: 2048,
} as unknown as Parameters<typeof drills>[0];
const runtime = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'sesame' };

let vault: MemoryVault;
let lines: { readonly message: unknown; readonly drill?: DrillRecord }[];
beforeEach(async () => {
  lines = [];
  for (const level of ['info', 'warn', 'error'] as const) {
    jest.spyOn(logger, level).mockImplementation((message, ...fields) => {
      lines.push(Object.assign({ message }, ...fields));
    });
  }
  // Metrics are lines, too.
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
  vault = memoryVault();
  await publish(
    { vault, signer, clock, random: countingRandom() },
    {
      name: { controlPlane: 'prod', kongVersion: '3.9.1' },
      configuration: await served({ services: [] }),
      lastStatus: undefined,
      guard: guardOf(),
    },
  );
});
afterEach(() => {
  jest.restoreAllMocks();
});

const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const last = (hours: number, more: Partial<DrillRecord> = {}): DrillRecord => ({
  ...{ at: hoursAgo(hours), outcome: 'passed', seconds: 3, versions: [] },
  ...more,
});
const verified = { at: hoursAgo(24), passed: 5, unverified: 0, broken: [] };
const noting = (record: DrillRecord | undefined): DrillLog => ({ last: async () => record });

const play = (log: DrillLog, event: object = { drill: {} }) => {
  const asked = readDrillEvent(event);
  return asked && drills(environment, runtime, { vault, signer }, log, clock)(asked);
};

describe('the inspect function', () => {
  it.each([[{}], [{ routeKey: 'GET /x', requestContext: {} }], [null], ['drill'], [{ drill: 'now' }]])(
    'takes %j for no drill',
    (event) => {
      expect(readDrillEvent(event)).toBeUndefined();
    },
  );

  it('plays none that is not due, and notes nothing', async () => {
    expect(await play(noting(last(1)))).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it.each<[what: string, log: DrillLog, event: object]>([
    ['is due', noting(last(24, { revisions: verified })), { drill: {} }],
    ['a person wants now', noting(last(1, { revisions: verified })), { drill: { now: true } }],
  ])('plays one that %s, and notes with it what was verified before', async (_, log, event) => {
    const record = await play(log, event);

    expect(record).toMatchObject({
      outcome: 'failed',
      versions: [{ kongVersion: '3.9.1', fault: 'api' }],
      revisions: verified,
    });
    expect(lines).toEqual([{ message: 'drill failed', controlPlane: 'prod', drill: record }]);
    expect(JSON.stringify(lines)).not.toContain('sesame');
  });

  it('notes a drill before it verifies what is kept, and once more with what was found', async () => {
    const record = await play(noting(undefined));

    expect(record?.revisions).toEqual({ at: now, passed: 1, unverified: 0, broken: [] });
    expect(lines.map(({ message, drill }) => [message, drill?.revisions])).toEqual([
      ['drill failed', undefined],
      ['drill has verified what is kept', record?.revisions],
    ]);
  });

  it('plays one where nobody can tell when the last one was', async () => {
    const unread: DrillLog = { last: () => Promise.reject(new Error('throttled')) };

    expect(await play(unread)).toMatchObject({ outcome: 'failed' });
    expect(lines[0]).toMatchObject({ message: 'the last drill is not known' });
  });

  it('keeps what was verified before where that cannot be done again, and says so', async () => {
    vault.versionIds = () => Promise.reject(new VaultError('unavailable', 'S3 did not answer'));
    const old = { ...verified, at: hoursAgo(8 * 24) };

    expect(await play(noting(last(24, { revisions: old })))).toMatchObject({ revisions: old });
    expect(lines.at(-1)).toMatchObject({
      message: 'kept revisions could not be verified',
      errorCode: 'unavailable',
    });
  });
});
