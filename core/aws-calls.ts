import { setMaxListeners } from 'node:events';
import { isNativeError } from 'node:util/types';
import { nameForeignError, readErrorCode } from './error-code.ts';
import { TunnelError } from './proxy-tunnel.ts';

/** How long a client of the AWS SDK waits. */
export interface CallLimits {
  /** For TCP and TLS. */
  readonly connectMs: number;
  /** For one try of a call, from its beginning to the head of its answer. */
  readonly tryMs: number;
  /** For the next byte, of what is sent and of what comes. */
  readonly silenceMs: number;
  /** How often a call is tried. */
  readonly tries: number;
}

/** Settings of an SDK client with these limits: without any it waits for minutes, or for ever. */
export function limitCalls({ connectMs, tryMs, silenceMs, tries }: CallLimits) {
  return {
    maxAttempts: tries,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: tryMs,
      // Without it the SDK only writes a warning, and waits on.
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    },
  };
}

/**
 * Waits no longer than until the signal aborts, whatever becomes of the work.
 *
 * @throws the signal's reason
 */
export async function endWith<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) {
    return work;
  }
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  if (signal.aborted) {
    abort();
  } else {
    signal.addEventListener('abort', abort, { once: true });
  }
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

interface Caller {
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

/**
 * A client of the SDK whose calls end with the signal: the request is given up, and nobody waits for the
 * pauses between tries, which know no signal.
 */
export function callsWithin<Client extends Caller>(
  client: Client,
  signal: AbortSignal | undefined,
): Pick<Client, 'send'> {
  if (signal === undefined) {
    return client;
  }
  // One listener for each call that waits, and Node warns of the eleventh: it takes it for a leak.
  setMaxListeners(0, signal);
  const send: Caller['send'] = (command, options) =>
    endWith(client.send(command, { ...options, abortSignal: signal }), signal);
  return { send: send as Client['send'] };
}

/**
 * Why a call of the SDK failed, for a message. A service's own words are told, and nothing that was sent or
 * answered: a parser's message would quote that.
 */
export function describeCallFailure(error: unknown): string {
  if (error instanceof Error && isSilence(error, readErrorCode(error))) {
    return 'no answer in time';
  }
  if (error instanceof TunnelError) {
    return error.message;
  }
  return isNativeError(error) && '$fault' in error
    ? `${error.name}: ${error.message}`
    : nameForeignError(error);
}

/** The SDK also calls a connection that was cut a timeout; that one has a code. */
function isSilence({ name }: Error, code: string | undefined): boolean {
  return name === 'AbortError' || (name === 'TimeoutError' && (code ?? 'ETIMEDOUT') === 'ETIMEDOUT');
}
