import type { AnsweredRevisionGrant } from '../core/access/revision-grant.ts';
import type { AnsweredInspection } from '../core/inspect/inspection.ts';
import type { Problem } from '../core/problem.ts';
import { errorFields } from './error-fields.ts';
import type { InspectionCall } from './inspect-event.ts';
import { logger, measure } from './telemetry.ts';

/** Who has asked for what; nothing of the answer, and nothing of what was not understood. */
export function logInspection(
  controlPlane: string,
  { caller }: InspectionCall,
  { answer, query, error }: AnsweredInspection,
): void {
  const asked = query && { ...query, page: undefined };
  const who = { controlPlane, caller, ...asked };
  if ('content' in answer) {
    logger.info('inspection answered', who);
    return;
  }
  logRefusal('inspection refused', who, answer, error);
}

/** Who got which revision, until when; never the URL. It counts as a grant, for it holds all secrets, too. */
export function logRevisionGrant(
  controlPlane: string,
  { caller }: InspectionCall,
  { answer, asked, error }: AnsweredRevisionGrant,
): void {
  const who = { controlPlane, way: 'revision', caller, ...asked };
  if ('status' in answer) {
    measure(controlPlane, { GrantsRefused: 1 });
    logRefusal('grant refused', who, answer, error);
    return;
  }
  const { versionId, expiresAt } = answer;
  measure(controlPlane, { GrantsIssued: 1 });
  logger.info('grant issued', { ...who, versionId, expiresAt });
}

function logRefusal(message: string, who: object, { status, title, detail }: Problem, error: unknown): void {
  const failure = error === undefined ? {} : errorFields(error);
  logger.warn(message, { ...who, status, title, detail, ...failure });
}
