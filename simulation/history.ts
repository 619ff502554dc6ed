import { behindToleranceMs } from '../core/vault/decision.ts';
import { type Action, describeAction } from './actions.ts';
import { Invariants } from './invariants.ts';
import { Player } from './player.ts';
import { findViolation, type InvariantName, type Violation } from './promises.ts';
import { scheduleMs, World, type WorldOptions } from './world/world.ts';

export interface HistoryResult {
  readonly steps: number;
  /** Names everything that happened, with its times. */
  readonly digest: string;
  readonly violations: readonly Violation[];
  readonly outcomes: ReadonlyMap<string, number>;
  /** Cells of the table call × fault. */
  readonly reached: ReadonlySet<string>;
}

export interface HistoryOptions extends WorldOptions {
  readonly actions: readonly Action[];
  /** Whether nothing but changes happens. @default false */
  readonly isCalm?: boolean | undefined;
  /** @default true */
  readonly hasSchedule?: boolean | undefined;
  /** What counts as broken. @default every promise */
  readonly counted?: readonly InvariantName[] | undefined;
  /** Ends the history as soon as something that counts is violated. @default false */
  readonly isOverWithViolation?: boolean | undefined;
  /** Sees each event; times are true, epoch. */
  readonly observe?: ((atMs: number, name: string) => void) | undefined;
}

/** For what was broken last to be made up for: two schedules, and those that clocks went back for. */
const graceMs = 2 * scheduleMs;
const graceForClocksMs = behindToleranceMs + 2 * scheduleMs;
/** For the last export to end. */
const lastExportMs = 60_000;

/** Plays one history: what happens, what Lifeboat makes of it, and what must hold all the while. */
export async function playHistory(options: HistoryOptions): Promise<HistoryResult> {
  const { actions, isCalm = false, hasSchedule = true, isOverWithViolation = false } = options;
  const world = new World(options);
  const { timeline } = world;
  const invariants = new Invariants(world);
  const player = new Player({ world, invariants, isCalm });
  timeline.observe = options.observe ?? timeline.observe;
  const startMs = timeline.nowMs;
  for (const action of actions) {
    timeline.plan(action.atMs, describeAction(action), () => player.perform(action));
  }
  if (hasSchedule) {
    player.beginSchedule();
  }
  let nextSilenceCheckMs = startMs;
  const check = () => {
    invariants.checkStep();
    if (timeline.nowMs >= nextSilenceCheckMs) {
      nextSilenceCheckMs = timeline.nowMs + 60_000;
      invariants.checkSilence();
    }
    return isOverWithViolation && findViolation(invariants, options) !== undefined;
  };
  const faultsEndMs = startMs + Math.max(0, ...actions.map(({ atMs }) => atMs));
  const endMs = faultsEndMs + (needsClocks(actions) ? graceForClocksMs : graceMs) + lastExportMs;
  if (!(await timeline.runUntil(faultsEndMs, check))) {
    player.endFaults();
    if (!(await timeline.runUntil(endMs, check))) {
      invariants.checkEnd();
    }
  }
  return {
    steps: timeline.steps,
    digest: timeline.digest(),
    violations: invariants.violations,
    outcomes: world.outcomes,
    reached: world.faults.reached,
  };
}

/** Whether something in a history sets the control plane's time or state back. */
function needsClocks(actions: readonly Action[]): boolean {
  return actions.some(({ do: what }) =>
    (['set clock of node', 'let node lag', 'restore older database'] as const).some((each) => each === what),
  );
}
