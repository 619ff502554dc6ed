import { beforeEach, describe, expect, it } from '@jest/globals';
import { runExport } from '../../../core/export/export-run.ts';
import { maxCommandBytes } from '../../../core/export/operator-command.ts';
import { type AnsweredCommand, commandMs, operatorCommands } from '../../../core/export/operator-commands.ts';
import type { RequestedExport } from '../../../core/intake/sqs-requested-exports.ts';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane } from '../kong/memory-control-plane.ts';
import { builtAt, served } from '../kong/served.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';

const signer = await localSigner();
const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const now = new Date('2026-11-23T04:10:00Z');
const operator = 'arn:aws:iam::111122223333:role/on-call';
const caller = 'arn:aws:sts::111122223333:assumed-role/on-call/anna';
const rollback = { version: '3.9.1', revision: 1, sees: 2, reason: 'routes are gone' };

let vault: MemoryVault;
let clock: ManualClock;
let requested: RequestedExport[];
beforeEach(async () => {
  vault = memoryVault();
  clock = manualClock(now);
  requested = [];
  await exporting({ services: [{ id: 'good' }] });
  await exporting({ services: [{ id: 'bad' }] });
});

const parts = (own: ConfigVault = vault) => ({
  name: 'prod',
  vault: own,
  signer,
  dataPlaneVersions: ['3.9.1', '3.8.1'],
  scheduleMinutes: 5,
  clock,
  random: countingRandom(),
  controlPlane: answeringControlPlane(() => Promise.reject(new ControlPlaneError('unreachable', 'down'))),
});

async function exporting(table: object, command?: Partial<RequestedExport>): Promise<void> {
  const configuration = await served(table, new Date(builtAt.getTime() + vault.versions(name).length * 1000));
  const { id = '', by = '', reason = '' } = command ?? {};
  await runExport(
    {
      ...parts(),
      dataPlaneVersions: ['3.9.1'],
      controlPlane: answeringControlPlane(async () => configuration),
    },
    [
      {
        command: 'export',
        version: 1,
        cause: command === undefined ? 'event-hook' : 'manual',
        at: now,
        ...(command === undefined ? {} : { requested: { id, by, reason } }),
      },
    ],
  );
}

function send(
  command: string,
  body: unknown,
  { by = caller, own, requestId = 'request-1' }: { by?: string; own?: ConfigVault; requestId?: string } = {},
): Promise<AnsweredCommand> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return operatorCommands({
    ...parts(own),
    operators: [{ arn: operator, commands: undefined }],
    requests: {
      async request(each) {
        requested.push(each);
      },
      requestUnnoted: () => Promise.reject(new Error('nothing is approved here')),
    },
  })({ command, caller: by, body: Buffer.from(text), requestId });
}

