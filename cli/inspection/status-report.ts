/** What is known of the control planes of a deployment, and what somebody should look at. */
import { formatAge } from '../../core/fetch/currency.ts';
import type { Failure } from '../failure.ts';
import type { AlarmsView } from './alarms.ts';
import type { StatusAnswer } from './answers.ts';
import { ago, forTerminal } from './words.ts';

/** Something that somebody should look at. */
export interface Concern {
  /** In a few words, which stay the same while it lasts. */
  readonly brief: string;
  readonly sentence: string;
}

/** What is known of one control plane. */
export interface ControlPlaneReport {
  readonly controlPlane: string;
  /** The API's answer, as it came and as it is read; undefined where there is none. */
  readonly answer:
    | { readonly json: Readonly<Record<string, unknown>>; readonly read: StatusAnswer }
    | undefined;
  readonly failure: Failure | undefined;
  readonly concerns: readonly Concern[];
}

export interface StatusReport {
  readonly controlPlanes: readonly ControlPlaneReport[];
  /** Undefined where no stack is named, whose alarms they would be. */
  readonly alarms: AlarmsView | undefined;
  /**
   * `critical` where a version is not ready or nobody has answered, `attention` where anything else should be
   * looked at.
   */
  readonly state: 'good' | 'attention' | 'critical';
}

const dayMs = 24 * 60 * 60 * 1000;
/** The alarm begins at 14 days. Whoever looks may issue one before. */
const certificateWarningMs = 30 * dayMs;

/** @param maxCheckAgeMs a last check that is older is a concern */
export function findConcerns(status: StatusAnswer, maxCheckAgeMs: number): readonly Concern[] {
  const { lookedAt: now, checkedAt, held, disbelieved, versions, certificateEndsAt } = status;
  const concerns = versions.flatMap(({ kongVersion, state, problem, behindSince, notServedSince }) => [
    ...(state === 'ready'
      ? []
      : [{ brief: '', sentence: `Kong ${kongVersion} is ${state}: ${problem ?? 'no reason was given.'}` }]),
    ...(behindSince === undefined
      ? []
      : [
          {
            brief: '',
            sentence: `The control plane has served something older than Kong ${kongVersion}'s file for a while.`,
          },
        ]),
    ...(notServedSince === undefined
      ? []
      : [{ brief: '', sentence: `The control plane does not serve Kong ${kongVersion}.` }]),
  ]);
  if (held !== undefined) {
    concerns.push({ brief: 'a publication is held', sentence: `A publication is held: ${held.reason}` });
  }
  if (disbelieved !== undefined) {
    const sentence = `What the last check noted is not believed: ${disbelieved}`;
    concerns.push({ brief: 'the status is not believed', sentence });
  } else if (checkedAt === undefined) {
    concerns.push({ brief: 'never checked', sentence: 'Nothing was checked yet.' });
  } else if (now.getTime() - checkedAt.getTime() > maxCheckAgeMs) {
    const sentence = `The control plane was last compared ${ago(checkedAt, now)}.`;
    concerns.push({ brief: 'not checked lately', sentence });
  }
  if (certificateEndsAt !== undefined && certificateEndsAt.getTime() - now.getTime() < certificateWarningMs) {
    const hasEnded = certificateEndsAt <= now;
    concerns.push({
      brief: `the cluster certificate ${hasEnded ? 'has ended' : 'ends soon'}`,
      sentence: hasEnded
        ? `The cluster certificate ended ${ago(certificateEndsAt, now)}: no export gets a connection with it. Put a new one into its secret.`
        : `The cluster certificate ends in ${formatAge(now, certificateEndsAt)}: put a new one into its secret before.`,
    });
  }
  return concerns.map(({ brief, sentence }) => ({ brief, sentence: forTerminal(sentence) }));
}

/** One line, which is another one when something has changed, and not because time passes. */
export function summarize({ controlPlanes, alarms }: StatusReport): string {
  const planes = controlPlanes.map(({ controlPlane, answer, failure, concerns }) => {
    const versions = (answer?.read.versions ?? []).map(
      ({ kongVersion, state, current, behindSince, notServedSince }) =>
        [
          `Kong ${kongVersion} ${forTerminal(state)}`,
          ...(current === undefined ? [] : [`revision ${current.revision}`]),
          ...(current?.pinned === true ? ['pinned'] : []),
          ...(behindSince === undefined ? [] : ['behind']),
          ...(notServedSince === undefined ? [] : ['not served']),
        ].join(' '),
    );
    const briefs = concerns.flatMap(({ brief }) => (brief === '' ? [] : [brief]));
    const unanswered = failure === undefined ? [] : [`no answer (${failure.code})`];
    return `${controlPlane}: ${[...versions, ...unanswered, ...briefs].join(', ')}`;
  });
  const ringing = alarms !== undefined && 'ringing' in alarms ? alarms.ringing : [];
  const names = ringing.map(({ heading, controlPlane }) =>
    controlPlane === undefined ? heading : `${heading} (${controlPlane})`,
  );
  return [...planes, ...(names.length === 0 ? [] : [`alarms: ${names.join(', ')}`])].join('; ');
}
