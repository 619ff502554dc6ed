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
  readonly about: 'files' | 'certificate';
  /** Whether a new data plane may not boot, or not for long. */
  readonly isBad: boolean;
  /** What to do about it; undefined where the sentence says it. */
  readonly next?: string | undefined;
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
  const concerns = [
    ...status.versions.flatMap(findVersionConcerns),
    ...findCheckConcerns(status, maxCheckAgeMs),
    ...findCertificateConcerns(status),
    ...findDrillConcerns(status),
  ];
  return concerns.map((concern) => ({ ...concern, sentence: forTerminal(concern.sentence) }));
}

/** They have no brief: the version's own state is in the line. */
function findVersionConcerns(version: StatusAnswer['versions'][number]): readonly Concern[] {
  const { kongVersion, state, problem, behindSince, notServedSince } = version;
  const about = { brief: '', about: 'files' } as const;
  return [
    ...(state === 'ready'
      ? []
      : [
          {
            ...about,
            sentence: `Kong ${kongVersion} is ${state}: ${problem ?? 'no reason was given.'}`,
            isBad: true,
            next: 'docs/runbook.md, "Data plane version without a file"',
          },
        ]),
    ...(behindSince === undefined
      ? []
      : [
          {
            ...about,
            sentence: `The control plane has served something older than Kong ${kongVersion}'s file for a while.`,
            isBad: false,
            next: 'look whether its database was restored or its nodes differ: docs/runbook.md, "No file verified"',
          },
        ]),
    ...(notServedSince === undefined
      ? []
      : [
          {
            ...about,
            sentence: `The control plane does not serve Kong ${kongVersion}.`,
            isBad: false,
            next: 'docs/runbook.md, "Data plane version not served"',
          },
        ]),
  ];
}

function findCheckConcerns(
  { lookedAt: now, checkedAt, held, disbelieved }: StatusAnswer,
  maxCheckAgeMs: number,
): readonly Concern[] {
  const about = { about: 'files', isBad: false } as const;
  const notVerified = 'lifeboat export, then docs/runbook.md, "No file verified"';
  const concerns: Concern[] = [];
  if (held !== undefined) {
    concerns.push({
      ...about,
      brief: 'a publication is held',
      sentence: `A publication is held: ${held.reason}`,
      next: 'lifeboat approve, if that was meant: docs/runbook.md, "Configuration held"',
    });
  }
  if (disbelieved !== undefined) {
    const sentence = `What the last check noted is not believed: ${disbelieved}`;
    const next = 'docs/runbook.md, "Somebody wrote into the bucket"';
    concerns.push({ ...about, brief: 'the status is not believed', sentence, next });
  } else if (checkedAt === undefined) {
    const sentence = 'Nothing was checked yet.';
    concerns.push({ ...about, brief: 'never checked', sentence, next: notVerified });
  } else if (now.getTime() - checkedAt.getTime() > maxCheckAgeMs) {
    const sentence = `The control plane was last compared ${ago(checkedAt, now)}.`;
    concerns.push({ ...about, brief: 'not checked lately', sentence, next: notVerified });
  }
  return concerns;
}

function findCertificateConcerns({ lookedAt: now, certificateEndsAt }: StatusAnswer): readonly Concern[] {
  if (
    certificateEndsAt === undefined ||
    certificateEndsAt.getTime() - now.getTime() >= certificateWarningMs
  ) {
    return [];
  }
  const hasEnded = certificateEndsAt <= now;
  return [
    {
      about: 'certificate',
      isBad: hasEnded,
      brief: `the cluster certificate ${hasEnded ? 'has ended' : 'ends soon'}`,
      sentence: hasEnded
        ? `The cluster certificate ended ${ago(certificateEndsAt, now)}: no export gets a connection with it. Put a new one into its secret.`
        : `The cluster certificate ends in ${formatAge(now, certificateEndsAt)}: put a new one into its secret before.`,
      next: 'lifeboat certificate put: docs/runbook.md, "Renewing the cluster certificate"',
    },
  ];
}

function findDrillConcerns({ drill }: StatusAnswer): readonly Concern[] {
  const about = { about: 'files', isBad: false, next: 'docs/runbook.md, "Drill failing"' } as const;
  if (drill === undefined) {
    return [];
  }
  if (drill.state === 'missing') {
    return [{ ...about, brief: 'no drill', sentence: 'No drill was played when one was due.' }];
  }
  // A file that is missing is told by its own version, as it is now.
  const failed = drill.versions.filter(({ fault = 'missing' }) => fault !== 'missing');
  const broken = drill.revisions?.broken ?? [];
  return [
    ...failed.map(({ kongVersion, fault, detail = '' }) => ({
      ...about,
      brief: 'the last drill failed',
      sentence: `In the last drill no new data plane of Kong ${kongVersion} could have booted (${fault}): ${detail}`,
    })),
    ...broken.map(({ kongVersion, revision, detail }) => ({
      ...about,
      brief: 'a kept revision is broken',
      sentence: `Nobody can go back to revision ${revision} of Kong ${kongVersion}: ${detail}`,
      next: `lifeboat verify ${revision} --kong-version ${kongVersion}`,
    })),
  ];
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
