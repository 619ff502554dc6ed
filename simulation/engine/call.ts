import { setMaxListeners } from 'node:events';
import type { CallName, FaultKind, Faults } from '../faults.ts';
import type { Machine } from './machine.ts';
import type { SeededRandom } from './random.ts';
import type { Timeline } from './timeline.ts';

export interface CallWorld {
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly faults: Faults;
}

export interface PortCall<Answer> {
  readonly name: CallName;
  /** What the other side does, at once and whole. It throws what the other side answers with an error. */
  readonly perform: () => Answer;
  /** The error that the port shows for a fault; `failed after` where the other side has done it. */
  readonly fail: (how: 'failed' | 'failed after' | 'throttled') => Error;
  readonly signal?: AbortSignal | undefined;
  /** What the port shows when the signal ends the call. @default the signal's reason */
  readonly aborted?: (() => Error) | undefined;
}

const lateMs = 90_000;

/**
 * One call of a port: the request takes its time to the other side, is done there or not, and the answer
 * takes its time back, as the fault that is armed for it says.
 */
export function makeCall<Answer>(
  world: CallWorld,
  machine: Machine,
  call: PortCall<Answer>,
): Promise<Answer> {
  const fault = world.faults.take(call.name);
  const { timeline, random } = world;
  const thereMs = random.pickNumber(1, 20);
  const backMs = random.pickNumber(1, 20);
  machine.faultsMet += fault === undefined ? 0 : 1;
  return new Promise<Answer>((resolve, reject) => {
    const answer = (outcome: Outcome<Answer>, delayMs: number) =>
      machine.plan(delayMs, `${call.name} answered${'error' in outcome ? ' with an error' : ''}`, () => {
        call.signal?.removeEventListener('abort', abort);
        if ('error' in outcome) {
          reject(outcome.error);
        } else {
          resolve(outcome.value);
        }
      });
    const abort = () => reject(call.aborted?.() ?? call.signal?.reason);
    if (call.signal?.aborted === true) {
      abort();
      return;
    }
    if (call.signal !== undefined) {
      // One for each call that was not answered yet: no leak, though Node would warn of one.
      setMaxListeners(0, call.signal);
    }
    call.signal?.addEventListener('abort', abort, { once: true });
    // What was sent is done, even when the sender has died meanwhile.
    timeline.plan(thereMs, `${machine.name} ${call.name}${fault === undefined ? '' : ` (${fault})`}`, () => {
      if (machine.isAlive && fault === 'caller dies before') {
        machine.die();
        return;
      }
      const outcome = performWith(fault, call);
      if (fault === 'caller dies after') {
        machine.die();
      } else if (fault !== 'never answers') {
        answer(outcome, fault === 'late' ? lateMs : backMs);
      }
    });
  });
}

type Outcome<Answer> = { readonly value: Answer } | { readonly error: unknown };

function performWith<Answer>(fault: FaultKind | undefined, call: PortCall<Answer>): Outcome<Answer> {
  switch (fault) {
    case 'fails before':
      return { error: call.fail('failed') };
    case 'throttled':
      return { error: call.fail('throttled') };
    case 'fails after':
      attempt(call.perform);
      return { error: call.fail('failed after') };
    case 'sent again':
      attempt(call.perform);
      return attempt(call.perform);
    case 'done twice': {
      const first = attempt(call.perform);
      attempt(call.perform);
      return first;
    }
    default:
      return attempt(call.perform);
  }
}

function attempt<Answer>(perform: () => Answer): Outcome<Answer> {
  try {
    return { value: perform() };
  } catch (error) {
    return { error };
  }
}
