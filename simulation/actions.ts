import type { SeededRandom } from './engine/random.ts';
import { type ArmedFault, calls, faultKinds } from './faults.ts';

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
  | { readonly do: 'stop node'; readonly controlPlane: string; readonly node: number }
  | { readonly do: 'start node'; readonly controlPlane: string; readonly node: number }
  | {
      readonly do: 'let node lag';
      readonly controlPlane: string;
      readonly node: number;
      readonly lagMs: number;
    }
  | {
      readonly do: 'set clock of node';
      readonly controlPlane: string;
      readonly node: number;
      readonly offsetMs: number;
    }
  | { readonly do: 'lose database'; readonly controlPlane: string }
  | { readonly do: 'repair database'; readonly controlPlane: string }
  | { readonly do: 'empty database'; readonly controlPlane: string }
  | { readonly do: 'restore older database'; readonly controlPlane: string }
  | { readonly do: 'export beside'; readonly controlPlane: string }
  | { readonly do: 'kill containers' }
  | { readonly do: 'rotate hook secret'; readonly controlPlane: string }
  | { readonly do: 'rotate signing key' }
  | {
      readonly do: 'boot data plane';
      readonly controlPlane: string;
      readonly version: string;
      readonly cacheAgeMs?: number;
    }
  | { readonly do: 'put garbage'; readonly key: string }
  | { readonly do: 'put unsigned file'; readonly key: string }
  | { readonly do: 'put file of a stranger'; readonly key: string }
  | { readonly do: 'put old revision back'; readonly key: string }
  | { readonly do: 'swap manifests'; readonly key: string; readonly from: string }
  | { readonly do: 'copy manifest over garbage'; readonly key: string }
  | { readonly do: 'add delete marker'; readonly key: string }
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
  [8, (random, atMs) => drawOutage(random, atMs)],
  [
    3,
    (random, atMs) => [
      { atMs, do: 'let node lag', controlPlane: 'prod', node: 1, lagMs: random.pickNumber(0, 20_000) },
    ],
  ],
  [3, (random, atMs) => drawLostDatabase(random, atMs)],
  [4, (random, atMs) => [{ atMs, do: 'export beside', controlPlane: random.pickOne(controlPlanes) }]],
  [3, (_random, atMs) => [{ atMs, do: 'kill containers' }]],
  [2, (random, atMs) => [{ atMs, do: 'rotate hook secret', controlPlane: random.pickOne(controlPlanes) }]],
  [2, (_random, atMs) => [{ atMs, do: 'rotate signing key' }]],
  [2, (random, atMs) => [{ atMs, do: 'skip schedule', controlPlane: random.pickOne(controlPlanes) }]],
  [2, (random, atMs) => [{ atMs, do: 'empty database', controlPlane: random.pickOne(controlPlanes) }]],
  [
    2,
    (random, atMs) => [{ atMs, do: 'restore older database', controlPlane: random.pickOne(controlPlanes) }],
  ],
  [2, (random, atMs) => drawRetiredVersion(random, atMs)],
];

/**
 * What a hand in the bucket does, beside some changes and data planes that start. What is known to be taken
 * (simulation/known) is not drawn.
 */
const handDraws: Draws = [
  [4, (random, atMs) => [drawChange(random, atMs)]],
  [4, (random, atMs) => [drawBoot(random, atMs)]],
  [3, (random, atMs) => drawOutage(random, atMs)],
  [3, (random, atMs) => [{ atMs, do: 'put garbage', key: random.pickOne(keys) }]],
  [3, (random, atMs) => [{ atMs, do: 'put unsigned file', key: random.pickOne(keys) }]],
  [3, (random, atMs) => [{ atMs, do: 'add delete marker', key: random.pickOne(keys) }]],
  [3, (random, atMs) => drawSwap(random, atMs)],
  [1, (random, atMs) => [{ atMs, do: 'break call', fault: drawFault(random) }]],
];

/** What a data plane must not load, whatever the export makes of it. */
const intruderDraws: Draws = [
  ...handDraws,
  [3, (random, atMs) => [{ atMs, do: 'put file of a stranger', key: random.pickOne(keys) }]],
  [3, (random, atMs) => [{ atMs, do: 'copy manifest over garbage', key: random.pickOne(keys) }]],
  [4, (random, atMs) => drawOutage(random, atMs)],
];

function drawSwap(random: SeededRandom, atMs: number): readonly Action[] {
  const key = random.pickOne(keys);
  const from = random.pickOne(keys);
  return key === from ? [] : [{ atMs, do: 'swap manifests', key, from }];
}

function drawChange(random: SeededRandom, atMs: number): Action {
  return { atMs, do: 'change', controlPlane: random.pickOne(controlPlanes), hook: random.pickOne(hookFates) };
}

function drawFault(random: SeededRandom): ArmedFault {
  return { call: random.pickOne(calls), kind: random.pickOne(faultKinds) };
}

function drawBoot(random: SeededRandom, atMs: number): Action {
  const controlPlane = random.pickOne(controlPlanes);
  const version = controlPlane === 'prod' ? random.pickOne(['3.9.1', '3.9.3', '3.4.2']) : '3.9.1';
  const cache = random.happens(0.2) ? { cacheAgeMs: random.pickNumber(1, 48) * 3_600_000 } : {};
  return { atMs, do: 'boot data plane', controlPlane, version, ...cache };
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

/** What happens in a random history with faults, in its order. */
export function drawActions(random: SeededRandom): readonly Action[] {
  return draw(faultDraws, random);
}

/** What happens in a random history with a hand in the bucket, in its order. */
export function drawHandActions(random: SeededRandom): readonly Action[] {
  return draw(handDraws, random);
}

/** The same, with what the export is known to take. */
export function drawIntruderActions(random: SeededRandom): readonly Action[] {
  return draw(intruderDraws, random);
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
