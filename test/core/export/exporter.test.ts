import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BatchOutcome } from '../../../core/export/export-batch.ts';
import { type ExporterParts, exporter, reservedMs } from '../../../core/export/exporter.ts';
import type { RevisionChanges } from '../../../core/export/revision-changes.ts';
import type { ControlPlane } from '../../../core/kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../../../core/kong/errors.ts';
import { countingRandom } from '../counting-random.ts';
import { answeringControlPlane, memoryControlPlane } from '../kong/memory-control-plane.ts';
import { type ManualClock, manualClock } from '../manual-clock.ts';
import { localSigner } from '../vault/local-signer.ts';
import { type MemoryVault, memoryVault } from '../vault/memory-vault.ts';
import {
  type MemoryExportQueue,
  memoryExportQueue,
  visibilityTimeoutSeconds,
} from './memory-export-queue.ts';

const file = { controlPlane: 'prod', kongVersion: '3.9.1' };
const signer = await localSigner();
const functionMs = 120_000;

let clock: ManualClock;
let queue: MemoryExportQueue;
let vault: MemoryVault;
let told: RevisionChanges[];
let reports: { readonly batch: BatchOutcome; readonly measured: Readonly<Record<string, number>> }[];
beforeEach(() => {
  clock = manualClock(new Date('2026-11-23T04:10:00Z'));
  queue = memoryExportQueue(clock);
  vault = memoryVault();
  reports = [];
  told = [];
});

const table = { services: [{ id: 'a' }] };

function failingControlPlane(code: ControlPlaneErrorCode): ControlPlane {
  const controlPlane = memoryControlPlane(table);
  controlPlane.fail(code);
  return controlPlane;
}

function newExporter(
  controlPlane: ControlPlane = memoryControlPlane(table),
  parts: Partial<ExporterParts> = {},
) {
  return exporter({
    name: 'prod',
    controlPlane,
    vault,
    signer,
    dataPlaneVersions: ['3.9.1'],
    scheduleMinutes: 5,
    queue,
    minimumIntervalSeconds: 5,
    report: (batch, measured) => reports.push({ batch, measured }),
    reportChanges: (changes) => told.push(changes),
    clock,
    random: countingRandom(),
    ...parts,
  });
}

const sendCommand = () =>
  queue.send(JSON.stringify({ command: 'export', cause: 'event-hook', at: clock.now().toISOString() }));

/** What Lambda does with a batch: hands it to the function, deletes what the function does not name. */
async function deliver(exportMessages: ReturnType<typeof exporter>): Promise<number> {
  const messages = queue.receive();
  const unfinished = await exportMessages(messages, functionMs);
  queue.remove(messages.filter(({ id }) => !unfinished.includes(id)));
  return messages.length;
}

