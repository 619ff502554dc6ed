import { Machine } from '../../simulation/engine/machine.ts';
import { SeededRandom } from '../../simulation/engine/random.ts';
import { Timeline } from '../../simulation/engine/timeline.ts';
import { Faults } from '../../simulation/faults.ts';

/** A process in a simulation of its own, before which no fault stands. */
export function makeWorld() {
  const timeline = new Timeline(Date.UTC(2026, 0, 1));
  const world = { timeline, random: new SeededRandom(1), faults: new Faults() };
  return { world, machine: new Machine(timeline, 'exporter') };
}

/** Lets simulated time pass while the work waits for it. */
export async function passTime<Result>(timeline: Timeline, work: Promise<Result>): Promise<Result> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  done.catch(() => undefined);
  while (!isDone) {
    await timeline.step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done;
}
