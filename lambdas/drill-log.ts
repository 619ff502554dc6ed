import { drillMessage } from '../core/drill/cloudwatch-drill-log.ts';
import type { DrillReport } from '../core/drill/drill.ts';
import type { DrillRecord } from '../core/inspect/drill-record.ts';
import { errorFields } from './error-fields.ts';
import { logger, measure } from './telemetry.ts';

export function measureDrill(
  controlPlane: string,
  { outcome, seconds, restorableAgeSeconds }: DrillReport,
): void {
  measure(controlPlane, {
    DrillSucceeded: outcome === 'passed' ? 1 : 0,
    DrillSeconds: seconds,
    ...(restorableAgeSeconds === undefined ? {} : { RestorableAgeSeconds: restorableAgeSeconds }),
  });
}

/** What became of a drill: the line is read again by the next one, and by whoever asks for the status. */
export function logDrill(controlPlane: string, record: DrillRecord): void {
  const line = { controlPlane, drill: record };
  if (record.outcome === 'passed') {
    logger.info(`${drillMessage} passed`, line);
  } else {
    logger.error(`${drillMessage} failed`, line);
  }
}

/** The same drill once more, with what was found of all that is kept: who reads it again takes this line. */
export function logVerified(controlPlane: string, record: DrillRecord): void {
  logger.info(`${drillMessage} has verified what is kept`, { controlPlane, drill: record });
}

/** Then it is tried again with the next drill. */
export function logUnverified(error: unknown): void {
  logger.warn('kept revisions could not be verified', errorFields(error));
}

/** Then it is played: more often than need be, and never less often. */
export function logUnreadLog(error: unknown): void {
  logger.warn('the last drill is not known', errorFields(error));
}
