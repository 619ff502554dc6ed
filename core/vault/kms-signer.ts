import { createHash } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { toJoseSignature } from './der-signature.ts';
import { VaultError } from './errors.ts';
import { type Signer, type VerificationKey, verificationKey } from './signer.ts';

/** Signs with a key in KMS (ECC_NIST_P256); the public half is read once. */
export function kmsSigner(kms: KMSClient, keyArn: string): Signer {
  let known: Promise<VerificationKey> | undefined;
  return {
    verificationKey() {
      known ??= fetchPublicKey(kms, keyArn).catch((error: unknown) => {
        // The next export tries again.
        known = undefined;
        throw error;
      });
      return known;
    },
    async sign(message) {
      const digest = createHash('sha256').update(message).digest();
      const { Signature } = await callKms(keyArn, 'Sign', () =>
        kms.send(
          new SignCommand({
            KeyId: keyArn,
            Message: digest,
            MessageType: 'DIGEST',
            SigningAlgorithm: 'ECDSA_SHA_256',
          }),
        ),
      );
      if (Signature === undefined) {
        throw new VaultError('unavailable', `KMS answered kms:Sign with ${keyArn} without a signature`);
      }
      return toJoseSignature(Signature);
    },
  };
}

async function fetchPublicKey(kms: KMSClient, keyArn: string): Promise<VerificationKey> {
  const { PublicKey } = await callKms(keyArn, 'GetPublicKey', () =>
    kms.send(new GetPublicKeyCommand({ KeyId: keyArn })),
  );
  return verificationKey(PublicKey ?? new Uint8Array());
}

async function callKms<Answer>(keyArn: string, action: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    const [name, why] =
      error instanceof Error ? [error.name, `${error.name}: ${error.message}`] : ['', String(error)];
    throw new VaultError(
      name.startsWith('AccessDenied') ? 'denied' : 'unavailable',
      `KMS refused kms:${action} with ${keyArn} (${why}). Check that the key is enabled and that its policy allows this role`,
      { cause: error },
    );
  }
}
