import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { StandbyError } from './errors.ts';
import type { ReceivedGrant } from './grant-request.ts';
import type { GrantSource } from './grant-source.ts';

/** After so much silence the next endpoint is asked as well. */
export const silenceMs = 2_000;

export interface EndpointFailure {
  /** Which one, counted from 0. */
  readonly endpoint: number;
  readonly error: StandbyError;
}

export interface FirstGrant {
  /** Undefined where each of them has failed. */
  readonly granted?: { readonly endpoint: number; readonly grant: ReceivedGrant } | undefined;
  /** Of those that failed before, in the order in which they did. */
  readonly failures: readonly EndpointFailure[];
}

export interface FirstGrantRequest {
  /** Which of the sources are asked, in this order. */
  readonly endpoints: readonly number[];
  /** @default the current one */
  readonly versionId?: string | undefined;
  readonly clock: Pick<Clock, 'sleep'>;
  /** Told when the next one is asked because those before are silent. */
  readonly onSilence?: (() => void) | undefined;
  /** Gives up early. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes the first grant that comes. The endpoints are asked in order: the next one when one before has
 * failed, or when nobody has answered for `silenceMs`. The requests that lose are aborted. Their grants may
 * have been made and logged; nobody has their URLs.
 *
 * @throws StandbyError whose cause is the signal's reason, when that ended it
 */
export async function requestFirstGrant(
  sources: readonly GrantSource[],
  { endpoints, versionId, clock, onSilence, signal }: FirstGrantRequest,
): Promise<FirstGrant> {
  const ending = new AbortController();
  const end = () => ending.abort(signal?.reason);
  if (signal?.aborted === true) {
    end();
  }
  signal?.addEventListener('abort', end, { once: true });
  const ask = async (endpoint: number): Promise<Answer> => {
    const source = sources[endpoint];
    if (source === undefined) {
      throw new RangeError(`there are ${sources.length} endpoints, and none with index ${endpoint}`);
    }
    try {
      return { endpoint, grant: await source.requestGrant(versionId, ending.signal) };
    } catch (error) {
      if (error instanceof StandbyError) {
        return { endpoint, error };
      }
      throw error;
    }
  };
  const failures: EndpointFailure[] = [];
  const asked = new Map<number, Promise<Answer>>();
  const left = [...endpoints];
  try {
    for (let next = left.shift(); next !== undefined || asked.size > 0; next = left.shift()) {
      if (next !== undefined) {
        asked.set(next, ask(next));
      }
      const answer = await firstAnswer([...asked.values()], left.length > 0 ? clock : undefined);
      if (answer === 'silence') {
        onSilence?.();
        continue;
      }
      if ('grant' in answer) {
        return { granted: answer, failures };
      }
      if (signal?.aborted === true) {
        throw answer.error;
      }
      asked.delete(answer.endpoint);
      failures.push(answer);
    }
    return { failures };
  } finally {
    ending.abort();
    signal?.removeEventListener('abort', end);
  }
}

type Answer = { readonly endpoint: number; readonly grant: ReceivedGrant } | EndpointFailure;

/** @param clock limits the wait; without one it is as long as it takes */
async function firstAnswer(
  asked: readonly Promise<Answer>[],
  clock: Pick<Clock, 'sleep'> | undefined,
): Promise<Answer | 'silence'> {
  if (clock === undefined) {
    return Promise.race(asked);
  }
  const waiting = new AbortController();
  const silence = ignoreErrors(clock.sleep(silenceMs, waiting.signal)).then(() => 'silence' as const);
  try {
    return await Promise.race([...asked, silence]);
  } finally {
    waiting.abort();
  }
}
