/** Requests per second, and how many may come at once. */
export interface Throttle {
  readonly perSecond: number;
  readonly burst: number;
}

/** A large change causes a few hundred hooks. For throttled hooks the schedule catches up. */
export const hookThrottle: Throttle = { perSecond: 100, burst: 200 };

/** Enough for 200 data planes that start at once; throttled ones ask again. */
export const grantThrottle: Throttle = { perSecond: 50, burst: 200 };

/**
 * How many assertions may come at once: anybody may send them, and each keeps one instance of the presign
 * function busy.
 */
export const assertionBurst = 40;

/** 200 data planes are served in seconds, and a flood by strangers takes nothing from grants by IAM. */
export const assertionThrottle: Throttle = { perSecond: 40, burst: assertionBurst };

/** People look, and page through what they see. */
export const inspectThrottle: Throttle = { perSecond: 5, burst: 20 };

/** People send commands. What a script sends too often is refused before it reaches the export function. */
export const commandThrottle: Throttle = { perSecond: 2, burst: 10 };
