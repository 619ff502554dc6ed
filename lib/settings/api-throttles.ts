/** Requests per second, and how many may come at once. */
export interface Throttle {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * Of hooks to names that no control plane has: nobody of ours sends any. It is the one route that every
 * deployment has, so it alone may have settings of its own.
 */
export const unknownHookThrottle: Throttle = { perSecond: 10, burst: 10 };

/**
 * Of each route, and each control plane has routes of its own: who floods one takes nothing from the others.
 *
 * - Hooks: one in a second is enough, for all of a window are one message. A large change causes a few
 *   hundred; what is accepted last is followed by the rest within the settle time.
 * - Grants: 200 data planes that start at once have theirs within seconds, for throttled ones ask again; and
 *   strangers, who may send assertions, keep no more instances of the presign function busy than may come at
 *   once.
 *
 * It is the stage's default, for routes come and go with control planes: an update never removes the settings
 * of a single route, and each later one is refused when the route is gone
 * (github.com/aws/serverless-application-model/issues/1939).
 */
export const routeThrottle: Throttle = { perSecond: 40, burst: 40 };
