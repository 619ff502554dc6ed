import type { HttpResponse } from './http-client.ts';

/** Too many have asked at once. */
export interface Throttling {
  /** How long the other side wants to be left alone; 0 where it has not said. */
  readonly retryAfterMs: number;
}

/** What a person can do about it. */
export const throttlingAdvice =
  'too many ask at once, or the function has no room. If that lasts, raise the throttle of the grants’ route or the ' +
  'function’s concurrency: docs/data-plane.md says how, under "A fleet that boots at once"';

/**
 * Whether an answer means that too many ask at once: 429 of API Gateway and of Lambda, 503 of an HTTP API
 * whose function has no more room, and of S3 ("SlowDown").
 *
 * @param now of this machine, for an answer that has no date of its own
 */
export function readThrottling(
  { status, headers }: Pick<HttpResponse, 'status' | 'headers'>,
  now: Date,
): Throttling | undefined {
  if (status !== 429 && status !== 503) {
    return undefined;
  }
  const asked = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(asked)) {
    return { retryAfterMs: Number(asked) * 1000 };
  }
  // A date (RFC 9110, 10.2.3), by the clock of whoever has said it: this machine's may be wrong.
  const untilMs = /GMT$/.test(asked) ? Date.parse(asked) : Number.NaN;
  const theirsMs = Date.parse(headers.get('date') ?? '');
  const waitMs = untilMs - (Number.isNaN(theirsMs) ? now.getTime() : theirsMs);
  return { retryAfterMs: Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs) };
}
