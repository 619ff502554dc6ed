/** Where event hooks go, and what signs them. */
import { InvalidArgumentError } from 'commander';
import { describeCallFailure } from '../../core/aws-calls.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { urlBelow } from '../../core/fetch/endpoint-url.ts';
import type { Network } from '../../core/fetch/network.ts';
import { hookSecretForms } from '../../core/intake/hook-secret-forms.ts';
import { type AwsAccess, awsAccess } from '../aws-access.ts';
import { findControlPlane, findDeployment } from '../deployment.ts';
import { vaultNetwork } from '../vault-network.ts';
import { type HookOptions, hookSecretVariable } from './options.ts';

export interface Webhook {
  readonly controlPlane: string;
  readonly url: URL;
  readonly network: Network;
  /** @throws InvalidArgumentError where there is none that signs; ApiError where it cannot be had */
  readSecret(): Promise<string>;
}

/**
 * Finds the webhook of a control plane. With `--endpoint` nothing is asked of AWS.
 *
 * @throws as `findDeployment` and `findControlPlane`
 */
export async function findWebhook(options: HookOptions): Promise<Webhook> {
  const given = process.env[hookSecretVariable];
  if (options.endpoint !== undefined) {
    const controlPlane = options.controlPlane ?? '';
    return {
      controlPlane,
      url: urlBelow(options.endpoint, `/control-planes/${controlPlane}/events`),
      network: await vaultNetwork(options.caFile),
      async readSecret() {
        if (given === undefined) {
          throw new InvalidArgumentError(
            `with --endpoint the secret is not found out: put it into ${hookSecretVariable}, name its file in ${hookSecretVariable}_FILE, or give --stack`,
          );
        }
        return chooseKey(given, hookSecretVariable);
      },
    };
  }
  const access = await awsAccess(options);
  const deployment = await findDeployment(options, access);
  const { name, webhookUrl, hookSecretArn } = findControlPlane(deployment, options.controlPlane);
  if (webhookUrl === undefined || hookSecretArn === undefined) {
    throw new InvalidArgumentError(
      `stack "${deployment.stackName}" takes no event hooks of "${name}": it is a replica’s. Name the stack of the vault`,
    );
  }
  return {
    controlPlane: name,
    url: new URL(webhookUrl),
    network: access.network,
    readSecret: async () =>
      given === undefined
        ? chooseKey(await fetchSecret(hookSecretArn, deployment.region, access), `secret ${hookSecretArn}`)
        : chooseKey(given, hookSecretVariable),
  };
}

/** The webhook takes what is stored in several forms; Kong is given the one that was meant. */
function chooseKey(stored: string | Uint8Array, source: string): string {
  const { keys, oddity } = hookSecretForms(stored);
  const key = keys.findLast((each) => typeof each === 'string');
  if (typeof key !== 'string') {
    throw new InvalidArgumentError(
      `${source} cannot sign hooks: it is ${oddity ?? 'no text'}. Put a text there (docs/runbook.md, "Rotating the hook secret")`,
    );
  }
  return key;
}

async function fetchSecret(
  secretArn: string,
  region: string,
  { sdk }: AwsAccess,
): Promise<string | Uint8Array> {
  const { SecretsManagerClient, GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  try {
    const client = new SecretsManagerClient({ ...sdk, region });
    const { SecretString, SecretBinary } = await client.send(
      new GetSecretValueCommand({ SecretId: secretArn }),
    );
    return SecretString ?? SecretBinary ?? '';
  } catch (error) {
    // Without the cause: a broken answer's own error may quote the value.
    const isDenied = error instanceof Error && error.name === 'AccessDeniedException';
    throw new ApiError(
      isDenied ? 'denied' : 'failed',
      `Secrets Manager did not give secret ${secretArn} (${describeCallFailure(error)}). ` +
        `The role needs secretsmanager:GetSecretValue on it, and kms:Decrypt with its key; or put the value into ${hookSecretVariable}`,
    );
  }
}
