import type { KeyObject } from 'node:crypto';

/** What a cluster certificate's key signs with. */
export type KeyAlgorithm = 'ES256' | 'ES384' | 'RS256';

export const keyExpectation = 'an EC key on P-256 or P-384, or an RSA key of 2048 to 8192 bits';

/**
 * The one algorithm (RFC 7518 section 3.1) that a key is used with: the sender of a signature must not choose
 * how it is checked.
 *
 * @param key public or private
 * @returns undefined for keys that are not used here
 */
export function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      return namedCurve === 'prime256v1' ? 'ES256' : namedCurve === 'secp384r1' ? 'ES384' : undefined;
    case 'rsa':
      // RFC 7518 section 3.3 has the lower bound; above the upper one a check takes milliseconds.
      return modulusLength >= 2048 && modulusLength <= 8192 ? 'RS256' : undefined;
    default:
      return undefined;
  }
}
