import type { Clock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import { urlBelow } from './endpoint-url.ts';
import { describeRequestFailure, type Fetch, fetchDirectly, readBodyText } from './http-client.ts';
import { requirePlausibleClock } from './plausible-clock.ts';
import { type IamAuthentication, isStrangersAnswer, readExplanation, signRequest } from './signed-request.ts';

/**
 * - `denied`: the caller is no operator, or the signature is not good.
 * - `refused`: the command makes no sense now; the message says why.
 * - `failed`: nobody answered, or the command failed. It may be sent again.
 */
export type CommandErrorCode = 'denied' | 'refused' | 'failed';

/** A command was not followed. */
export class CommandError extends CodedError<CommandErrorCode> {
  override readonly name = 'CommandError';
}

export interface CommandRequest {
  /** Base URL of Lifeboat's HTTP API. */
  readonly endpoint: URL;
  readonly controlPlane: string;
  readonly command: string;
  readonly body: object;
  readonly authentication: IamAuthentication;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** @default without a proxy */
  readonly fetch?: Fetch | undefined;
}

const largestAnswerBytes = 64 * 1024;

/**
 * Sends a command as an operator.
 *
 * @returns the answer, JSON
 * @throws CommandError, or StandbyError `denied` when the credentials or this machine's clock are of no use
 */
export async function sendCommand(request: CommandRequest): Promise<string> {
  const { endpoint, controlPlane, command, body, authentication, clock } = request;
  requirePlausibleClock(clock.now());
  const path = `/control-planes/${controlPlane}/commands/${command}`;
  const { url, ...signed } = await signRequest(
    authentication,
    'execute-api',
    {
      url: urlBelow(endpoint, path),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
    clock.now(),
  );
  const { status, text } = await send(request, url, signed);
  if (status === 200 || status === 202) {
    return text;
  }
  const said = `${endpoint.origin} answered ${status} to "${command}" for control plane "${controlPlane}"${readExplanation(text)}`;
  if (isStrangersAnswer(status, text)) {
    throw new CommandError(
      'failed',
      `${said}: it is neither AWS nor Lifeboat that answers so. Check --endpoint, and what is on the way, such as a proxy`,
    );
  }
  throw status === 401 || status === 403
    ? new CommandError(
        'denied',
        `${said}. The role needs execute-api:Invoke on .../POST${path}, and to be on the list`,
      )
    : new CommandError(status >= 500 || status === 429 ? 'failed' : 'refused', said);
}

async function send(
  { endpoint, timeoutMs, clock, fetch = fetchDirectly }: CommandRequest,
  url: URL,
  signed: Parameters<Fetch>[1],
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { ...signed, signal: clock.deadline(timeoutMs) });
    return { status: response.status, text: (await readBodyText(response, largestAnswerBytes)).text };
  } catch (error) {
    throw new CommandError(
      'failed',
      `${endpoint.origin} did not answer (${describeRequestFailure(error)}). Send the same command again: what is done is not done twice`,
      { cause: error },
    );
  }
}
