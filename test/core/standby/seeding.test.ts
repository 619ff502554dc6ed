import { describe, expect, it } from '@jest/globals';
import type { ProcessState, SeededKong } from '../../../core/standby/seed-ports.ts';
import { type Seeding, seedThrough } from '../../../core/standby/seeding.ts';
import { skippingClock } from '../manual-clock.ts';

const zeros = '0'.repeat(32);
const old = { hash: 'a'.repeat(32), writtenMs: 1 };
const master = { pid: 7, startedAt: '1' };
const resting = (id: string, cpuMs: number): ProcessState => ({ id, cpuMs, isBusy: false });

/** A Kong that loads the file, and gets from its control plane what it had before, in the same moment. */
function kongThatIsServed(hash: string): { readonly kong: SeededKong; readonly signals: () => number } {
  let isThere = false;
  let signals = 0;
  const isAlone = async () => signals === 0;
  const kong: SeededKong = {
    status: { readHash: async () => hash, isSurelyEmpty: isAlone, isUnchanged: isAlone },
    line: {
      add: async () => {
        isThere = true;
      },
      isThere: async () => isThere,
      remove: async () => {
        isThere = false;
      },
      refuseUsersOwn: async () => undefined,
    },
    processes: {
      findMaster: async () => master,
      reload: () => {
        signals += 1;
      },
      look: async () =>
        signals === 0
          ? { master: resting('7', 10), children: [resting('8', 5)] }
          : { master: resting('7', 90), children: [resting('9', 50)] },
    },
    requireContent: async () => undefined,
  };
  return { kong, signals: () => signals };
}

describe('a control plane that is back while Kong loads the file', () => {
  it.each([
    ['the configuration that the node had', { hash: old.hash, replaces: old }],
    ['the first version of an incremental sync', { hash: zeros, replaces: undefined }],
  ])('delivers %s: no file was refused', async (_what, { hash, replaces }) => {
    const { kong, signals } = kongThatIsServed(hash);
    const clock = skippingClock(new Date('2026-11-27T15:00:00Z'));
    const seeding: Seeding = {
      prefix: '/kong',
      file: '/kong/file.json',
      md5: 'f'.repeat(32),
      replaces,
      timeoutMs: 60_000,
      restMs: 2_000,
      pollMs: 250,
      clock,
    };

    const outcome = await seedThrough(kong, seeding);

    expect(outcome).toBe('has a configuration');
    expect(await kong.line.isThere()).toBe(false);
    // The second one would undo what it is said to have refused.
    expect(signals()).toBe(1);
  });
});
