import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { StandbyError } from '../fetch/errors.ts';
import { describeRequestFailure, fetchDirectly, readBodyText } from '../fetch/http-client.ts';

/**
 * What a node without any configuration shows as its hash (kong/constants.lua,
 * DECLARATIVE_EMPTY_CONFIG_HASH).
 */
export const noConfiguration = '0'.repeat(32);

const statusTimeoutMs = 5_000;
// A busy node's has some kilobytes.
const largestAnswerBytes = 1_000_000;
const statusSchema = v.object({ configuration_hash: v.pipe(v.string(), v.nonEmpty()) });

/**
 * What a node's status API names as its configuration: `noConfiguration`, the md5 of a file, or the control
 * plane's hash.
 *
 * @param statusUrl base URL of the node's `status_listen`
 * @param signal gives up early
 * @throws StandbyError `kong`
 */
export async function readConfigurationHash(
  statusUrl: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<string> {
  const url = `${statusUrl.replace(/\/$/, '')}/status`;
  let answer: unknown;
  try {
    const response = await fetchDirectly(url, { signal: clock.deadline(statusTimeoutMs, signal) });
    answer = JSON.parse((await readBodyText(response, largestAnswerBytes)).text);
  } catch (error) {
    throw new StandbyError(
      'kong',
      `Kong’s status API did not answer at ${url} (${describeRequestFailure(error)}): check that Kong is running and that its status_listen (KONG_STATUS_LISTEN) is this address`,
      { cause: error },
    );
  }
  const status = v.safeParse(statusSchema, answer);
  if (!status.success) {
    throw new StandbyError(
      'kong',
      `${url} answered without a configuration_hash: check that it is the status API of a data plane (KONG_ROLE=data_plane)`,
    );
  }
  return status.output.configuration_hash;
}
