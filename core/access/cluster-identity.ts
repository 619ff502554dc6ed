import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { RandomSource } from '../random-source.ts';
import { assertionLifetimeSeconds, assertionType, grantPath, longestChain } from './assertion.ts';
import { readCertificateWithKey, UnusableClusterCertificate } from './certificate-with-key.ts';
import { algorithmOf, type KeyAlgorithm, keyExpectation } from './key-algorithm.ts';

/** What a data plane proves itself with: its cluster certificate and key. */
export interface ClusterIdentity {
  /** The certificate, and those that lead from it to an authority, each as base64 of its DER. */
  readonly chain: readonly string[];
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
}

/**
 * @param certificates one or more certificates as PEM, the data plane's among them
 * @param key its private key as PEM, without a passphrase
 * @throws UnusableClusterCertificate
 */
export function clusterIdentity(certificates: string, key: string): ClusterIdentity {
  const { chain, key: privateKey } = readCertificateWithKey(certificates, key);
  if (chain.length > longestChain) {
    throw new UnusableClusterCertificate(
      `there are ${chain.length} certificates, and at most ${longestChain} are taken: leave out what does not lead from the data plane’s to its authority`,
    );
  }
  const algorithm = algorithmOf(privateKey);
  if (algorithm === undefined) {
    throw new UnusableClusterCertificate(`the key is of another kind: ${keyExpectation} is expected`);
  }
  return { chain: chain.map(({ raw }) => raw.toString('base64')), key: privateKey, algorithm };
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
