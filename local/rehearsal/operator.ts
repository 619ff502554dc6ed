import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { sendCommand } from '../../core/fetch/command-request.ts';
import type { LocalSystem } from '../local-system.ts';

const answered = v.pipe(v.string(), v.parseJson(), v.object({ revision: v.optional(v.number(), 0) }));

/**
 * Sends a command over the HTTP API, as an operator does.
 *
 * @returns the revision that the command has published; 0 where it publishes none itself
 * @throws ApiError when it is not followed
 */
export async function sendAsOperator(
  system: LocalSystem,
  controlPlane: string,
  command: string,
  fields: object,
): Promise<number> {
  const answer = await sendCommand({
    endpoint: new URL(system.apiUrl),
    controlPlane,
    command,
    body: { ...fields, reason: 'rehearsal' },
    authentication: { by: 'iam', region: system.region, credentials: system.operator },
    timeoutMs: 30_000,
    clock: systemClock,
  });
  return v.parse(answered, answer).revision;
}
