/** Requests per second, and how many may come at once. */
export interface Throttle {
  readonly perSecond: number;
  readonly burst: number;
}

/** A storm of changes is a few hundred hooks; what is dropped there the schedule makes good. */
export const hookThrottle: Throttle = { perSecond: 100, burst: 200 };

/** 200 data planes that start at once, which all come again after a refusal. */
export const grantThrottle: Throttle = { perSecond: 50, burst: 200 };

/** How many assertions may come at once: anybody may send them, and each keeps an instance of the presign function busy. */
export const assertionBurst = 40;

/** 200 data planes are through in seconds; a stranger who sends as many takes nothing from the grants by IAM. */
export const assertionThrottle: Throttle = { perSecond: 40, burst: assertionBurst };
