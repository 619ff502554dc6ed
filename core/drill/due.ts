import type { DrillRecord } from '../inspect/drill-record.ts';

/** A schedule comes a little sooner or later than an hour after the last time. */
const slackMs = 30 * 60_000;
const hourMs = 3_600_000;
const weekMs = 7 * 24 * hourMs;

/**
 * Whether it is time for a drill: asked each hour. One that failed is played again in the next hour, so that
 * an alarm ends soon after the trouble has.
 *
 * @param last undefined where there was none, or nobody can tell
 */
export function isDrillDue(last: DrillRecord | undefined, everyHours: number, now: Date): boolean {
  return last?.outcome !== 'passed' || now.getTime() - last.at.getTime() >= everyHours * hourMs - slackMs;
}

/** Whether all kept revisions are to be verified with it. */
export function isVerificationDue(last: DrillRecord | undefined, now: Date): boolean {
  const { revisions } = last ?? {};
  if (revisions === undefined || revisions.passed + revisions.unverified + revisions.broken.length === 0) {
    return true;
  }
  return now.getTime() - revisions.at.getTime() >= weekMs - slackMs;
}
