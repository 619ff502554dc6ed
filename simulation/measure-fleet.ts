import { makeThreadWorkSynchronous } from './engine/synchronous.ts';
import type { FleetPlan } from './fleet-plan.ts';

// Before anything is loaded that takes what it replaces.
const undo = makeThreadWorkSynchronous();
const { Invariants } = await import('./invariants.ts');
const { Player } = await import('./player.ts');
const { bootFleet } = await import('./world/fleet.ts');
const { makeSigningKey } = await import('./world/keys.ts');
const { World } = await import('./world/world.ts');
undo();

const minuteMs = 60_000;
const longestMs = 3 * minuteMs;

export type MeasuredFleet = Omit<FleetPlan, 'by' | 'endpoints' | 'trouble' | 'controlPlane'>;

export interface FleetFigures {
  /** How many have their file. */
  readonly loaded: number;
  /** From the start of the nodes, which is the same moment, until Kong has the file. */
  readonly halfSeconds: number;
  readonly p95Seconds: number;
  readonly lastSeconds: number;
  /** For grants. */
  readonly requests: number;
  readonly refusals: number;
  readonly refusalsPerNode: number;
  readonly mostRefusalsOfANode: number;
  /** Promises that were broken. */
  readonly violations: number;
}

/**
 * Lets data planes start in the same moment while their control plane is away, with standby beside each of
 * them. The same seed gives the same figures on every machine.
 */
export async function measureFleet(measured: MeasuredFleet, seed: number): Promise<FleetFigures> {
  const undoAfterwards = makeThreadWorkSynchronous();
  try {
    return await boot(
      { ...measured, controlPlane: 'prod', by: 'standby', endpoints: 1, trouble: 'none' },
      seed,
    );
  } finally {
    undoAfterwards();
  }
}

async function boot(plan: FleetPlan, seed: number): Promise<FleetFigures> {
  const keys = { own: [await makeSigningKey()], stranger: await makeSigningKey() };
  const world = new World({ seed, keys });
  const { timeline } = world;
  const invariants = new Invariants(world);
  const player = new Player({ world, invariants, isCalm: false });
  player.beginSchedule();
  await timeline.runUntil(timeline.nowMs + minuteMs, () => false);
  const unit = world.unit(plan.controlPlane);
  for (const node of unit.controlPlane.nodes.keys()) {
    unit.controlPlane.stop(node);
  }
  const nodes = bootFleet({
    world,
    unit,
    plan,
    onLoaded: (file, status) => invariants.checkLoaded(unit, plan.version, file, status),
    violate: (invariant, detail) => invariants.violate(invariant, detail),
  });
  const isDone = () => nodes.every(({ loadedAfterMs }) => loadedAfterMs !== undefined);
  await timeline.runUntil(timeline.nowMs + longestMs, isDone);
  const seconds = nodes
    .flatMap(({ loadedAfterMs }) => (loadedAfterMs === undefined ? [] : [loadedAfterMs / 1000]))
    .sort((one, other) => one - other);
  const at = (share: number) =>
    Math.round(100 * (seconds[Math.ceil(share * seconds.length) - 1] ?? Number.POSITIVE_INFINITY)) / 100;
  const sum = (of: 'requests' | 'refusals') => nodes.reduce((total, node) => total + node[of], 0);
  return {
    loaded: seconds.length,
    halfSeconds: at(0.5),
    p95Seconds: at(0.95),
    lastSeconds: at(1),
    requests: sum('requests'),
    refusals: sum('refusals'),
    refusalsPerNode: Math.round((100 * sum('refusals')) / nodes.length) / 100,
    mostRefusalsOfANode: Math.max(...nodes.map(({ refusals }) => refusals)),
    violations: invariants.violations.length,
  };
}
