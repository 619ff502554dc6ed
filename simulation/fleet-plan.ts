import type { SeededRandom } from './engine/random.ts';

const troubles = [
  'none',
  'first is silent',
  'first is slow',
  'second is silent',
  'first is slow, second refuses',
] as const;

/** The executions that a function has for itself. */
export interface FunctionRoom {
  readonly executions: number;
  /** Until the first answer of an execution. */
  readonly coldMs: number;
  /** Until each further one. */
  readonly warmMs: number;
}

/** Data planes that boot in the same moment, and what stands before the functions that give them grants. */
export interface FleetPlan {
  readonly controlPlane: string;
  readonly version: string;
  readonly size: number;
  /** What gets the file: standby beside Kong, or `lifeboat fetch` before Kong starts. */
  readonly by: 'standby' | 'fetch';
  readonly endpoints: 1 | 2;
  readonly trouble: (typeof troubles)[number];
  /** The throttle of each endpoint: a token bucket. */
  readonly perSecond: number;
  readonly burst: number;
  /** What an endpoint says to those whom it throttles. @default nothing */
  readonly retryAfterSeconds?: number;
  /** Of the function of each endpoint. @default it has room for all, and answers at once */
  readonly room?: FunctionRoom;
}

/** A throttle that no fleet notices. */
export const wideThrottle = { perSecond: 1_000, burst: 1_000 } as const;

export function drawFleet(random: SeededRandom): FleetPlan {
  const isThrottled = random.happens(0.5);
  const endpoints = random.pickOne([1, 2, 2] as const);
  return {
    controlPlane: 'prod',
    version: random.pickOne(['3.9.1', '3.9.3', '3.4.2']),
    size: random.pickNumber(24, 36),
    by: random.pickOne(['standby', 'standby', 'fetch'] as const),
    endpoints,
    trouble: endpoints === 1 ? 'none' : random.pickOne(troubles),
    ...(isThrottled
      ? { perSecond: random.pickNumber(5, 15), burst: random.pickNumber(5, 15) }
      : wideThrottle),
    ...(isThrottled && random.happens(0.6) ? { retryAfterSeconds: random.pickNumber(1, 15) } : {}),
  };
}
