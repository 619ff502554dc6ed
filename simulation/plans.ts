import {
  type Action,
  drawActions,
  drawHandActions,
  drawIntruderActions,
  drawLongHistory,
} from './actions.ts';
import { SeededRandom } from './engine/random.ts';
import { type ArmedFault, listCells } from './faults.ts';
import { drawFleet } from './fleet-plan.ts';
import type { HistoryOptions } from './history.ts';

/** A history that is to be played. */
export interface Plan extends Pick<HistoryOptions, 'seed' | 'actions' | 'isCalm' | 'counted'> {
  /** What it is called when it fails. */
  readonly name: string;
}

/** One cell of the table: the fault hits a day on which every call is made. */
export function planCell(fault: ArmedFault, seed: number): Plan {
  const minute = 60_000;
  const actions: readonly Action[] = [
    // After the first export, so that what is replaced is there.
    { atMs: minute, do: 'break call', fault },
    { atMs: minute + 1, do: 'change', controlPlane: 'prod', hook: 'arrives' },
    { atMs: minute + 1, do: 'rotate hook secret', controlPlane: 'prod' },
    { atMs: 2 * minute, do: 'boot data plane', controlPlane: 'prod', version: '3.9.1' },
    { atMs: 2 * minute + 1, do: 'boot data plane', controlPlane: 'prod', version: '3.4.2' },
    { atMs: 3 * minute, do: 'stop node', controlPlane: 'prod', node: 0 },
    { atMs: 3 * minute, do: 'stop node', controlPlane: 'prod', node: 1 },
    { atMs: 3 * minute + 1, do: 'boot data plane', controlPlane: 'prod', version: '3.9.1' },
    {
      atMs: 4 * minute,
      do: 'boot data plane',
      controlPlane: 'prod',
      version: '3.4.2',
      cacheAgeMs: 90_000_000,
    },
    // So that the newest own version is looked for, and put back.
    { atMs: 4 * minute + 1, do: 'put unsigned file', key: 'prod/3.9.1/config.json' },
    { atMs: 6 * minute, do: 'start node', controlPlane: 'prod', node: 0 },
    { atMs: 6 * minute, do: 'start node', controlPlane: 'prod', node: 1 },
  ];
  return { name: `${fault.call}: ${fault.kind}`, seed, actions };
}

/** All cells of the table. */
export function planTable(): readonly Plan[] {
  return listCells().map((fault, index) => planCell(fault, index + 1));
}

/** Most are faults, of which there are most. Kinds alternate, so that processes share them. */
const kinds = [
  'calm',
  'faults',
  'intruder',
  'hand',
  'faults',
  'intruder',
  'faults',
  'faults',
  'long',
  'hand',
  'faults',
  'fleet',
] as const;

/** What happens in the random history of a seed. */
export function planRandom(seed: number): Plan {
  const random = new SeededRandom(seed * 7919);
  const kind = kinds[seed % kinds.length] ?? 'faults';
  switch (kind) {
    case 'calm':
      return { name: `seed ${seed}, nothing broken`, seed, actions: drawChanges(random), isCalm: true };
    case 'hand':
      return { name: `seed ${seed}, a hand in the bucket`, seed, actions: drawHandActions(random) };
    case 'intruder':
      return { name: `seed ${seed}, an intruder`, seed, actions: drawIntruderActions(random) };
    case 'long':
      return { name: `seed ${seed}, something that lasts`, seed, actions: drawLongHistory(random) };
    case 'fleet':
      return { name: `seed ${seed}, a fleet that boots`, seed, actions: drawFleetHistory(random) };
    case 'faults':
      return { name: `seed ${seed}, faults`, seed, actions: drawActions(random) };
  }
}

function drawChanges(random: SeededRandom): readonly Action[] {
  return Array.from({ length: random.pickNumber(3, 12) }, (): Action => {
    const controlPlane = random.pickOne(['prod', 'stage']);
    // Not in the first minute, when the first export of all may be under way.
    const atMs = random.pickNumber(60_000, 12 * 60_000);
    // None of these steps is more than a person would take without a word.
    const services = random.happens(0.3) ? { services: random.pickOne([10, 12, 14, 17]) } : {};
    return { atMs, do: 'change', controlPlane, hook: 'arrives', ...services };
  }).sort((one, other) => one.atMs - other.atMs);
}

/** A control plane is away, and its fleet boots. */
function drawFleetHistory(random: SeededRandom): readonly Action[] {
  const minute = 60_000;
  const prod = { controlPlane: 'prod' } as const;
  return [
    { atMs: minute, do: 'stop node', ...prod, node: 0 },
    { atMs: minute, do: 'stop node', ...prod, node: 1 },
    { atMs: 2 * minute, do: 'boot fleet', ...drawFleet(random) },
    { atMs: 5.25 * minute, do: 'start node', ...prod, node: 0 },
    { atMs: 5.25 * minute, do: 'start node', ...prod, node: 1 },
  ];
}
