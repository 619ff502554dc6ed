import { Command, InvalidArgumentError, Option } from 'commander';
import { awsCredentials, sdkSettings } from './credentials.ts';
import { caFileOption } from './options.ts';
import { print } from './print.ts';
import { vaultNetwork } from './vault-network.ts';
import { describeInvisible } from './visible-text.ts';

interface PublicKeyOptions {
  readonly keyId: string;
  readonly format: 'pem' | 'jwk';
  readonly caFile?: string;
  readonly json?: true;
}

/** `lifeboat public-key`: prints what data planes pin. */
export function publicKeyCommand(): Command {
  return new Command('public-key')
    .description('Print the public half of the signing key, which data planes verify files with.')
    .requiredOption('--key-id <id>', 'KMS key id, ARN or alias of the signing key, see the stack’s outputs')
    .addOption(new Option('--format <format>', 'what to print').choices(['pem', 'jwk']).default('pem'))
    .addOption(caFileOption())
    .option('--json', 'print {"keyId", "pem", "jwk"}')
    .action(printPublicKey);
}

async function printPublicKey({ keyId, format, caFile, json }: PublicKeyOptions): Promise<void> {
  // No other command needs KMS, and standby starts on every node.
  const [{ KMSClient }, { kmsSigner }] = await Promise.all([
    import('@aws-sdk/client-kms'),
    import('../core/vault/kms-signer.ts'),
  ]);
  const network = await vaultNetwork(caFile);
  const kms = new KMSClient({ ...sdkSettings(network), credentials: await awsCredentials(network) });
  const region = await kms.config.region().catch(() => {
    throw new InvalidArgumentError('no AWS region: set AWS_REGION, or a region in the AWS profile');
  });
  const oddity = describeInvisible(region);
  if (oddity !== undefined) {
    throw new InvalidArgumentError(`the AWS region ${oddity}`);
  }
  const { keyId: thumbprint, key } = await kmsSigner(kms, keyId).verificationKey();
  const pem = key.export({ format: 'pem', type: 'spki' }).toString();
  const jwk = { ...key.export({ format: 'jwk' }), kid: thumbprint, alg: 'ES256', use: 'sig' };
  if (json === true) {
    await print(`${JSON.stringify({ keyId: thumbprint, pem, jwk })}\n`);
    return;
  }
  await print(format === 'pem' ? pem : `${JSON.stringify(jwk)}\n`);
}
