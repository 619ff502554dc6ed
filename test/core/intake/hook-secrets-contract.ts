import { beforeEach, describe, expect, it } from '@jest/globals';
import type { HookSecrets } from '../../../core/intake/doorbell.ts';

export interface HookSecretsUnderTest {
  readonly secrets: HookSecrets;
  /** Puts the first value of a control plane's secret there, or a new one. */
  rotate(controlPlane: string, value: string): Promise<void>;
  /** Lets so much time pass that a mismatch may look at the secrets again. */
  advance(): Promise<void>;
}

/** What all `HookSecrets` do. */
export function hookSecretsContract(title: string, open: () => Promise<HookSecretsUnderTest>): void {
  describe(`${title} as hook secrets`, () => {
    let world: HookSecretsUnderTest;
    beforeEach(async () => {
      world = await open();
      await world.rotate('prod', 'first');
    });

    it('are the current value, and the one before once there is one', async () => {
      const before = await world.secrets.secretsFor('prod', false);
      await world.rotate('prod', 'second');
      await world.advance();
      const after = await world.secrets.secretsFor('prod', true);
      await world.rotate('prod', 'third');
      await world.advance();
      const later = await world.secrets.secretsFor('prod', true);

      expect([before, after, later]).toEqual([['first'], ['second', 'first'], ['third', 'second']]);
    });

    it('show a rotation to the delivery that did not fit', async () => {
      await world.secrets.secretsFor('prod', false);
      await world.rotate('prod', 'second');
      await world.advance();

      const stale = await world.secrets.secretsFor('prod', false);
      const fresh = await world.secrets.secretsFor('prod', true);
      const remembered = await world.secrets.secretsFor('prod', false);

      expect([stale, fresh, remembered]).toEqual([['first'], ['second', 'first'], ['second', 'first']]);
    });

    it('are kept apart by control plane', async () => {
      await world.rotate('test', 'of test');

      const both = [
        await world.secrets.secretsFor('prod', false),
        await world.secrets.secretsFor('test', false),
      ];

      expect(both).toEqual([['first'], ['of test']]);
    });

    it('that do not exist are an error', async () => {
      await expect(world.secrets.secretsFor('other', false)).rejects.toThrow('other');
    });
  });
}
