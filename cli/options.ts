/** Options that several commands have, with their `LIFEBOAT_*` variables. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import { findApiRegion, findFunctionRegion } from '../core/fetch/aws-endpoints.ts';
import { readEndpointUrl } from '../core/fetch/endpoint-url.ts';
import type { GrantEndpoint } from '../core/fetch/grant-source.ts';
import type { Network } from '../core/fetch/network.ts';
import { controlPlaneName, kongVersion } from '../core/names.ts';
import { awsCredentials } from './credentials.ts';
import { endpointExpected, findLambdaEndpoint } from './given-endpoint.ts';
import { readClusterIdentity } from './given-pem.ts';
import { describeInvisible } from './visible-text.ts';

export const credentialsHelp = `
AWS credentials come from the standard AWS chain (environment, profile, container, instance). With --auth cluster-certificate none are needed:
Kong's own certificate and key identify the data plane. A variable's value can also be in a file: NAME_FILE names the file for NAME.`;

/** What a command must be told to ask for a grant and to check what comes. */
export interface GrantOptions {
  readonly controlPlane: string;
  readonly kongVersion: string;
  readonly endpoint: readonly URL[];
  readonly publicKey: string;
  readonly region?: string;
  readonly profile?: string;
  readonly auth: 'iam' | 'cluster-certificate';
  readonly clusterCert?: string;
  readonly clusterCertKey?: string;
}

/** Adds the options of `GrantOptions`. */
export function addGrantOptions(command: Command): Command {
  return command
    .addOption(controlPlaneOption())
    .addOption(kongVersionOption())
    .addOption(
      new Option(
        '--endpoint <url>',
        'URL of Lifeboat’s HTTP API, or ARN of its function (see the stack’s outputs); for several, repeat it or use commas; tried in order',
      )
        .env('LIFEBOAT_ENDPOINT')
        .argParser(parseEndpoints)
        .makeOptionMandatory(),
    )
    .addOption(publicKeyOption())
    .addOption(regionOption())
    .addOption(
      new Option(
        '--auth <how>',
        'how to authenticate: with AWS credentials, or with Kong’s cluster certificate',
      )
        .env('LIFEBOAT_AUTH')
        .choices(['iam', 'cluster-certificate'])
        .default('iam'),
    )
    .addOption(
      new Option('--cluster-cert <certificate>', 'as in Kong: a file, PEM, or base64 of PEM').env(
        'KONG_CLUSTER_CERT',
      ),
    )
    .addOption(
      new Option('--cluster-cert-key <key>', 'its private key, in the same forms').env(
        'KONG_CLUSTER_CERT_KEY',
      ),
    );
}

/**
 * Where grants can be had with these options, in order.
 *
 * @param network by which services are asked for AWS credentials
 * @throws InvalidArgumentError
 */
export async function grantEndpoints(
  options: GrantOptions,
  network: Network,
): Promise<readonly GrantEndpoint[]> {
  if (options.auth === 'iam') {
    return options.endpoint.map((endpoint) => {
      const region = findRegion(endpoint, options.region);
      return {
        endpoint,
        // The HTTP API is not Lambda's: what is set for all services is nothing to it.
        ...(endpoint.protocol === 'arn:' ? { lambdaEndpoint: findLambdaEndpoint(region) } : {}),
        authenticate: async () => ({
          by: 'iam',
          region,
          credentials: await awsCredentials(network, options.profile),
        }),
      };
    });
  }
  const functionEndpoint = options.endpoint.find(({ protocol }) => protocol === 'arn:');
  if (functionEndpoint !== undefined) {
    throw new InvalidArgumentError(
      `--endpoint ${functionEndpoint.href} is a function, which takes AWS credentials only: with --auth cluster-certificate give the URL of the HTTP API`,
    );
  }
  const identity = await readClusterIdentity(options);
  return options.endpoint.map((endpoint) => ({
    endpoint,
    authenticate: async () => ({ by: 'cluster-certificate', identity }),
  }));
}

export function controlPlaneOption(): Option {
  return new Option('--control-plane <name>', 'name of the control plane')
    .env('LIFEBOAT_CONTROL_PLANE')
    .argParser(requireValid(controlPlaneName))
    .makeOptionMandatory();
}

export function kongVersionOption(): Option {
  return new Option('--kong-version <version>', 'full version of the data plane, see `kong version`')
    .env('LIFEBOAT_KONG_VERSION')
    .argParser(requireValid(kongVersion))
    .makeOptionMandatory();
}

