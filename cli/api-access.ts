/** How commands of people reach Lifeboat's HTTP API. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import type { ApiAccess } from '../core/fetch/api-request.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { awsCredentials } from './credentials.ts';
import { caFileOption, controlPlaneOption, findRegion, parseEndpoint, regionOption } from './options.ts';
import { vaultNetwork } from './vault-network.ts';

export interface ApiOptions {
  readonly endpoint: URL;
  readonly controlPlane: string;
  readonly region?: string;
  readonly caFile?: string;
}

/** Adds the options of `ApiOptions`. */
export function addApiOptions(command: Command): Command {
  return command
    .addOption(controlPlaneOption())
    .addOption(
      new Option('--endpoint <url>', 'URL of Lifeboat’s HTTP API (see the stack’s outputs)')
        .env('LIFEBOAT_ENDPOINT')
        .argParser(parseApi)
        .makeOptionMandatory(),
    )
    .addOption(regionOption())
    .addOption(caFileOption());
}

/** API Gateway waits for 30 s. */
const timeoutMs = 35_000;

/** @throws InvalidArgumentError, or StandbyError `denied` without usable credentials */
export async function apiAccess(options: ApiOptions): Promise<ApiAccess> {
  const { endpoint, controlPlane } = options;
  const network = await vaultNetwork(options.caFile);
  return {
    endpoint,
    controlPlane,
    authentication: {
      by: 'iam',
      region: findRegion(endpoint, options.region),
      credentials: await awsCredentials(network),
    },
    timeoutMs,
    clock: systemClock,
    fetch: fetchOver(network),
  };
}

function parseApi(value: string): URL {
  const endpoint = parseEndpoint(value);
  if (endpoint.protocol === 'arn:') {
    throw new InvalidArgumentError('commands go to the HTTP API: give its URL');
  }
  return endpoint;
}
