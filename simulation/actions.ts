import type { SeededRandom } from './engine/random.ts';
import { type ArmedFault, type CallName, calls, type FaultKind, faultKinds } from './faults.ts';
import type { FleetPlan } from './fleet-plan.ts';
import { scheduleMs } from './world/world.ts';

/** What happens to a hook on its way. */
export type HookFate = 'arrives' | 'is lost' | 'comes twice' | 'comes late';

/** Something that happens in the world, at a time after the history's beginning. */
export type Action = { readonly atMs: number } & (
  | {
      readonly do: 'change';
      readonly controlPlane: string;
      readonly hook: HookFate;
      readonly services?: number;
    }
  | { readonly do: 'break call'; readonly fault: ArmedFault }
  | { readonly do: 'break call for long'; readonly fault: ArmedFault }
  | { readonly do: 'mend call'; readonly call: CallName }
  | { readonly do: 'stop node'; readonly controlPlane: string; readonly node: number }
  | { readonly do: 'start node'; readonly controlPlane: string; readonly node: number }
  | {
      readonly do: 'let node lag';
      readonly controlPlane: string;
      readonly node: number;
      readonly lagMs: number;
    }
  | { readonly do: 'let frames trickle'; readonly controlPlane: string; readonly node: number }
  | { readonly do: 'let frames flow'; readonly controlPlane: string; readonly node: number }
  | {
      readonly do: 'set clock of node';
      readonly controlPlane: string;
      readonly node: number;
      readonly offsetMs: number;
    }
  | { readonly do: 'lose database'; readonly controlPlane: string }
  | { readonly do: 'repair database'; readonly controlPlane: string }
  | { readonly do: 'empty database'; readonly controlPlane: string }
  | { readonly do: 'replace database'; readonly controlPlane: string }
  | { readonly do: 'restore older database'; readonly controlPlane: string }
  | { readonly do: 'export beside'; readonly controlPlane: string }
  | { readonly do: 'roll back'; readonly controlPlane: string; readonly version: string; readonly by: number }
  | { readonly do: 'unpin'; readonly controlPlane: string; readonly version: string }
  | { readonly do: 'kill containers' }
  | { readonly do: 'rotate hook secret'; readonly controlPlane: string }
  | { readonly do: 'rotate signing key' }
  | {
      readonly do: 'boot data plane';
      readonly controlPlane: string;
      readonly version: string;
      readonly cacheAgeMs?: number;
    }
  | ({ readonly do: 'boot fleet' } & FleetPlan)
  | { readonly do: 'fetch file'; readonly controlPlane: string; readonly version: string }
  | { readonly do: 'put garbage'; readonly key: string }
  | { readonly do: 'put unsigned file'; readonly key: string }
  | { readonly do: 'put file of a stranger'; readonly key: string }
  | { readonly do: 'put file of a stranger under our key id'; readonly key: string }
  | { readonly do: 'change file under its manifest'; readonly key: string }
  | { readonly do: 'put old revision back'; readonly key: string }
  | { readonly do: 'swap manifests'; readonly key: string; readonly from: string }
  | { readonly do: 'copy manifest over garbage'; readonly key: string }
  | { readonly do: 'add delete marker'; readonly key: string }
  | { readonly do: 'delete all versions'; readonly key: string }
  | { readonly do: 'suspend versioning' }
  | { readonly do: 'resume versioning' }
  | { readonly do: 'retire version'; readonly controlPlane: string; readonly version: string }
  | { readonly do: 'add version'; readonly controlPlane: string; readonly version: string }
  | { readonly do: 'skip schedule'; readonly controlPlane: string }
);

export type ActionName = Action['do'];

/** What happens after another, in a sentence. */
export function describeAction(action: Action): string {
  const { atMs, do: what, ...details } = action;
  const seconds = (atMs / 1000).toFixed(1).padStart(8);
  const told = Object.entries(details).map(([name, value]) =>
    typeof value === 'object' ? `${value.call} ${value.kind}` : `${name} ${value}`,
  );
  return `${seconds} s  ${what}${told.length === 0 ? '' : `: ${told.join(', ')}`}`;
}

const controlPlanes = ['prod', 'stage'] as const;
const keys = ['prod/3.9.1/config.json', 'prod/3.4.2/config.json', 'stage/3.9.1/config.json'] as const;
const hookFates: readonly HookFate[] = [
  'arrives',
  'arrives',
  'arrives',
  'is lost',
  'comes twice',
  'comes late',
];

/** How often an action is drawn, and how. What is broken for a while carries its repair. */
type Draws = readonly (readonly [
  weight: number,
  draw: (random: SeededRandom, atMs: number) => readonly Action[],
])[];

