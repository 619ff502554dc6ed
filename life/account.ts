/** Where a life is played: an account of AWS, or an emulator that resembles one. */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Gap, RegionalClients } from './emulator/gaps.ts';

export interface Account {
  readonly id: string;
  /** Where the vault is, and where its replica is. */
  readonly regions: { readonly first: string; readonly second: string };
  /** What programs find it by: credentials, region, endpoint. */
  readonly environment: Readonly<Record<string, string>>;
  /** @default it is AWS */
  readonly emulator?: EmulatedAccount | undefined;
  readonly clients: AccountClients;
}

export interface EmulatedAccount {
  readonly url: string;
  /** What it is and which version. */
  readonly name: string;
  readonly gaps: readonly Gap[];
}

export interface AccountClients {
  readonly cloudFormation: CloudFormationClient;
  readonly kms: KMSClient;
  readonly s3: S3Client;
  readonly secretsManager: SecretsManagerClient;
}

/** Clients of a region by the variables that AWS SDKs read. */
export function clientsOf(environment: Readonly<Record<string, string>>, region: string): AccountClients {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId = '',
    AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
    AWS_SESSION_TOKEN: sessionToken,
    AWS_ENDPOINT_URL: endpoint,
  } = environment;
  const common = {
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  return {
    cloudFormation: new CloudFormationClient(common),
    kms: new KMSClient(common),
    // An emulator has no name for each bucket.
    s3: new S3Client({ ...common, forcePathStyle: endpoint !== undefined }),
    secretsManager: new SecretsManagerClient(common),
  };
}

/** The account of an emulator, in which nobody checks who somebody is. */
export function emulatedEnvironment(url: string, region: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** CloudFormation of both regions of an emulator. */
export function cloudFormationsOf(
  environment: Readonly<Record<string, string>>,
  { first, second }: Account['regions'],
): RegionalClients {
  return {
    first: clientsOf(environment, first).cloudFormation,
    second: clientsOf(environment, second).cloudFormation,
  };
}
