import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { type S3ConfigVaultOptions, s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import { verificationKey } from '../core/vault/signer.ts';
import { fileCalls, shortCalls } from './call-limits.ts';
import { unpackPublicKey } from './environment/public-keys.ts';
import type { VaultEnvironment } from './environment/vault.ts';

/** Connects a function to its control plane's files, and to the keys that their manifests are signed with. */
export async function connectVault(environment: VaultEnvironment, lock?: S3ConfigVaultOptions['lock']) {
  const kms = new KMSClient(shortCalls);
  return {
    vault: s3ConfigVault({
      s3: new S3Client({
        ...fileCalls,
        // Checksums are ours: of what we send, and what we read is compared with what is signed.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      }),
      bucket: environment.BUCKET,
      encryptionKeyArn: environment.ENCRYPTION_KEY_ARN,
      lock,
    }),
    signer: kmsSigner(kms, environment.SIGNING_KEY_ARN),
    furtherKeys: environment.FURTHER_SIGNING_KEY_ARNS.map((keyArn) => kmsSigner(kms, keyArn)),
    retiredKeys: await Promise.all(
      environment.RETIRED_SIGNING_KEYS.map((packed) => verificationKey(unpackPublicKey(packed))),
    ),
  };
}
