import { describe, expect, it } from '@jest/globals';
import { exportBatch } from '../../../core/export/export-batch.ts';
import type { QueuedMessage } from '../../../core/export/export-queue.ts';
import type { ExportReport } from '../../../core/export/export-run.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';

const report: ExportReport = {
  versions: [],
  waitingSince: undefined,
  finishedAt: new Date(),
  versionsWithoutFile: 0,
  pluginVersionsOmitted: false,
  statusError: undefined,
  complete: true,
};
const body = (cause: string) => JSON.stringify({ command: 'export', cause, at: '2026-11-23T04:00:00Z' });
const message = (id: string, receiveCount = 1, text = body('event-hook')): QueuedMessage => ({
  id,
  receipt: `receipt-${id}`,
  receiveCount,
  body: text,
});

/** An export that ends as given, and the commands that it was called with. */
function exporting(complete: boolean) {
  const runs: (readonly ExportCommand[])[] = [];
  return {
    runs,
    run: async (commands: readonly ExportCommand[]) => {
      runs.push(commands);
      return { ...report, complete };
    },
  };
}

describe('a batch of messages', () => {
  it('is one export, with all its commands', async () => {
    const { run, runs } = exporting(true);

    const outcome = await exportBatch([message('a'), message('b', 3, body('schedule')), message('c')], run);

    expect(runs.map((commands) => commands.map(({ cause }) => cause))).toEqual([
      ['event-hook', 'schedule', 'event-hook'],
    ]);
    expect(outcome).toEqual({ report, unreadable: [], retry: undefined, gaveUp: false });
  });

  it.each([
    [1, { ids: ['a', 'b'], afterSeconds: 5 }],
    [2, { ids: ['a', 'b'], afterSeconds: 10 }],
    [3, { ids: ['a', 'b'], afterSeconds: 20 }],
    [4, { ids: ['a', 'b'], afterSeconds: 40 }],
    [5, undefined],
    [6, undefined],
  ])('that failed at try %d: %j', async (receiveCount, retry) => {
    const { run } = exporting(false);

    const outcome = await exportBatch([message('a', receiveCount), message('b', receiveCount)], run);

    expect(outcome).toMatchObject({ unreadable: [], retry, gaveUp: retry === undefined });
  });

  it('lets nothing go with a message that has had its five tries', async () => {
    const { run } = exporting(false);

    const outcome = await exportBatch([message('a', 5), message('b', 2), message('c')], run);

    // The others come again together, after the pause of the one that was tried most.
    expect(outcome).toMatchObject({ retry: { ids: ['b', 'c'], afterSeconds: 10 }, gaveUp: true });
  });

  it('gives up nothing that is complete, at whatever try', async () => {
    const outcome = await exportBatch([message('a', 9)], exporting(true).run);

    expect(outcome).toMatchObject({ retry: undefined, gaveUp: false });
  });

  it('leaves out what is no command, and exports the rest', async () => {
    const { run, runs } = exporting(false);

    const outcome = await exportBatch([message('bad', 4, 'hello'), message('good')], run);

    expect(runs.map((commands) => commands.length)).toEqual([1]);
    expect(outcome).toMatchObject({
      unreadable: ['bad'],
      retry: { ids: ['good'], afterSeconds: 5 },
    });
  });

  it('of nothing but unreadable messages is no export', async () => {
    const { run, runs } = exporting(true);

    const outcome = await exportBatch([message('a', 1, ''), message('b', 9, '{}')], run);

    expect(runs).toEqual([]);
    expect(outcome).toEqual({ report: undefined, unreadable: ['a', 'b'], retry: undefined, gaveUp: false });
  });
});
