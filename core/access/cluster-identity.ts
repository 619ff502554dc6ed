import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { SignJWT } from 'jose';
import type { RandomSource } from '../random-source.ts';
import { assertionLifetimeSeconds, assertionType, grantPath, longestChain } from './assertion.ts';
import { algorithmOf, type KeyAlgorithm, keyExpectation } from './key-algorithm.ts';

/** What a data plane proves itself with: its cluster certificate and key. */
export interface ClusterIdentity {
  /** The certificate, and those that lead from it to an authority, each as base64 of its DER. */
  readonly chain: readonly string[];
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
}

/** Certificate and key are not what assertions are made with. */
export class UnusableClusterCertificate extends Error {
  override readonly name = 'UnusableClusterCertificate';
}

/**
 * @param certificates one or more certificates as PEM, the data plane's first
 * @param key its private key as PEM, without a passphrase
 * @throws UnusableClusterCertificate
 */
export function clusterIdentity(certificates: string, key: string): ClusterIdentity {
  const [leaf, ...more] = pemCertificates(certificates).map(certificate);
  if (leaf === undefined) {
    throw new UnusableClusterCertificate('there is no PEM certificate (-----BEGIN CERTIFICATE-----)');
  }
  if (1 + more.length > longestChain) {
    throw new UnusableClusterCertificate(
      `there are ${1 + more.length} certificates, and at most ${longestChain} are taken: leave out what does not lead from the data plane’s to its authority`,
    );
  }
  const privateKey = keyOf(key);
  const algorithm = algorithmOf(privateKey);
  if (algorithm === undefined) {
    throw new UnusableClusterCertificate(`the key is of another kind: ${keyExpectation} is expected`);
  }
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new UnusableClusterCertificate('the key is not that of the first certificate');
  }
  return {
    chain: [leaf, ...more].map(({ raw }) => raw.toString('base64')),
    key: privateKey,
    algorithm,
  };
}

/** Each certificate of a PEM text. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

function certificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new UnusableClusterCertificate('there is a PEM certificate that cannot be read', { cause: error });
  }
}

function keyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new UnusableClusterCertificate(
      'there is no PEM private key that can be read without a passphrase',
      {
        cause: error,
      },
    );
  }
}

/** Signs an assertion, good for a minute, that a data plane of this control plane asks for its file. */
export function signAssertion(
  identity: ClusterIdentity,
  controlPlane: string,
  now: Date,
  random: RandomSource,
): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / 1000);
  return new SignJWT({ jti: random.uuid() })
    .setProtectedHeader({ alg: identity.algorithm, typ: assertionType, x5c: [...identity.chain] })
    .setAudience(grantPath(controlPlane))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + assertionLifetimeSeconds)
    .sign(identity.key);
}
