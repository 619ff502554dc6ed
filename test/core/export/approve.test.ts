import { beforeEach, describe, expect, it } from '@jest/globals';
import { runExport } from '../../../core/export/export-run.ts';
import { operatorCommands } from '../../../core/export/operator-commands.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const file = { controlPlane: 'prod', kongVersion: '3.9.1' };
const caller = 'arn:aws:iam::111122223333:user/anna';
const minutesMs = 60_000;

let vault: MemoryVault;
let clock: ManualClock;
let checks: number;
beforeEach(async () => {
  vault = memoryVault();
  clock = manualClock(new Date('2026-11-23T05:00:00Z'));
  checks = 0;
  await check(20);
  await check(4);
});

const parts = () => ({
  name: 'prod',
  vault,
  signer,
  dataPlaneVersions: ['3.9.1'],
  scheduleMinutes: 5,
  clock,
  random: countingRandom(),
});

/** An export that finds so many services. */
async function check(services: number, clusterId = 'cluster'): Promise<string> {
  checks += 1;
  const table = {
    services: Array.from({ length: services }, (_, index) => ({ id: `${index}` })),
    parameters: [{ key: 'cluster_id', value: clusterId }],
  };
  const configuration = await served(table, new Date(builtAt.getTime() + checks * 1000));
  const report = await runExport(
    { ...parts(), controlPlane: answeringControlPlane(async () => configuration) },
    [{ command: 'export', version: 1, cause: 'event-hook', at: clock.now() }],
  );
  return String(report.versions[0]?.outcome);
}

async function approving(sees?: string) {
  const { answer } = await operatorCommands({
    ...parts(),
    controlPlane: answeringControlPlane(() => Promise.reject(new Error('nobody asks it'))),
    operators: [{ arn: caller, commands: ['approve'] }],
    requests: { request: async () => undefined },
  })({
    command: 'approve',
    caller,
    body: Buffer.from(JSON.stringify({ reason: 'meant', ...(sees === undefined ? {} : { sees }) })),
    requestId: 'r1',
  });
  return answer;
}

/** What is held is named by the answer to a command that does not name it. */
async function seen(): Promise<string> {
  const answer = await approving();
  return 'more' in answer ? String(answer.more?.['sees']) : '';
}

describe('approving what is held', () => {
  it('is refused without its name, and told what it is', async () => {
    expect(await approving()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('16 of 20 services are gone'),
    });
    expect((await vault.lastStatus('prod'))?.approval).toBeUndefined();
  });

  it('lets the next check publish it, for half an hour', async () => {
    const answer = await approving(await seen());

    const until = new Date('2026-11-23T05:30:00Z');
    expect(answer).toMatchObject({ status: 200, content: { controlPlane: 'prod', until } });
    expect(await vault.lastStatus('prod')).toMatchObject({
      approval: { until },
      lastCommand: { command: 'approve', by: caller, reason: 'meant' },
    });
    expect(await check(4)).toBe('published');
    expect(vault.versions(file)).toHaveLength(2);
  });

  it('twice is answered as the first time, and not prolonged', async () => {
    const sees = await seen();
    const first = await approving(sees);
    await clock.advance(10 * minutesMs);

    expect(await approving(sees)).toEqual(first);
    await check(4);
    expect(await approving(sees)).toEqual(first);
  });

  it('too late lets nothing through', async () => {
    await approving(await seen());
    await clock.advance(30 * minutesMs);

    expect(await check(4)).toBe('held');
  });

  it.each([
    ['the loss has grown', 3, 'cluster'],
    ['another database is served', 4, 'other'],
  ])('lets nothing else through: %s', async (_, services, clusterId) => {
    const sees = await seen();
    await approving(sees);

    expect(await check(services, clusterId)).toBe('held');
  });

  it('lets no second loss through: what is published by then is what it is measured against', async () => {
    await approving(await seen());

    expect(await check(4)).toBe('published');
    expect(await check(3)).toBe('published');
    expect(await check(0)).toBe('held');
  });

  it('after the loss has grown is refused: the sender saw another one', async () => {
    const sees = await seen();
    await check(3);

    expect(await approving(sees)).toMatchObject({
      status: 409,
      detail: expect.stringContaining('17 of 20 services are gone'),
    });
  });

  it('is refused where nothing is held', async () => {
    await check(20);

    expect(await approving('0123456789ab')).toMatchObject({ status: 422 });
  });

  it('while an export is under way is not lost', async () => {
    const sees = await seen();
    const configuration = await served({ services: [{ id: '0' }, { id: '1' }, { id: '2' }, { id: '3' }] });

    await runExport(
      {
        ...parts(),
        controlPlane: answeringControlPlane(async () => {
          await approving(sees);
          return configuration;
        }),
      },
      [{ command: 'export', version: 1, cause: 'event-hook', at: clock.now() }],
    );

    expect(await vault.lastStatus('prod')).toMatchObject({
      approval: {},
      lastCommand: { command: 'approve' },
    });
  });
});