describe('a command', () => {
  it('to roll back is followed while the control plane is down, and noted with its sender and reason', async () => {
    const { answer, publication } = await send('rollback', rollback);

    const done = { controlPlane: 'prod', kongVersion: '3.9.1', revision: 3, rollbackOf: 1, pinned: true };
    expect(answer).toEqual({ status: 200, content: { ...done, versionId: '3' } });
    expect(publication).toMatchObject({ manifest: { revision: 3 } });
    expect(await vault.lastStatus('prod')).toMatchObject({
      versions: [{ kongVersion: '3.9.1', revision: 3, pinned: true, versionId: '3', changed: true }],
      lastCommand: {
        command: 'rollback',
        by: caller,
        reason: 'routes are gone',
        at: now,
        id: 'request-1',
        outcome: 'done',
        revision: 3,
      },
    });
  });

  it('that is repeated has the same answer', async () => {
    const first = await send('rollback', rollback);

    const again = await send('rollback', rollback, { requestId: 'request-2' });

    expect(again.answer).toEqual(first.answer);
    expect(again.publication).toBeUndefined();
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('to unpin is followed, and the next check goes on', async () => {
    await send('rollback', rollback);

    const { answer } = await send('unpin', { version: '3.9.1', sees: 3, reason: 'mended' });

    expect(answer).toMatchObject({ status: 200, content: { revision: 4, pinned: false } });
    expect(await vault.lastStatus('prod')).toMatchObject({
      versions: [{ revision: 4 }],
      lastCommand: { command: 'unpin' },
    });
    await exporting({ services: [{ id: 'mended' }] });
    expect(vault.versions(name)).toHaveLength(5);
    expect(await vault.lastStatus('prod')).toMatchObject({ lastCommand: { command: 'unpin' } });
  });

  it('that comes while an export is under way is not lost from the status', async () => {
    const newer = await served({ services: [{ id: 'newer' }] }, new Date(builtAt.getTime() + 5_000));

    await runExport(
      {
        ...parts(),
        dataPlaneVersions: ['3.9.1'],
        controlPlane: answeringControlPlane(async () => {
          await send('rollback', rollback);
          return newer;
        }),
      },
      [{ command: 'export', version: 1, cause: 'event-hook', at: now }],
    );

    expect(vault.versions(name)).toHaveLength(3);
    expect(await vault.lastStatus('prod')).toMatchObject({
      versions: [{ revision: 3, pinned: true }],
      lastCommand: { command: 'rollback', by: caller },
    });
  });

  it('to export comes into the queue, and its outcome into the status', async () => {
    const { answer } = await send('export', { reason: 'hook was lost', id: 'ticket-7' });

    expect(answer).toEqual({ status: 202, content: { controlPlane: 'prod', id: 'ticket-7' } });
    expect(requested).toEqual([{ id: 'ticket-7', at: now, by: caller, reason: 'hook was lost' }]);
    await exporting({ services: [{ id: 'newer' }] }, requested[0]);
    expect(await vault.lastStatus('prod')).toMatchObject({
      lastCommand: { command: 'export', id: 'ticket-7', by: caller, outcome: 'done' },
    });
  });

  it('to export that finds the control plane down is told of in the status as well', async () => {
    await send('export', { reason: 'hook was lost', id: 'ticket-7' });

    await runExport(parts(), [
      {
        command: 'export',
        version: 1,
        cause: 'manual',
        at: now,
        requested: { id: 'ticket-7', by: caller, reason: 'hook was lost' },
      },
    ]);

    expect(await vault.lastStatus('prod')).toMatchObject({
      versions: [{ revision: 2 }],
      lastCommand: { id: 'ticket-7', outcome: 'incomplete' },
    });
  });

  it('is not followed for a caller who is not on the list, whatever IAM allows', async () => {
    const { answer } = await send('rollback', rollback, {
      by: 'arn:aws:sts::111122223333:assumed-role/administrator/x',
    });

    expect(answer).toMatchObject({ status: 403 });
    expect(vault.versions(name)).toHaveLength(2);
  });

  it.each([
    ['no such command', 'delete', {}, 404],
    ['no JSON', 'rollback', '{', 400],
    ['no reason', 'rollback', { ...rollback, reason: '' }, 400],
    ['a reason of two lines', 'rollback', { ...rollback, reason: 'a\nb' }, 400],
    ['a reason of two lines, as Unicode has them', 'rollback', { ...rollback, reason: 'a\u2028b' }, 400],
    ['a reason of nothing but spaces', 'rollback', { ...rollback, reason: '  ' }, 400],
    ['a reason with half a character', 'export', { reason: 'a\ud83d' }, 400],
    ['a reason with what is no character', 'export', { reason: 'a\uffff' }, 400],
    ['no revision', 'rollback', { ...rollback, revision: '1' }, 400],
    ['revision 0', 'rollback', { ...rollback, revision: 0 }, 400],
    ['without what its sender saw', 'unpin', { version: '3.9.1', reason: 'x' }, 400],
    ['a field that it does not have', 'unpin', { ...rollback }, 400],
    ['an id with a space', 'export', { reason: 'x', id: 'a b' }, 400],
    ['no full version', 'rollback', { ...rollback, version: '3.9' }, 400],
    ['a version that is not published', 'rollback', { ...rollback, version: '3.7.1' }, 404],
    ['a revision that is not current any more', 'rollback', { ...rollback, sees: 1 }, 409],
    ['the current revision', 'rollback', { ...rollback, revision: 2 }, 422],
    ['a body that is too large', 'export', { reason: 'x', id: 'y'.repeat(maxCommandBytes) }, 413],
  ])('is refused with %s', async (_, command, body, status) => {
    const { answer } = await send(command, body);

    expect(answer).toEqual(
      expect.objectContaining({ status, title: expect.any(String), detail: expect.stringMatching(/\.$/) }),
    );
    expect(vault.versions(name)).toHaveLength(2);
    expect(requested).toEqual([]);
  });

  it('of the largest size is taken, and one byte more is not', async () => {
    const body = (bytes: number) => JSON.stringify({ reason: 'x' }).padEnd(bytes, ' ');

    const answers = [
      await send('export', body(maxCommandBytes)),
      await send('export', body(maxCommandBytes + 1)),
    ];

    expect(answers.map(({ answer }) => answer.status)).toEqual([202, 413]);
  });

  it('says nothing of what was sent where it is malformed', async () => {
    const { answer } = await send('rollback', { ...rollback, version: 'hunter2' });

    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  it('that the vault does not answer in time is given up before API Gateway gives up', async () => {
    const silent: ConfigVault = {
      ...vault,
      status: () => new Promise(() => undefined),
      within: () => silent,
    };

    const answered = send('rollback', rollback, { own: silent });
    await clock.advance(commandMs);

    expect(await answered).toMatchObject({ answer: { status: 504 } });
  });

  it('that the vault refuses is told as that', async () => {
    const refusing: ConfigVault = {
      ...vault,
      publish: () => Promise.reject(new VaultError('unavailable', 'writing failed')),
      within: () => refusing,
    };

    const { answer, error } = await send('rollback', rollback, { own: refusing });

    expect(answer).toMatchObject({ status: 503, detail: expect.stringContaining('writing failed') });
    expect(error).toMatchObject({ code: 'unavailable' });
  });

  it('is done where only the status could not be written', async () => {
    const refusing: ConfigVault = {
      ...vault,
      putStatus: () => Promise.reject(new VaultError('denied', 'no status')),
      within: () => refusing,
    };

    const { answer, error } = await send('rollback', rollback, { own: refusing });

    expect(answer).toMatchObject({ status: 200 });
    expect(error).toMatchObject({ message: 'no status' });
    expect(vault.versions(name)).toHaveLength(3);
  });

  it('that was followed in the last moment is noted in the time that is kept for it', async () => {
    const late: ConfigVault = {
      ...vault,
      async publish(...given) {
        const published = await vault.publish(...given);
        await clock.advance(21_500);
        return published;
      },
      async putStatus(...given) {
        await clock.advance(800);
        return vault.putStatus(...given);
      },
      within: () => late,
    };

    const { answer, publication } = await send('rollback', rollback, { own: late });

    expect(answer).toMatchObject({ status: 200, content: { revision: 3 } });
    expect(publication).toMatchObject({ manifest: { revision: 3 } });
    expect(await vault.lastStatus('prod')).toMatchObject({
      lastCommand: { command: 'rollback', revision: 3 },
    });
  });
});
