import { createHash } from 'node:crypto';
import { isNativeError } from 'node:util/types';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { callsWithin, describeCallFailure } from '../aws-calls.ts';
import { toJoseSignature } from './der-signature.ts';
import { VaultError } from './errors.ts';
import { type Signer, type VerificationKey, verificationKey } from './signer.ts';

/** Signs with a key in KMS (ECC_NIST_P256); the public half is read once. */
export function kmsSigner(kms: Pick<KMSClient, 'send'>, keyArn: string): Signer {
  return signerWithin({ kms, keyArn, known: undefined }, undefined);
}

interface KmsKey {
  readonly kms: Pick<KMSClient, 'send'>;
  readonly keyArn: string;
  known: Promise<VerificationKey> | undefined;
}

function signerWithin(shared: KmsKey, signal: AbortSignal | undefined): Signer {
  const { keyArn } = shared;
  const kms = callsWithin(shared.kms, signal);
  return {
    within: (other) => signerWithin(shared, other),
    verificationKey() {
      shared.known ??= fetchPublicKey(kms, keyArn).catch((error: unknown) => {
        // The next export tries again.
        shared.known = undefined;
        throw error;
      });
      return shared.known;
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

async function fetchPublicKey(kms: KmsKey['kms'], keyArn: string): Promise<VerificationKey> {
  const { PublicKey } = await callKms(keyArn, 'GetPublicKey', () =>
    kms.send(new GetPublicKeyCommand({ KeyId: keyArn })),
  );
  return verificationKey(PublicKey ?? new Uint8Array());
}

/** Of the credentials or their role (AWS KMS API Reference, "Common Errors"). */
const refusals =
  /^(AccessDenied|UnrecognizedClient|InvalidSignature|IncompleteSignature|ExpiredToken|InvalidClientTokenId|MissingAuthenticationToken|NotAuthorized)/;

async function callKms<Answer>(keyArn: string, action: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    const isDenied = isNativeError(error) && refusals.test(error.name);
    throw new VaultError(
      isDenied ? 'denied' : 'unavailable',
      `KMS gave nothing for kms:${action} with ${keyArn} (${describeCallFailure(error)}). Check that the key is enabled, that its policy ` +
        'allows this role, and that the way to KMS is open',
      { cause: error },
    );
  }
}
