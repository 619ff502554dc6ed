/** How pauses between tries grow. */
export interface Backoff {
  /** Pauses grow up to twice this with the first failed try, four times with the second, ... */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** As standby and fetch have it. */
export const defaultBackoff: Backoff = { firstPauseMs: 1_000, longestPauseMs: 30_000 };

/**
 * Exponential backoff with full jitter, so that nodes that failed together do not come back together.
 *
 * @param random from 0 to 1
 */
export function drawBackoffMs(
  { firstPauseMs, longestPauseMs }: Backoff,
  failedTries: number,
  random: number,
): number {
  return random * Math.min(longestPauseMs, firstPauseMs * 2 ** failedTries);
}
