import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { calls } from '../../simulation/faults.ts';
import { listPlayedCells } from '../../simulation/real-time/cells.ts';
import { FastClock, speed } from '../../simulation/real-time/fast-clock.ts';
import { clockContract } from '../core/clock-contract.ts';
import { runFaults } from './run-simulate.ts';

describe('the cells that are played over HTTP', () => {
  it('are 50 at least, and of all calls that leave the machine', () => {
    const cells = listPlayedCells();

    expect(cells.length).toBeGreaterThanOrEqual(50);
    expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
    expect(new Set(cells.map(({ fault }) => fault.call))).toEqual(
      // Versions are listed only where something foreign stands: that is not played here.
      new Set(calls.filter((call) => !/^(disk|kong)\.|^s3\.ListObjectVersions$/.test(call))),
    );
  });
});

clockContract('the fast one', () => {
  const clock = new FastClock();
  return { clock, pass: (milliseconds) => clock.sleep(milliseconds), stop: () => clock.stop() };
});

describe('the fast clock', () => {
  let clock: FastClock;
  beforeEach(() => {
    clock = new FastClock();
  });
  afterEach(() => clock.stop());

  it('wakes sleepers in their order, no sooner than a tenth of their time', async () => {
    const woken: string[] = [];
    const startedMs = performance.now();

    await Promise.all([
      clock.sleep(2_000).then(() => woken.push('second')),
      clock.sleep(500).then(() => woken.push('first')),
    ]);

    expect(woken).toEqual(['first', 'second']);
    // Less a tick, for the one that was under way.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(2_000 / speed - 10);
  });

  it('stands still while the process is held up', async () => {
    const before = clock.now().getTime();
    for (const startedMs = performance.now(); performance.now() - startedMs < 500; ) {
      // Nobody else gets a turn.
    }
    await sleep(1);

    // A few ticks, where half a second has passed.
    expect(clock.now().getTime() - before).toBeLessThanOrEqual(100 * speed);
  });

  it('tells what it showed at a moment of the machine', async () => {
    const machineMs = Date.now();
    const shown = clock.now().getTime();
    await clock.sleep(1_000);

    expect(Math.abs(clock.at(machineMs) - shown)).toBeLessThanOrEqual(10 * speed);
    expect(clock.at(Date.now()) - shown).toBeGreaterThanOrEqual(900);
  });
});

describe('npm run faults', () => {
  it('ends well where the model is right', async () => {
    const { status, output } = await runFaults(['--json', '--only', 's3.PutObject of a file: fails after']);

    expect(JSON.parse(output)).toMatchObject({ cells: 1, differences: 0, different: [] });
    expect(status).toBe(0);
  });

  it('refuses a name that no cell has', async () => {
    const { status, output } = await runFaults(['--only', 's3.DeleteObject']);

    expect({ status, output }).toEqual({ status: 1, output: '' });
  });
});
