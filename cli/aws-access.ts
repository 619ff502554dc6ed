/** How commands of people reach AWS: by the standard AWS chain, or a named profile. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { awsCredentials, sdkSettings } from './credentials.ts';
import { caFileOption, regionOption } from './options.ts';
import { vaultNetwork } from './vault-network.ts';
import { describeInvisible } from './visible-text.ts';

export interface AwsOptions {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly caFile?: string | undefined;
}

export function profileOption(): Option {
  return new Option(
    '--profile <name>',
    'AWS profile whose credentials and region are used; by default AWS_PROFILE',
  );
}

/** Adds the options of `AwsOptions`. */
export function addAwsOptions(command: Command): Command {
  return command.addOption(regionOption()).addOption(profileOption()).addOption(caFileOption());
}

export type AwsAccess = Awaited<ReturnType<typeof awsAccess>>;

/**
 * What a client of the AWS SDK is made with: `new KMSClient((await awsAccess(options)).sdk)`. The client
 * itself takes `AWS_ENDPOINT_URL_KMS` and the like from the environment (as `findGivenEndpoint` does for what
 * is no client of the SDK): the local system is reached by them.
 *
 * @returns the network, the credentials, and settings for a client, whose region is `options.region`, else
 * that of the environment or of the profile
 * @throws InvalidArgumentError for a wrong region or CA file; StandbyError `denied` without usable
 * credentials
 */
export async function awsAccess({ region, profile, caFile }: AwsOptions) {
  const oddity = region === undefined ? undefined : describeInvisible(region);
  if (oddity !== undefined) {
    throw new InvalidArgumentError(`--region ${oddity}`);
  }
  const network = await vaultNetwork(caFile);
  const credentials = await awsCredentials(network, profile);
  return {
    network,
    credentials,
    sdk: {
      ...sdkSettings(network),
      credentials,
      ...(region === undefined ? {} : { region }),
      ...(profile === undefined ? {} : { profile }),
    },
  };
}

/**
 * The region that a client of the SDK has found.
 *
 * @param client of `awsAccess`
 * @throws InvalidArgumentError where it has found none, or none that can be one
 */
export async function regionOf(client: { readonly config: { region(): Promise<string> } }): Promise<string> {
  const region = await client.config.region().catch(() => {
    throw new InvalidArgumentError(
      'no AWS region: give --region, set AWS_REGION, or set a region in the AWS profile',
    );
  });
  const oddity = describeInvisible(region);
  if (oddity !== undefined) {
    throw new InvalidArgumentError(`the AWS region ${oddity}`);
  }
  return region;
}
