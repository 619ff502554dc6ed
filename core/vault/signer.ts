import { createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { VaultError } from './errors.ts';

/** A public key that manifests are checked with. */
export interface VerificationKey {
  /** RFC 7638 thumbprint. */
  readonly keyId: string;
  readonly key: KeyObject;
}

/** Holds the private half of the signing key. */
export interface Signer {
  verificationKey(): Promise<VerificationKey>;
  /** @returns an ES256 signature in the form of JWS: r‖s, 64 bytes (RFC 7518 section 3.4) */
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** The same signer, each of whose calls ends with this signal, and with no other. */
  within(signal: AbortSignal): Signer;
}

/**
 * @param key a public key as PEM, or as DER in the form SubjectPublicKeyInfo
 * @throws VaultError `manifest` when it is no public key on the curve P-256
 */
export async function verificationKey(key: string | Uint8Array): Promise<VerificationKey> {
  let publicKey: KeyObject;
  try {
    publicKey =
      typeof key === 'string'
        ? createPublicKey(key)
        : createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' });
  } catch (error) {
    throw new VaultError('manifest', 'the signing key’s public half is not a public key in PEM or DER form', {
      cause: error,
    });
  }
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new VaultError(
      'manifest',
      'the signing key is not on the curve P-256: Lifeboat signs with ES256 only',
    );
  }
  return { keyId: await calculateJwkThumbprint(publicKey.export({ format: 'jwk' })), key: publicKey };
}
