import type { Grant } from '../core/access/grant.ts';
import type { AssertedCaller } from '../core/access/verify-assertion.ts';
import type { Problem } from '../core/problem.ts';
import type { GrantCall } from './grant-event.ts';
import { logger, measure } from './telemetry.ts';

export interface AnsweredCall {
  readonly controlPlane: string;
  readonly way: GrantCall['way'];
  readonly answer: Grant | Problem;
  /** Absent for an invocation (CloudTrail knows whose), and for an assertion that was not taken. */
  readonly caller?: string | AssertedCaller | undefined;
  /** Whether it is for a drill. @default false */
  readonly isDrill?: boolean;
  /** Why an assertion was not taken. */
  readonly refusal?: string | undefined;
}

/** Who got a grant, for which version, until when; never the URL. */
export function logGrant({
  controlPlane,
  way,
  caller,
  answer,
  refusal,
  isDrill = false,
}: AnsweredCall): void {
  if ('status' in answer) {
    measure(controlPlane, { GrantsRefused: 1 });
    logger.warn('grant refused', { way, caller, status: answer.status, detail: refusal ?? answer.detail });
    return;
  }
  const { kongVersion, versionId, expiresAt } = answer;
  // That of a drill must not ring the alarm for grants without an outage.
  measure(controlPlane, isDrill ? { GrantsToDrills: 1 } : { GrantsIssued: 1 });
  logger.info('grant issued', {
    ...{ controlPlane, way, caller, kongVersion, versionId, expiresAt },
    ...(isDrill ? { isDrill } : {}),
  });
}
