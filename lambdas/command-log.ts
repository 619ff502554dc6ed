import type { AnsweredCommand, CommandCall } from '../core/export/operator-commands.ts';
import { errorFields } from './error-fields.ts';
import { logPublication } from './export-log.ts';
import { logger, measure } from './telemetry.ts';

/** Who has asked for what, why, and what became of it; what was not understood is not repeated. */
export function logCommand(
  controlPlane: string,
  { caller, requestId }: Pick<CommandCall, 'caller' | 'requestId'>,
  { answer, command, publication, error, notRequested }: AnsweredCommand,
): void {
  const asked = command && { command: command.name, ...command, name: undefined };
  const who = { controlPlane, caller, requestId, ...asked };
  if (publication !== undefined) {
    logPublication(controlPlane, publication);
  }
  if ('content' in answer) {
    logger.info('command done', { ...who, answer: answer.content });
    if (error !== undefined) {
      logger.error('status not written', { controlPlane, ...errorFields(error) });
    }
    if (notRequested !== undefined) {
      logger.error('no export requested', { controlPlane, ...errorFields(notRequested) });
    }
  } else {
    const { status, title, detail } = answer;
    const failure = error === undefined ? {} : errorFields(error);
    logger.warn('command refused', { ...who, status, title, detail, ...failure });
  }
  measure(controlPlane, {
    ...('content' in answer ? { Commands: 1 } : { CommandsRefused: 1 }),
    ...(publication?.manifestReplaced === true ? { ManifestReplaced: 1 } : {}),
  });
}
