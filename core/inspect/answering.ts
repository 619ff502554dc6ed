import { attempt } from '../attempt.ts';
import { endWith } from '../aws-calls.ts';
import type { Clock } from '../clock.ts';
import type { Problem } from '../problem.ts';
import { type ConfigFileName, configFileKey } from '../vault/config-file-name.ts';
import { VaultError } from '../vault/errors.ts';
import type { VaultReading } from '../vault/own-keys.ts';
import { claimedRevision, findRevision, type OwnRevision } from '../vault/standing.ts';
import type { DrillLog } from './drill-record.ts';
import { TooDifferent } from './entity-pairs.ts';

export interface InspectionParts extends VaultReading {
  /** Of the control plane. */
  readonly name: string;
  readonly dataPlaneVersions: readonly string[];
  readonly clock: Clock;
  /** @default no drills are played */
  readonly drillLog?: DrillLog | undefined;
}

/** What works on one answer. */
export interface BoundedParts extends InspectionParts {
  /** Ends the work as well as its calls: what is left of it would go on during the next answer. */
  readonly deadline: AbortSignal;
}

/** API Gateway waits for 30 s. */
const answerMs = 25_000;

/** Answers a question in time, or says why not. */
export async function answerInTime<Answer>(
  parts: InspectionParts,
  work: (bounded: BoundedParts) => Promise<Answer>,
): Promise<{ readonly answer: Answer | Problem; readonly error?: unknown }> {
  const deadline = parts.clock.deadline(answerMs);
  const bounded = { ...parts, vault: parts.vault.within(deadline), deadline };
  const done = await attempt(endWith(work(bounded), deadline));
  return 'value' in done ? { answer: done.value } : describeFailure(done.error, deadline.aborted);
}

/** A revision of ours, by its number. @throws VaultError */
export async function seekRevision(
  parts: InspectionParts,
  name: ConfigFileName,
  revision: number,
): Promise<OwnRevision | Problem> {
  // What the newest one says that it is tells where in the history to look first.
  const newest = await attempt(parts.vault.current(name));
  const current = 'value' in newest && newest.value !== undefined ? claimedRevision(newest.value) : undefined;
  const sought = await findRevision(parts, name, revision, current ?? revision);
  if (sought === undefined) {
    return gone(
      `Revision ${revision} of ${configFileKey(name)} is not there (any more), or may not be read: view "revisions" lists what is.`,
    );
  }
  if ('what' in sought) {
    return {
      status: 422,
      title: 'Not ours',
      detail: `What is called revision ${revision} of ${configFileKey(name)} is ${sought.what}: nothing of it is shown.`,
    };
  }
  return sought.own;
}

export const gone = (detail: string): Problem => ({ status: 404, title: 'Not there', detail });

function describeFailure(
  error: unknown,
  isLate: boolean,
): { readonly answer: Problem; readonly error: unknown } {
  if (isLate) {
    const detail = `It took more than ${answerMs / 1000} s: ask again, or get the file ("lifeboat fetch --revision") and look at it there.`;
    return { error, answer: { status: 504, title: 'Not done in time', detail } };
  }
  if (error instanceof TooDifferent) {
    return { error, answer: { status: 413, title: 'Too different', detail: `${error.message}.` } };
  }
  const why = error instanceof VaultError ? `${error.message}. ` : '';
  return {
    error,
    answer: {
      status: error instanceof VaultError && error.code === 'unavailable' ? 503 : 500,
      title: 'The vault could not be read',
      detail: `${why}The function’s log says more.`,
    },
  };
}
