/** Asks whether new data planes could boot, of one control plane or of all of a stack. */
import type { ApiAccess } from '../../core/fetch/api-request.ts';
import { inspectRevisions } from '../../core/fetch/inspect-request.ts';
import { type ReachedApi, reachApi } from '../api-access.ts';
import { readFailure } from '../failure.ts';
import { print } from '../print.ts';
import { type AlarmsView, findRingingAlarms } from './alarms.ts';
import { readAnswer, statusAnswer } from './answers.ts';
import type { InspectOptions } from './asking.ts';
import { type ControlPlaneReport, findConcerns, type StatusReport, summarize } from './status-report.ts';
import { formatReport, lookOf } from './status-text.ts';

export interface StatusOptions extends InspectOptions {
  /** A last check that is older needs attention. */
  readonly maxCheckAge: number;
  /** One line and exit codes for monitoring. */
  readonly monitoring?: true;
}

/**
 * @returns the exit code: 0, or 11 where something needs attention; with `monitoring` 0, 1 or 2, or 3 where
 * it could not be asked
 * @throws what the only control plane, or the first of several that have all failed, has failed with
 */
export async function showStatus(options: StatusOptions): Promise<number> {
  if (options.monitoring === true) {
    return showForMonitoring(options);
  }
  const report = await askStatus(options, await reachApi(options));
  await print(options.json === true ? formatJson(report, options) : formatReport(report, lookOf()));
  return report.state === 'good' ? 0 : notGood;
}

/** Beside the codes of lifeboat.ts: it was answered, and the answer is not the good one. */
export const notGood = 11;

export const monitoringCodes = { good: 0, attention: 1, critical: 2 } as const;
export const unknown = 3;
export const monitoringWords = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

async function showForMonitoring(options: StatusOptions): Promise<number> {
  try {
    const report = await askStatus(options, await reachApi(options));
    const code = monitoringCodes[report.state];
    await print(
      options.json === true
        ? formatJson(report, options)
        : `LIFEBOAT ${monitoringWords[code]} - ${summarize(report)}\n`,
    );
    return code;
  } catch (error) {
    const failure = readFailure(error, '');
    // An API that fails gives no grants either. What this machine lacks says nothing of it.
    const code = failure?.code === 'failed' ? monitoringCodes.critical : unknown;
    const said = { error: { ...failure, exitCode: code } };
    await print(
      options.json === true
        ? `${JSON.stringify(said)}\n`
        : `LIFEBOAT ${monitoringWords[code]} - ${failure?.message ?? ''}\n`,
    );
    return code;
  }
}

/** @throws as `showStatus` */
export async function askStatus(options: StatusOptions, reached: ReachedApi): Promise<StatusReport> {
  const { controlPlane } = options;
  const { deployment, accessTo, aws } = reached;
  const names =
    controlPlane === undefined ? deployment?.controlPlanes.map(({ name }) => name) : [controlPlane];
  const [alarms, ...controlPlanes] = await Promise.all([
    deployment === undefined ? undefined : findRingingAlarms(deployment, aws),
    ...(names ?? []).map((name) => askControlPlane(accessTo(name), options.maxCheckAge)),
  ]);
  const [first] = controlPlanes;
  if (first?.error !== undefined && controlPlanes.every(({ error }) => error !== undefined)) {
    throw first.error;
  }
  const shown = limitTo(alarms, controlPlane);
  const reports = controlPlanes.map(({ error: _, ...report }) => report);
  const isRinging = shown !== undefined && 'ringing' in shown && shown.ringing.length > 0;
  const isGood = !isRinging && reports.every(({ concerns }) => concerns.length === 0);
  const isCritical = reports.some(
    ({ answer }) => answer === undefined || answer.read.versions.some(({ state }) => state !== 'ready'),
  );
  return {
    controlPlanes: reports,
    alarms: shown,
    state: isCritical ? 'critical' : isGood ? 'good' : 'attention',
  };
}

/** What is known of one control plane. It never throws: what it failed with is `error`. */
export async function askControlPlane(
  access: ApiAccess,
  maxCheckAge: number,
): Promise<ControlPlaneReport & { readonly error: unknown }> {
  const { controlPlane } = access;
  try {
    const answer = readAnswer(statusAnswer, await inspectRevisions({ ...access, view: 'status' }));
    const concerns = findConcerns(answer.read, maxCheckAge);
    return { controlPlane, answer, failure: undefined, concerns, error: undefined };
  } catch (error) {
    const failure = readFailure(error, '');
    const sentence = failure?.message ?? 'It could not be asked.';
    const concerns = [{ brief: '', sentence, about: 'files', isBad: true } as const];
    return { controlPlane, answer: undefined, failure, concerns, error };
  }
}

/** Of one control plane: its own alarms, and those of the whole deployment. */
function limitTo(alarms: AlarmsView | undefined, controlPlane: string | undefined): AlarmsView | undefined {
  if (alarms === undefined || 'unknown' in alarms || controlPlane === undefined) {
    return alarms;
  }
  return {
    ringing: alarms.ringing.filter((alarm) => [undefined, controlPlane].includes(alarm.controlPlane)),
  };
}

/**
 * One control plane that was named is the API's answer; those of a stack are a list. Both with what needs
 * attention, and with the alarms where the stack is known.
 */
export function formatJson(report: StatusReport, options: StatusOptions): string {
  return `${JSON.stringify(tellReport(report, options))}\n`;
}

export function tellReport(
  { controlPlanes, alarms, state }: StatusReport,
  { controlPlane }: Pick<StatusOptions, 'controlPlane'>,
): object {
  const told = controlPlanes.map(({ controlPlane: name, answer, failure, ...report }) => {
    const concerns = report.concerns.map(({ sentence }) => sentence);
    return answer === undefined
      ? { controlPlane: name, error: failure, concerns }
      : { ...answer.json, concerns };
  });
  return controlPlane === undefined ? { state, controlPlanes: told, alarms } : { ...told[0], alarms, state };
}
