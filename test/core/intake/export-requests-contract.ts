import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExportRequests } from '../../../core/intake/doorbell.ts';
import type { ExportCommand } from '../../../core/intake/export-command.ts';

export interface ExportRequestsUnderTest {
  /** With windows of 2 s, for the control planes `prod` and `test`. */
  readonly requests: ExportRequests;
  /** All commands for a control plane, in their order. */
  commands(controlPlane: string): Promise<readonly (ExportCommand | undefined)[]>;
}

const at = (time: string) => new Date(`2026-11-23T04:00:${time}Z`);

/** What all `ExportRequests` do. */
export function exportRequestsContract(title: string, open: () => Promise<ExportRequestsUnderTest>): void {
  describe(`${title} as export requests`, () => {
    let world: ExportRequestsUnderTest;
    beforeEach(async () => {
      world = await open();
    });

    it('are one for all hooks of a window, and speak for its end', async () => {
      for (const time of ['00.000', '00.001', '01.999']) {
        await world.requests.request('prod', at(time));
      }

      expect(await world.commands('prod')).toEqual([
        { command: 'export', version: 1, cause: 'event-hook', at: at('02.000'), since: at('00.000') },
      ]);
    });

    it('are another one for the first hook of the next window', async () => {
      for (const time of ['01.999', '02.000', '04.000']) {
        await world.requests.request('prod', at(time));
      }

      expect((await world.commands('prod')).map((command) => command?.at)).toEqual([
        at('02.000'),
        at('04.000'),
        at('06.000'),
      ]);
    });

    it('are kept apart by control plane', async () => {
      await world.requests.request('prod', at('00.000'));
      await world.requests.request('test', at('01.000'));

      const [prod, test] = [await world.commands('prod'), await world.commands('test')];
      expect([prod, test].map((commands) => commands.map((command) => command?.since))).toEqual([
        [at('00.000')],
        [at('01.000')],
      ]);
    });
  });
}
