import { generateKeyPairSync, sign } from 'node:crypto';
import { type Signer, type VerificationKey, verificationKey } from '../../../core/vault/signer.ts';

export interface LocalSigner extends Signer {
  readonly publicKey: VerificationKey;
  /** Signs a message in the form of JWS, whatever it is. */
  signNow(message: Uint8Array): Buffer;
}

/** A signer whose P-256 key lives in this process. */
export async function localSigner(): Promise<LocalSigner> {
  const { publicKey: spki, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = await verificationKey(spki.export({ format: 'der', type: 'spki' }));
  const signNow = (message: Uint8Array) =>
    sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const signer: LocalSigner = {
    publicKey,
    signNow,
    verificationKey: async () => publicKey,
    sign: async (message) => signNow(message),
    within: () => signer,
  };
  return signer;
}
