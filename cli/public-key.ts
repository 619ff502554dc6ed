import { Command, InvalidArgumentError, Option } from 'commander';
import { type AwsAccess, type AwsOptions, addAwsOptions, awsAccess, regionOf } from './aws-access.ts';
import type { StackOptions } from './deployment.ts';
import { print } from './print.ts';
import { addStackOrKeyOption } from './stack-option.ts';

interface PublicKeyOptions extends AwsOptions {
  /** Undefined where the stack says it. */
  readonly keyId?: string;
  readonly stack?: string;
  readonly format: 'pem' | 'jwk';
  readonly json?: true;
}

/** `lifeboat public-key`: prints what data planes pin. */
export function publicKeyCommand(): Command {
  const command = new Command('public-key')
    .description('Print the public half of the signing key, which data planes verify files with.')
    .requiredOption('--key-id <id>', 'KMS key id, ARN or alias of the signing key, see the stack’s outputs');
  return addAwsOptions(addStackOrKeyOption(command))
    .addOption(new Option('--format <format>', 'what to print').choices(['pem', 'jwk']).default('pem'))
    .option('--json', 'print {"keyId", "pem", "jwk"}')
    .action(printPublicKey);
}

async function printPublicKey({ keyId, format, json, ...options }: PublicKeyOptions): Promise<void> {
  // No other command needs KMS, and standby starts on every node.
  const [{ KMSClient }, { kmsSigner }] = await Promise.all([
    import('@aws-sdk/client-kms'),
    import('../core/vault/kms-signer.ts'),
  ]);
  const access = await awsAccess(options);
  const signing = keyId === undefined ? await findSigningKey(options, access) : { keyId };
  const kms = new KMSClient({ ...access.sdk, ...('region' in signing ? { region: signing.region } : {}) });
  await regionOf(kms);
  const { keyId: thumbprint, key } = await kmsSigner(kms, signing.keyId).verificationKey();
  const pem = key.export({ format: 'pem', type: 'spki' }).toString();
  const jwk = { ...key.export({ format: 'jwk' }), kid: thumbprint, alg: 'ES256', use: 'sig' };
  if (json === true) {
    await print(`${JSON.stringify({ keyId: thumbprint, pem, jwk })}\n`);
    return;
  }
  await print(format === 'pem' ? pem : `${JSON.stringify(jwk)}\n`);
}

async function findSigningKey(options: StackOptions, access: AwsAccess) {
  const { findDeployment } = await import('./deployment.ts');
  const { signingKeyArn, stackName, region } = await findDeployment(options, access);
  if (signingKeyArn === undefined) {
    throw new InvalidArgumentError(
      `stack "${stackName}" signs nothing: it is a replica’s. Name the stack of the vault`,
    );
  }
  return { keyId: signingKeyArn, region };
}