const faultDraws: Draws = [
  [30, (random, atMs) => [drawChange(random, atMs)]],
  [40, (random, atMs) => [{ atMs, do: 'break call', fault: drawFault(random) }]],
  [12, (random, atMs) => [drawBoot(random, atMs)]],
  [4, (random, atMs) => [drawFetch(random, atMs)]],
  [12, (random, atMs) => drawOutage(random, atMs)],
  [4, (random, atMs) => [drawLag(random, atMs)]],
  [3, (random, atMs) => drawTrickle(random, atMs)],
  [3, (random, atMs) => drawLostDatabase(random, atMs)],
  [4, (random, atMs) => [{ atMs, do: 'export beside', controlPlane: random.pickOne(controlPlanes) }]],
  [3, (_random, atMs) => [{ atMs, do: 'kill containers' }]],
  [2, (random, atMs) => [{ atMs, do: 'rotate hook secret', controlPlane: random.pickOne(controlPlanes) }]],
  [4, (_random, atMs) => [{ atMs, do: 'rotate signing key' }]],
  [2, (random, atMs) => [{ atMs, do: 'skip schedule', controlPlane: random.pickOne(controlPlanes) }]],
  [4, (random, atMs) => [drawResize(random, atMs)]],
  [2, (random, atMs) => [{ atMs, do: 'empty database', controlPlane: random.pickOne(controlPlanes) }]],
  [2, (random, atMs) => drawOtherDatabase(random, atMs)],
  [
    2,
    (random, atMs) => [{ atMs, do: 'restore older database', controlPlane: random.pickOne(controlPlanes) }],
  ],
  [2, (random, atMs) => drawRetiredVersion(random, atMs)],
  [8, (random, atMs) => drawRollback(random, atMs)],
];

/**
 * What a hand in the bucket does, beside some changes and data planes that start. What is known to be taken
 * (simulation/known) is not drawn.
 */
const handDraws: Draws = [
  [4, (random, atMs) => [drawChange(random, atMs)]],
  [2, (random, atMs) => [drawResize(random, atMs)]],
  [4, (random, atMs) => [drawBoot(random, atMs)]],
  [4, (random, atMs) => [drawFetch(random, atMs)]],
  [3, (random, atMs) => drawOutage(random, atMs)],
  [3, (random, atMs) => [{ atMs, do: 'put garbage', key: random.pickOne(keys) }]],
  [3, (random, atMs) => [{ atMs, do: 'put unsigned file', key: random.pickOne(keys) }]],
  [3, (random, atMs) => [{ atMs, do: 'add delete marker', key: random.pickOne(keys) }]],
  [3, (random, atMs) => drawSwap(random, atMs)],
  [1, (random, atMs) => [{ atMs, do: 'break call', fault: drawFault(random) }]],
];

/** The same, of somebody who means harm: he waits for a client that takes what he has put there. */
const intruderDraws: Draws = [
  ...handDraws,
  [14, drawIntrusion],
  [3, (random, atMs) => drawPutBack(random, atMs)],
  [2, (random, atMs) => [{ atMs, do: 'delete all versions', key: random.pickOne(keys) }]],
  [4, (random, atMs) => drawOutage(random, atMs)],
];

const forgeries = [
  'put file of a stranger',
  'put file of a stranger under our key id',
  'change file under its manifest',
  'copy manifest over garbage',
  'swap manifests',
] as const;

function drawIntrusion(random: SeededRandom, atMs: number): readonly Action[] {
  const what = random.pickOne(forgeries);
  const key = random.pickOne(keys);
  const [controlPlane = '', version = ''] = key.split('/');
  const others = keys.filter((other) => other !== key);
  return [
    what === 'swap manifests'
      ? { atMs, do: what, key, from: random.pickOne(others) }
      : { atMs, do: what, key },
    { atMs: atMs + random.pickNumber(1, 30) * 1000, do: 'fetch file', controlPlane, version },
  ];
}

function drawSwap(random: SeededRandom, atMs: number): readonly Action[] {
  const key = random.pickOne(keys);
  const from = random.pickOne(keys);
  return key === from ? [] : [{ atMs, do: 'swap manifests', key, from }];
}

/** An old revision is put back, and somebody fetches it before the next check. */
function drawPutBack(random: SeededRandom, atMs: number): readonly Action[] {
  const key = random.pickOne(keys);
  const [controlPlane = '', version = ''] = key.split('/');
  const fetchedMs = atMs + random.pickNumber(1, 60) * 1000;
  return [
    { atMs, do: 'put old revision back', key },
    { atMs: fetchedMs, do: 'fetch file', controlPlane, version },
  ];
}

