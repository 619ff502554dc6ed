import { type ApiAccess, askApi } from './api-request.ts';

export interface CommandRequest extends ApiAccess {
  readonly command: string;
  readonly body: object;
}

/**
 * Sends a command as an operator.
 *
 * @returns the answer, JSON
 * @throws ApiError, or StandbyError `denied` when the credentials or this machine's clock are of no use
 */
export function sendCommand({ command, body, ...access }: CommandRequest): Promise<string> {
  return askApi(access, {
    method: 'POST',
    path: `/commands/${command}`,
    body: JSON.stringify(body),
    what: command,
    advice: 'Send the same command again: what is done is not done twice',
    needs: ', and to be on the list',
    largestAnswerBytes: 64 * 1024,
  });
}
