import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ControlPlane, ControlPlaneConfiguration } from '../../../core/kong/control-plane.ts';

export interface ControlPlaneUnderTest {
  readonly controlPlane: ControlPlane;
  addConsumer(username: string): Promise<void>;
  /** Takes it away. */
  stop(): Promise<void>;
  /** The time by its clock. @default the machine's */
  readonly now?: (() => Date) | undefined;
}

/** What every `ControlPlane` does. */
export function controlPlaneContract(title: string, open: () => Promise<ControlPlaneUnderTest>): void {
  describe(`${title} as a control plane`, () => {
    let world: ControlPlaneUnderTest;
    let isStopped: boolean;
    beforeEach(async () => {
      isStopped = false;
      world = await open();
    });
    const now = () => world.now?.() ?? new Date();
    const stop = async () => {
      if (!isStopped) {
        isStopped = true;
        await world.stop();
      }
    };
    afterEach(stop);

    const read = async (changedAt?: Date, signal?: AbortSignal) => {
      const visit = world.controlPlane.visit();
      try {
        return await visit.configuration({ dataPlaneVersion: '3.9.1', changedAt, signal });
      } finally {
        await visit.end();
      }
    };
    const tableOf = async (configuration: ControlPlaneConfiguration): Promise<Record<string, unknown>> => {
      const { gzip } = await configuration.file('the comment');
      return JSON.parse(gunzipSync(gzip).toString('utf8'));
    };

    it('gives its configuration, of which the file says what is in it', async () => {
      const configuration = await read();

      const table = await tableOf(configuration);
      expect(configuration).toMatchObject({
        settled: true,
        configHash: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
      expect(table).toMatchObject({ _comment: 'the comment', _format_version: '3.0', _transform: false });
      expect(configuration.entities).toEqual(
        Object.fromEntries(
          Object.entries(table).flatMap(([type, list]) => (Array.isArray(list) ? [[type, list.length]] : [])),
        ),
      );
    });

    it('says how it was asked, and gives the same to each version of one visit', async () => {
      const visit = world.controlPlane.visit();

      const named = await visit.configuration({ dataPlaneVersion: '3.9.1' });
      const omitted = await visit.configuration({ dataPlaneVersion: '3.9.1', pluginVersions: 'omitted' });
      await visit.end();

      expect([named.pluginVersions, omitted.pluginVersions]).toEqual(['named', 'omitted']);
      expect(await tableOf(omitted)).toEqual(await tableOf(named));
    });

    it('gives the same hash while nothing changes, and another one after a change', async () => {
      const first = await read();
      const second = await read();
      await world.addConsumer('new');
      const third = await read(now());

      expect(second.configHash).toBe(first.configHash);
      expect(third.configHash).not.toBe(first.configHash);
    });

    it('gives a configuration that holds the change that it was called for', async () => {
      await world.addConsumer('new');

      const configuration = await read(now());

      expect(JSON.stringify((await tableOf(configuration))['consumers'])).toContain('"username":"new"');
      expect(configuration.settled).toBe(true);
    });

    it('says that it was cancelled when its time is up', async () => {
      const reading = read(undefined, AbortSignal.abort());

      await expect(reading).rejects.toMatchObject({ name: 'ControlPlaneError', code: 'cancelled' });
    });

    it('says that it cannot be reached when it is away', async () => {
      await stop();

      const reading = read();

      await expect(reading).rejects.toMatchObject({ name: 'ControlPlaneError', code: 'unreachable' });
    });
  });
}
