import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type VerificationKey, verificationKey } from '../../core/vault/signer.ts';

/** A signing key, with both halves. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly verification: VerificationKey;
}

/** Made once for all histories of a process: which key it is never shows in a history. */
export async function makeSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey,
    verification: await verificationKey(publicKey.export({ format: 'der', type: 'spki' })),
  };
}
