/** How commands of people reach Lifeboat's HTTP API. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import type { ApiAccess } from '../core/fetch/api-request.ts';
import { fetchOver } from '../core/fetch/http-client.ts';
import { type AwsAccess, type AwsOptions, addAwsOptions, awsAccess } from './aws-access.ts';
import type { Deployment } from './deployment.ts';
import { controlPlaneOption, findRegion, parseEndpoint } from './options.ts';
import { addStackOption } from './stack-option.ts';

export interface ApiOptions extends AwsOptions {
  /** Undefined where the stack says it. */
  readonly endpoint?: URL | undefined;
  readonly stack?: string | undefined;
  /** Undefined where the stack has one alone, or all of them are asked about. */
  readonly controlPlane?: string | undefined;
}

/** Adds the options of `ApiOptions`: `--control-plane` and `--endpoint`, or `--stack`. */
export function addApiOptions(command: Command): Command {
  command
    .addOption(controlPlaneOption())
    .addOption(
      new Option('--endpoint <url>', 'URL of Lifeboat’s HTTP API (see the stack’s outputs)')
        .env('LIFEBOAT_ENDPOINT')
        .argParser(parseApi)
        .makeOptionMandatory(),
    );
  return addAwsOptions(addStackOption(command, 'controlPlane'));
}

/** API Gateway waits for 30 s. */
const timeoutMs = 35_000;

/**
 * The way to one control plane: the one that is named, or the only one of the stack.
 *
 * @throws InvalidArgumentError that lists the control planes of the stack where it has several, or not this
 * one; what `findDeployment` throws; StandbyError `denied` without usable credentials
 */
export async function apiAccess(options: ApiOptions): Promise<ApiAccess> {
  const { deployment, accessTo } = await reachApi(options);
  if (deployment === undefined) {
    // Without a stack the option is demanded.
    return accessTo(options.controlPlane ?? '');
  }
  const { findControlPlane } = await loadDeployment();
  return accessTo(findControlPlane(deployment, options.controlPlane).name);
}

/** What `--endpoint`, or else `--stack`, leads to. */
export interface ReachedApi {
  /** Undefined where `--endpoint` was given. */
  readonly deployment: Deployment | undefined;
  /** For other services of AWS. */
  readonly aws: AwsAccess;
  accessTo(controlPlane: string): ApiAccess;
}

/**
 * As `apiAccess`, for commands that are about several control planes of a stack.
 *
 * @param given where the caller has made it already. @default that of the options
 */
export async function reachApi(options: ApiOptions, given?: AwsAccess): Promise<ReachedApi> {
  const access = given ?? (await awsAccess(options));
  const deployment =
    options.endpoint === undefined
      ? await (await loadDeployment()).findDeployment(options, access)
      : undefined;
  return reach(options, access, deployment);
}

/** The same for a deployment that was found already. */
export function reachDeployment(options: ApiOptions, access: AwsAccess, deployment: Deployment): ReachedApi {
  return reach({ ...options, endpoint: undefined }, access, deployment);
}

function reach(options: ApiOptions, access: AwsAccess, deployment: Deployment | undefined): ReachedApi {
  const endpoint = deployment?.apiUrl ?? options.endpoint;
  if (endpoint === undefined) {
    throw new InvalidArgumentError('neither an endpoint nor a stack is named');
  }
  const region = findRegion(endpoint, deployment?.region ?? options.region);
  return {
    deployment,
    aws: access,
    accessTo: (controlPlane) => ({
      endpoint,
      controlPlane,
      authentication: { by: 'iam', region, credentials: access.credentials },
      timeoutMs,
      clock: systemClock,
      fetch: fetchOver(access.network),
    }),
  };
}

/** Not with `--endpoint`, and not while a node boots. */
const loadDeployment = () => import('./deployment.ts');

function parseApi(value: string): URL {
  const endpoint = parseEndpoint(value);
  if (endpoint.protocol === 'arn:') {
    throw new InvalidArgumentError('commands go to the HTTP API: give its URL');
  }
  return endpoint;
}