export function publicKeyOption(): Option {
  return new Option(
    '--public-key <file>',
    'public signing key, as a PEM file or PEM text (see `lifeboat public-key`); two keys while one is replaced',
  )
    .env('LIFEBOAT_PUBLIC_KEY')
    .makeOptionMandatory();
}

export function regionOption(): Option {
  return new Option(
    '--region <region>',
    'AWS region of the API, if its URL does not contain it; by default AWS_REGION',
  );
}

export function maxBytesOption(): Option {
  return new Option('--max-bytes <n>', 'largest file that is accepted, in bytes')
    .argParser(parseWholeNumber(999_999_999_999))
    .default(2 ** 30);
}

export function maxUnverifiedAgeOption(): Option {
  return new Option(
    '--max-unverified-age <time>',
    'refuse a file that was not verified as the newest for longer than this (3600, 60m, 12h, 7d), or of which nobody can tell',
  )
    .env('LIFEBOAT_MAX_UNVERIFIED_AGE')
    .argParser(parseAgeMs);
}

/** @returns milliseconds */
export function parseAgeMs(value: string): number {
  const [, amount = '', unit = 's'] = /^([1-9]\d{0,7})([smhd])?$/.exec(value) ?? [];
  if (amount === '') {
    throw new InvalidArgumentError('seconds, or a time like 90s, 60m, 12h, 7d, are expected');
  }
  return Number(amount) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 's' | 'm' | 'h' | 'd'];
}

export function caFileOption(): Option {
  return new Option(
    '--ca-file <file>',
    'PEM file of CA certificates to trust besides Node’s own, for example a proxy’s',
  ).env('LIFEBOAT_CA_FILE');
}

export function secondsOption(flags: string, description: string, byDefault: number, least = 1): Option {
  // Node's timers end at 24 days, and nobody waits for a day.
  return new Option(flags, description).argParser(parseWholeNumber(86_400, least)).default(byDefault);
}

/** @param byDefault seconds */
export function spreadOption(byDefault: number): Option {
  const description =
    'first wait for up to so long, by chance, so that many that start at once do not ask at once';
  return secondsOption('--spread <seconds>', description, byDefault, 0).env('LIFEBOAT_SPREAD');
}

/**
 * The AWS region whose API an endpoint is: as API Gateway's own name says, which cannot be wrong and may be
 * one of several endpoints; else as asked for, else the environment's.
 *
 * @throws InvalidArgumentError when none is known
 */
export function findRegion(endpoint: URL, region: string | undefined): string {
  const fromUrl = endpoint.protocol === 'arn:' ? findFunctionRegion(endpoint) : findApiRegion(endpoint);
  // Manifests and unit files often set variables to nothing.
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const given = Object.entries({ '--region': region, AWS_REGION, AWS_DEFAULT_REGION });
  const [name, found] = [['the endpoint’s', fromUrl] as const, ...given].find(([, value]) => value) ?? [];
  if (found === undefined) {
    throw new InvalidArgumentError('no AWS region: give --region or set AWS_REGION');
  }
  const oddity = describeInvisible(found);
  if (oddity !== undefined) {
    throw new InvalidArgumentError(`${name} ${oddity}`);
  }
  return found;
}

/** For options whose value is itself, if it is right. */
export function requireValid(schema: v.GenericSchema<string>): (value: string) => string {
  return (value) => {
    const result = v.safeParse(schema, value);
    if (!result.success) {
      throw new InvalidArgumentError(result.issues[0].message);
    }
    return value;
  };
}

function parseEndpoints(value: string, before: readonly URL[] = []): readonly URL[] {
  return [...before, ...value.split(',').map((one) => parseEndpoint(one.trim()))];
}

// Not of a version or alias: what the deployment lets invoke is the function itself.
const functionArn = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}$/;

/** As in `readEndpointUrl`; or the ARN of a function. */
export function parseEndpoint(value: string): URL {
  if (functionArn.test(value)) {
    return new URL(value);
  }
  const parsed = readEndpointUrl(value);
  if (parsed === undefined) {
    throw new InvalidArgumentError(`${endpointExpected}, or the ARN of a function`);
  }
  return parsed;
}

export function parseWholeNumber(most: number, least = 1): (value: string) => number {
  return (value) => {
    if (!/^(0|[1-9]\d{0,11})$/.test(value) || Number(value) < least || Number(value) > most) {
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is expected`);
    }
    return Number(value);
  };
}