function drawChange(random: SeededRandom, atMs: number): Action {
  return { atMs, do: 'change', controlPlane: random.pickOne(controlPlanes), hook: random.pickOne(hookFates) };
}

/** Some of these are mass deletions, where something larger was there before. */
function drawResize(random: SeededRandom, atMs: number): Action {
  const controlPlane = random.pickOne(controlPlanes);
  return { atMs, do: 'change', controlPlane, hook: 'arrives', services: random.pickOne([3, 12, 24, 60]) };
}

/** The control plane points to another database for a while, or from then on. */
function drawOtherDatabase(random: SeededRandom, atMs: number): readonly Action[] {
  const controlPlane = random.pickOne(controlPlanes);
  const endMs = atMs + random.pickNumber(1, 8) * 60_000;
  return [
    { atMs, do: 'replace database', controlPlane },
    ...(random.happens(0.5) ? [{ atMs: endMs, do: 'restore older database', controlPlane } as const] : []),
  ];
}

function drawFault(random: SeededRandom): ArmedFault {
  return { call: random.pickOne(calls), kind: random.pickOne(faultKinds) };
}

function drawBoot(random: SeededRandom, atMs: number): Action {
  const { controlPlane, version } = drawDataPlane(random);
  const cache = random.happens(0.2) ? { cacheAgeMs: random.pickNumber(1, 48) * 3_600_000 } : {};
  return { atMs, do: 'boot data plane', controlPlane, version, ...cache };
}

function drawFetch(random: SeededRandom, atMs: number): Action {
  return { atMs, do: 'fetch file', ...drawDataPlane(random) };
}

function drawDataPlane(random: SeededRandom): { readonly controlPlane: string; readonly version: string } {
  const controlPlane = random.pickOne(controlPlanes);
  const version = controlPlane === 'prod' ? random.pickOne(['3.9.1', '3.9.3', '3.4.2']) : '3.9.1';
  return { controlPlane, version };
}

/** One node of a control plane, or all of it, is away for a while; a data plane boots meanwhile. */
function drawOutage(random: SeededRandom, atMs: number): readonly Action[] {
  const controlPlane = random.pickOne(controlPlanes);
  const nodes = controlPlane === 'prod' ? random.pickOne([[0], [1], [0, 1]]) : [0];
  const endMs = atMs + random.pickNumber(1, 8) * 60_000;
  const during = drawBoot(random, atMs + random.pickNumber(1, 60) * 1000);
  return [
    ...nodes.map((node): Action => ({ atMs, do: 'stop node', controlPlane, node })),
    during,
    ...nodes.map((node): Action => ({ atMs: endMs, do: 'start node', controlPlane, node })),
  ];
}

/** A node reads from a replica that is some seconds late, or some minutes. */
function drawLag(random: SeededRandom, atMs: number): Action {
  const lagMs = random.pickNumber(0, random.pickOne([20_000, 240_000]));
  return { atMs, do: 'let node lag', controlPlane: 'prod', node: 1, lagMs };
}

/** The way to a control plane is nearly dead for a while. */
function drawTrickle(random: SeededRandom, atMs: number): readonly Action[] {
  const controlPlane = random.pickOne(controlPlanes);
  const endMs = atMs + random.pickNumber(2, 8) * 60_000;
  const nodes = controlPlane === 'prod' ? [0, 1] : [0];
  return nodes.flatMap((node): readonly Action[] => [
    { atMs, do: 'let frames trickle', controlPlane, node },
    { atMs: endMs, do: 'let frames flow', controlPlane, node },
  ]);
}

/** An operator takes a publication back, and lets it be published again some minutes later. */
function drawRollback(random: SeededRandom, atMs: number): readonly Action[] {
  const controlPlane = random.pickOne(controlPlanes);
  const version = controlPlane === 'prod' ? random.pickOne(['3.9.1', '3.4.2']) : '3.9.1';
  const endMs = atMs + random.pickNumber(1, 8) * 60_000;
  return [
    { atMs, do: 'roll back', controlPlane, version, by: random.pickOne([1, 1, 2]) },
    { atMs: endMs, do: 'unpin', controlPlane, version },
  ];
}

function drawLostDatabase(random: SeededRandom, atMs: number): readonly Action[] {
  const controlPlane = random.pickOne(controlPlanes);
  const endMs = atMs + random.pickNumber(1, 8) * 60_000;
  return [
    { atMs, do: 'lose database', controlPlane },
    { atMs: endMs, do: 'repair database', controlPlane },
  ];
}

function drawRetiredVersion(random: SeededRandom, atMs: number): readonly Action[] {
  const endMs = atMs + random.pickNumber(1, 8) * 60_000;
  return [
    { atMs, do: 'retire version', controlPlane: 'prod', version: '3.4.2' },
    { atMs: endMs, do: 'add version', controlPlane: 'prod', version: '3.4.2' },
  ];
}

