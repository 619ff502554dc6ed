import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectRoot } from '../../build/project-root.ts';
import { SeededRandom } from '../../simulation/engine/random.ts';
import { Timeline } from '../../simulation/engine/timeline.ts';
import { mutants } from '../../simulation/mutants/mutants.ts';
import { planRandom } from '../../simulation/plans.ts';
import { runSimulate } from './run-simulate.ts';

describe('a mutant', () => {
  it.each(mutants.flatMap(({ name, edit }) => (edit === undefined ? [] : [{ name, ...edit }])))(
    '"$name" stands once in its file',
    ({ file, find }) => {
      const source = readFileSync(join(projectRoot, file), 'utf8');

      expect(source.split(find)).toHaveLength(2);
    },
  );
});

describe('the timeline', () => {
  it('lets events happen in their order, and those of one moment as they were planned', async () => {
    const timeline = new Timeline(0);
    const happened: string[] = [];
    for (const [delayMs, name] of [
      [20, 'c'],
      [10, 'a'],
      [10, 'b'],
      [30, 'd'],
    ] as const) {
      timeline.plan(delayMs, name, () => happened.push(`${timeline.nowMs} ${name}`));
    }

    await timeline.runUntil(25, () => false);

    expect(happened).toEqual(['10 a', '10 b', '20 c']);
    expect(timeline.nowMs).toBe(25);
  });

  it('forgets what was taken off the plan', async () => {
    const timeline = new Timeline(0);
    const happened: string[] = [];
    timeline.plan(10, 'first', () => happened.push('first'))();
    timeline.plan(20, 'second', () => happened.push('second'));

    await timeline.runUntil(30, () => false);

    expect(happened).toEqual(['second']);
  });
});

describe('a seed', () => {
  it('draws the same history each time, and another one than its neighbour', () => {
    expect(planRandom(17)).toEqual(planRandom(17));
    expect(planRandom(17).actions).not.toEqual(planRandom(22).actions);
    expect(new SeededRandom(1).uuid()).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it('plays the same history each time', async () => {
    const [one, other] = await Promise.all([
      runSimulate('--seed', '7', '--json'),
      runSimulate('--seed', '7', '--json'),
    ]);

    expect(one.status).toBe(0);
    expect(JSON.parse(one.output)).toMatchObject({ seed: 7, violations: [], digest: expect.any(String) });
    expect(one.output).toBe(other.output);
  }, 300_000);
});
