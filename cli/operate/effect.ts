/** Whether a command that was followed has had its effect: what a new data plane would get says so. */
import type { Clock } from '../../core/clock.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { StandbyError } from '../../core/fetch/errors.ts';
import { type StatusAnswer, statusAnswer } from '../inspection/answers.ts';
import type { Ask } from '../inspection/asking.ts';
import type { CommandName } from './plan.ts';

/** What was sent, and what was answered. */
export interface Sent {
  readonly name: CommandName;
  readonly version: string | undefined;
  readonly answer: Readonly<Record<string, unknown>>;
}

/**
 * - `seen`: it has had its effect.
 * - `failed`: it was done, and not well: an export that is not complete.
 * - `unseen`: the time was over.
 * - `hidden`: the sender may not look, which is no failure.
 */
export interface Effect {
  readonly outcome: 'seen' | 'failed' | 'unseen' | 'hidden';
  readonly what: string;
}

interface Waiting {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Is told what is waited for, whenever that was looked for in vain. */
  readonly onWait: (seconds: number) => void;
}

const pauseMs = 2_000;

/** Looks again and again until the effect is there. */
export async function awaitEffect(
  sent: Sent,
  ask: Ask,
  { clock, timeoutMs, onWait }: Waiting,
): Promise<Effect> {
  const startedMs = clock.monotonicMs();
  let lastFailure: string | undefined;
  for (;;) {
    try {
      const effect = findEffect(sent, (await ask(statusAnswer, 'status', {})).read);
      if (effect !== undefined) {
        return effect;
      }
      lastFailure = undefined;
    } catch (error) {
      // The command is sent: whatever comes now, credentials that have ended too, does not take it back.
      if (!(error instanceof ApiError || error instanceof StandbyError)) {
        throw error;
      }
      if (error instanceof ApiError && error.code === 'denied') {
        return { outcome: 'hidden', what: `what became of it cannot be shown: ${error.message}` };
      }
      lastFailure = error.message;
    }
    const waitedMs = clock.monotonicMs() - startedMs;
    if (waitedMs >= timeoutMs) {
      const why = lastFailure === undefined ? '' : ` (${lastFailure})`;
      return {
        outcome: 'unseen',
        what: `it was sent, and its effect was not seen within ${Math.round(timeoutMs / 1000)} s${why}: look at lifeboat status`,
      };
    }
    onWait(Math.round(waitedMs / 1000));
    await clock.sleep(pauseMs);
  }
}

/** Undefined as long as it is not there. */
function findEffect({ name, version, answer }: Sent, status: StatusAnswer): Effect | undefined {
  const { lastCommand, held, checkedAt, versions } = status;
  if (name === 'export') {
    if (lastCommand?.id === undefined || lastCommand.id !== answer['id']) {
      return undefined;
    }
    const list = versions
      .map(({ kongVersion, current }) => `Kong ${kongVersion}: revision ${current?.revision ?? 'none'}`)
      .join(', ');
    return lastCommand.outcome === 'done'
      ? { outcome: 'seen', what: `the export is done. ${list}` }
      : { outcome: 'failed', what: `the export is not complete: its log says why. ${list}` };
  }
  if (name === 'approve') {
    // A status that is not there, or not believed, says nothing of what is held.
    return held === undefined && checkedAt !== undefined
      ? { outcome: 'seen', what: 'what was held is published, or is not served any more' }
      : undefined;
  }
  const current = versions.find(({ kongVersion }) => kongVersion === version)?.current;
  return current !== undefined && current.revision >= Number(answer['revision'])
    ? {
        outcome: 'seen',
        what: `new data planes of Kong ${version} get revision ${current.revision}${current.pinned ? ', pinned' : ''}`,
      }
    : undefined;
}