describe('an exporter', () => {
  it('makes one export of a batch, after which its messages are gone', async () => {
    sendCommand();
    sendCommand();
    const exportMessages = newExporter();

    const received = await deliver(exportMessages);
    await clock.advance(visibilityTimeoutSeconds * 1000);

    expect(received).toBe(2);
    expect(queue.receive()).toEqual([]);
    expect(vault.versions(file)).toHaveLength(1);
    expect(reports.map(({ measured }) => measured)).toEqual([
      {
        Published: 1,
        Verified: 1,
        ExportedEntities: expect.any(Number),
        ConfigBytes: expect.any(Number),
        ChangeToPublished: 0,
      },
    ]);
  });

  it.each([
    [new Date('2026-11-24T16:10:00Z'), 1.5],
    [undefined, undefined],
  ])('measures how long the certificate is valid that it connected with: to %s', async (endsAt, days) => {
    sendCommand();

    await deliver(newExporter(undefined, { certificateEndsAt: () => endsAt }));

    expect(reports.map(({ measured }) => measured['CertificateDaysLeft'])).toEqual([days]);
  });

  it('puts a batch that failed back whole, after 5, 10, 20 and 40 seconds, and lets it go after the fifth try', async () => {
    sendCommand();
    sendCommand();
    const exportMessages = newExporter(failingControlPlane('bad-frame'));

    const received: number[] = [];
    const tooSoon: number[] = [];
    for (const seconds of [5, 10, 20, 40]) {
      received.push(await deliver(exportMessages));
      await clock.advance(seconds * 1000 - 1);
      tooSoon.push(queue.receive().length);
      await clock.advance(1);
    }
    received.push(await deliver(exportMessages));
    await clock.advance(visibilityTimeoutSeconds * 1000);

    expect(received).toEqual([2, 2, 2, 2, 2]);
    expect(tooSoon).toEqual([0, 0, 0, 0]);
    expect(queue.receive()).toEqual([]);
    expect(reports.map(({ batch, measured }) => [batch.gaveUp, measured['ExportFailed']])).toEqual([
      [false, undefined],
      [false, undefined],
      [false, undefined],
      [false, undefined],
      [true, 1],
    ]);
  });

  it('that gives up because the control plane is away has met an outage, not failed', async () => {
    sendCommand();
    const exportMessages = newExporter(failingControlPlane('unreachable'));
    for (const seconds of [5, 10, 20, 40]) {
      await deliver(exportMessages);
      await clock.advance(seconds * 1000);
    }

    await deliver(exportMessages);

    expect(reports.at(-1)).toMatchObject({
      batch: { gaveUp: true },
      measured: { Verified: 0, ControlPlaneUnreachable: 1 },
    });
  });

  it('gives a message that is no command back at once, and exports for the rest', async () => {
    queue.send('{"command":"erase"}');
    sendCommand();

    const received = await deliver(newExporter());

    expect(received).toBe(2);
    expect(queue.receive()).toMatchObject([{ body: '{"command":"erase"}', receiveCount: 2 }]);
    expect(vault.versions(file)).toHaveLength(1);
  });

  it('stops an export in time to put its messages back', async () => {
    sendCommand();
    const exportMessages = newExporter(
      answeringControlPlane(
        ({ signal }) =>
          new Promise((_, reject) => {
            signal?.addEventListener('abort', () =>
              reject(new ControlPlaneError('cancelled', 'its time was up')),
            );
          }),
      ),
    );

    let isOver = false;
    const delivered = deliver(exportMessages).then(() => {
      isOver = true;
    });
    await clock.advance(functionMs - reservedMs - 1);
    const wasOver = isOver;
    await clock.advance(1);
    await delivered;
    await clock.advance(5_000);

    expect(wasOver).toBe(false);
    expect(reports).toMatchObject([{ batch: { gaveUp: false, retry: { afterSeconds: 5 } }, measured: {} }]);
    expect(queue.receive()).toMatchObject([{ receiveCount: 2 }]);
  });

  it('stops at once where less time is left than it needs to put messages back', async () => {
    const signals: (boolean | undefined)[] = [];
    const exportMessages = newExporter(
      answeringControlPlane(async (request) => {
        await clock.advance(0);
        signals.push(request.signal?.aborted);
        return memoryControlPlane(table).visit().configuration(request);
      }),
    );
    sendCommand();

    await exportMessages(queue.receive(), reservedMs - 1);

    expect(signals).toEqual([true]);
  });

  it('starts no sooner than its interval after the last export', async () => {
    const startedMs: number[] = [];
    const exportMessages = newExporter(
      answeringControlPlane((request) => {
        startedMs.push(clock.monotonicMs());
        return memoryControlPlane(table).visit().configuration(request);
      }),
    );
    sendCommand();
    await deliver(exportMessages);
    sendCommand();

    const second = deliver(exportMessages);
    await clock.advance(4_999);
    const early = [...startedMs];
    await clock.advance(1);
    await second;

    expect(early).toEqual([0]);
    expect(startedMs).toEqual([0, 5_000]);
  });

  it('leaves the batch to the queue where its time is up before the export may start', async () => {
    const exportMessages = newExporter(undefined, { minimumIntervalSeconds: 60 });
    sendCommand();
    await deliver(exportMessages);
    sendCommand();
    const messages = queue.receive();

    const second = exportMessages(messages, reservedMs + 1_000);
    await Promise.all([expect(second).rejects.toMatchObject({ name: 'AbortError' }), clock.advance(1_000)]);
    await clock.advance(visibilityTimeoutSeconds * 1000);

    expect(queue.receive()).toMatchObject([{ receiveCount: 2 }]);
  });

  it('has written its log when the messages cannot be put back', async () => {
    const exportMessages = newExporter(failingControlPlane('unreachable'), {
      queue: { putBack: () => Promise.reject(new Error('SQS is away')) },
    });
    sendCommand();

    const exported = exportMessages(queue.receive(), functionMs);

    await expect(exported).rejects.toThrow('SQS is away');
    expect(reports).toMatchObject([{ batch: { retry: { afterSeconds: 5 } } }]);
  });
});
