import { networkInterfaces } from 'node:os';
import type { SecureContext } from 'node:tls';
import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { StandbyError } from '../fetch/errors.ts';
import { describeRequestFailure, type Fetch, fetchPastProxies, readBodyText } from '../fetch/http-client.ts';
import { bareHost } from '../proxy-tunnel.ts';

/**
 * What a node without any configuration shows as its hash (kong/constants.lua,
 * DECLARATIVE_EMPTY_CONFIG_HASH).
 */
export const noConfiguration = '0'.repeat(32);

const statusTimeoutMs = 5_000;
// A busy node's has some kilobytes.
const largestAnswerBytes = 1_000_000;
const statusSchema = v.object({ configuration_hash: v.pipe(v.string(), v.nonEmpty()) });

export interface StatusReader {
  readonly clock: Clock;
  /** @default trusting whom Node trusts */
  readonly fetch?: Fetch | undefined;
}

/**
 * How a status API is asked. The one of this machine is not asked for a certificate that others trust: Kong
 * makes itself one (kong/cmd/utils/prefix_handler.lua, gen_default_ssl_cert), and what is said never leaves
 * the machine.
 *
 * @param secureContext for others. @default Node's own
 * @param isHere tells this machine's URLs
 */
export function statusFetch(secureContext?: SecureContext, isHere = isOfThisMachine): Fetch {
  const fetchHere = fetchPastProxies({ acceptsAnyCertificate: true });
  const fetchThere = fetchPastProxies({ secureContext });
  return (url, request) => (isHere(new URL(url)) ? fetchHere : fetchThere)(url, request);
}

function isOfThisMachine(url: URL): boolean {
  const host = bareHost(url);
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  return host === 'localhost' || /^127(\.\d+){3}$/.test(host) || own.some(({ address }) => address === host);
}

/**
 * What a node's status API names as its configuration: `noConfiguration`, the md5 of a file, or the control
 * plane's hash.
 *
 * @param statusUrl base URL of the node's `status_listen`
 * @param fetch see `statusFetch`
 * @param signal gives up early
 * @throws StandbyError `kong`
 */
export async function readConfigurationHash(
  statusUrl: string,
  { clock, fetch = statusFetch() }: StatusReader,
  signal?: AbortSignal,
): Promise<string> {
  const url = `${statusUrl.replace(/\/$/, '')}/status`;
  let answer: unknown;
  try {
    const response = await fetch(url, { signal: clock.deadline(statusTimeoutMs, signal) });
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
