import type { AnsweredInspection } from '../core/inspect/inspection.ts';
import { errorFields } from './error-fields.ts';
import type { InspectionCall } from './inspect-event.ts';
import { logger } from './telemetry.ts';

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
  const { status, title, detail } = answer;
  const failure = error === undefined ? {} : errorFields(error);
  logger.warn('inspection refused', { ...who, status, title, detail, ...failure });
}