const lastDrawnMs = 12 * 60_000;
const longFaultMs = 42 * 60_000;
const dayMs = 24 * 3_600_000;

/** What happens in a random history with faults, in its order. */
export function drawActions(random: SeededRandom): readonly Action[] {
  return draw(faultDraws, random);
}

/** What happens in a random history with a hand in the bucket, in its order. */
export function drawHandActions(random: SeededRandom): readonly Action[] {
  return draw(handDraws, random);
}

/** What happens in a random history with an intruder, in its order. */
export function drawIntruderActions(random: SeededRandom): readonly Action[] {
  return draw(intruderDraws, random);
}

/** Calls without which nothing is published. */
const neededCalls: readonly CallName[] = [
  's3.HeadObject',
  's3.PutObject of a file',
  's3.GetObject of a status',
  's3.PutObject of a status',
  'signer.verificationKey',
  'signer.sign',
  'controlPlane.connect',
];
/** Such as a key that was disabled, and a network that swallows what is sent. */
const longKinds: readonly FaultKind[] = ['fails before', 'fails before', 'throttled', 'never answers'];

/** What lasts for longer than all tolerances. */
export function drawLongHistory(random: SeededRandom): readonly Action[] {
  const actions = random.pickOne([drawLongFault, drawLongPause])(random);
  return [...actions].sort((one, other) => one.atMs - other.atMs);
}

/**
 * A node that lacks a change is the only one for a while; then none answers, and perhaps nobody looks, until
 * that one comes again and is the only one once more.
 */
function drawLongPause(random: SeededRandom): readonly Action[] {
  const prod = { controlPlane: 'prod' } as const;
  const minutes = (least: number, most: number) => random.pickNumber(least * 60, most * 60) * 1000;
  const aloneMs = minutes(2, 5);
  const awayMs = aloneMs + minutes(4, 8);
  const backMs = awayMs + minutes(6, 20);
  const hasChecks = random.happens(0.5);
  const endMs = backMs + minutes(6, 12);
  return [
    { atMs: 1, do: 'let node lag', ...prod, node: 1, lagMs: dayMs },
    { atMs: 30_000, do: 'stop node', ...prod, node: 1 },
    { atMs: 60_000, do: 'change', ...prod, hook: 'arrives' },
    { atMs: aloneMs, do: 'start node', ...prod, node: 1 },
    { atMs: aloneMs, do: 'stop node', ...prod, node: 0 },
    { atMs: awayMs, do: 'stop node', ...prod, node: 1 },
    ...(hasChecks ? [] : skipSchedules(awayMs, backMs)),
    drawBoot(random, awayMs + minutes(1, 4)),
    { atMs: backMs, do: 'start node', ...prod, node: 1 },
    { atMs: endMs, do: 'start node', ...prod, node: 0 },
  ];
}

/** No export is asked for between two moments. */
function skipSchedules(fromMs: number, toMs: number): readonly Action[] {
  const first = Math.ceil(fromMs / scheduleMs);
  const count = Math.floor(toMs / scheduleMs) - first + 1;
  return Array.from({ length: count }, (_, index): Action => {
    const atMs = (first + index) * scheduleMs - 1;
    return { atMs, do: 'skip schedule', controlPlane: 'prod' };
  });
}

/** Something is broken, and people go on with their changes. */
function drawLongFault(random: SeededRandom): readonly Action[] {
  const fault = { call: random.pickOne(neededCalls), kind: random.pickOne(longKinds) };
  const changes = Array.from({ length: 5 }, () =>
    drawChange(random, random.pickNumber(2, longFaultMs / 60_000) * 60_000),
  );
  return [
    { atMs: 60_000, do: 'break call for long', fault },
    { atMs: 90_000, do: 'change', controlPlane: random.pickOne(controlPlanes), hook: 'arrives' },
    ...changes,
    drawBoot(random, random.pickNumber(2, 30) * 60_000),
    { atMs: longFaultMs, do: 'mend call', call: fault.call },
  ];
}

function draw(draws: Draws, random: SeededRandom): readonly Action[] {
  const total = draws.reduce((sum, [weight]) => sum + weight, 0);
  const count = random.pickNumber(6, 20);
  const actions: Action[] = [];
  while (actions.length < count) {
    let at = random.next() * total;
    const drawn = draws.find(([weight]) => {
      at -= weight;
      return at < 0;
    });
    actions.push(...(drawn?.[1](random, random.pickNumber(1, lastDrawnMs)) ?? []));
  }
  return actions.sort((one, other) => one.atMs - other.atMs);
}
