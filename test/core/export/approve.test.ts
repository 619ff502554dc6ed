import { beforeEach, describe, expect, it } from '@jest/globals';
import { runExport } from '../../../core/export/export-run.ts';
import { commandMs, operatorCommands } from '../../../core/export/operator-commands.ts';
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
let requested: { readonly id: string; readonly at: Date }[];
/** What asking for an export comes to. */
let queue: () => Promise<void>;
/** Why none was asked for. */
let unrequested: unknown;
beforeEach(async () => {
  requested = [];
  queue = async () => undefined;
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

/** What a control plane serves that has so many services. */
function configurationWith(services: number, clusterId = 'cluster') {
  checks += 1;
  const table = {
    services: Array.from({ length: services }, (_, index) => ({ id: `${index}` })),
    parameters: [{ key: 'cluster_id', value: clusterId }],
  };
  return served(table, new Date(builtAt.getTime() + checks * 1000));
}

/** An export that finds so many services. */
async function check(services: number, clusterId?: string): Promise<string> {
  const configuration = await configurationWith(services, clusterId);
  const report = await runExport(
    { ...parts(), controlPlane: answeringControlPlane(async () => configuration) },
    [{ command: 'export', version: 1, cause: 'event-hook', at: clock.now() }],
  );
  return String(report.versions[0]?.outcome);
}

async function approving(sees?: string, more: { readonly id?: string } = {}) {
  const { answer, notRequested } = await operatorCommands({
    ...parts(),
    controlPlane: answeringControlPlane(() => Promise.reject(new Error('nobody asks it'))),
    operators: [{ arn: caller, commands: ['approve'] }],
    requests: {
      request: () => Promise.reject(new Error('it would be named in the place of the approval')),
      requestUnnoted({ id, at }) {
        requested.push({ id, at });
        return queue();
      },
    },
  })({
    command: 'approve',
    caller,
    body: Buffer.from(JSON.stringify({ reason: 'meant', ...more, ...(sees === undefined ? {} : { sees }) })),
    requestId: 'r1',
  });
  unrequested = notRequested;
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

  it('asks for the export that publishes it, and the status goes on naming the approval', async () => {
    const answer = await approving(await seen(), { id: 'inc-7' });

    expect(requested).toEqual([{ id: 'inc-7', at: clock.now() }]);
    expect(answer).toMatchObject({ status: 200, content: { exportRequested: true } });
    await runExport(
      {
        ...parts(),
        controlPlane: answeringControlPlane(async () => configurationWith(4)),
      },
      // As the queue has it (core/intake/sqs-requested-exports.ts).
      [{ command: 'export', version: 1, cause: 'manual', at: clock.now() }],
    );
    expect(vault.versions(file)).toHaveLength(2);
    const status = await vault.lastStatus('prod');
    expect(status).toMatchObject({ lastCommand: { command: 'approve', id: 'inc-7', outcome: 'done' } });
    expect(status?.held).toBeUndefined();
  });

  it.each<[what: string, queue: () => Promise<void>]>([
    ['fails', () => Promise.reject(new Error('SQS is away'))],
    ['is not answered', () => new Promise(() => undefined)],
  ])('stands where asking for an export %s, and says so', async (_, asking) => {
    const sees = await seen();
    let answering: ReturnType<typeof approving> | undefined;
    // The clock stands still until all before it is done, however long a busy machine takes to sign.
    await new Promise<void>((asked) => {
      queue = () => {
        asked();
        return asking();
      };
      answering = approving(sees);
    });
    for (let seconds = 0; seconds < commandMs / 1000; seconds += 1) {
      await clock.advance(1_000);
    }

    expect(await answering).toMatchObject({
      status: 200,
      content: { until: new Date('2026-11-23T05:30:00Z'), exportRequested: false },
    });
    expect(unrequested).toBeInstanceOf(Error);
    expect(await check(4)).toBe('published');
    // Who repeats it has it asked for.
    queue = async () => undefined;
    expect(await approving(sees)).toMatchObject({ content: { exportRequested: true } });
    expect(requested).toHaveLength(2);
  });

  it('that is refused asks for no export', async () => {
    await approving();
    await approving('0123456789ab');

    expect(requested).toEqual([]);
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
