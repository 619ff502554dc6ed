/** Requests per second, and how many may come at once. */
export interface Throttle {
  readonly perSecond: number;
  readonly burst: number;
}

/** A large change causes a few hundred hooks. For throttled hooks the schedule catches up. */
export const hookThrottle: Throttle = { perSecond: 100, burst: 200 };

/**
 * Of each other route. 200 data planes that start at once have their grants within seconds, for throttled
 * ones ask again; and strangers, who may send assertions, keep no more instances of the presign function busy
 * than may come at once.
 *
 * It is the stage's default, for routes come and go with control planes: an update never removes the settings
 * of a single route, and each later one is refused when the route is gone
 * (github.com/aws/serverless-application-model/issues/1939).
 */
export const routeThrottle: Throttle = { perSecond: 40, burst: 40 };
