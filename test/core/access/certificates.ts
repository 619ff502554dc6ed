/** Certificates as tests need them: good ones, and ones that no authority should make. */
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { KeyObject, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type ClusterIdentity, clusterIdentity } from '../../../core/access/cluster-identity.ts';

/** When all that is not said otherwise is valid. */
export const now = new Date('2026-11-23T04:00:00Z');
const dayMs = 24 * 3600 * 1000;

const algorithms = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'P-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'P-521': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  'RSA-2048': rsa(2048, 'SHA-256'),
  'RSA-1024': rsa(1024, 'SHA-256'),
  'RSA-2048, SHA-1': rsa(2048, 'SHA-1'),
} as const;

function rsa(modulusLength: number, hash: string) {
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash };
}

export interface Issued {
  readonly certificate: X509Certificate;
  readonly pem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly algorithm: (typeof algorithms)[keyof typeof algorithms];
}

export interface CertificateOptions {
  readonly commonName?: string | readonly string[];
  readonly keyType?: keyof typeof algorithms;
  /** @default new ones */
  readonly keys?: webcrypto.CryptoKeyPair;
  /** @default itself */
  readonly issuer?: Issued;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extensions?: readonly x509.Extension[];
}

export const { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, Extension } = x509;
export const { KeyUsageFlags, KeyUsagesExtension } = x509;

export const authorityExtensions = (pathLength?: number) => [
  new BasicConstraintsExtension(true, pathLength, true),
  new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
];

export const dataPlaneExtensions = [
  new BasicConstraintsExtension(false, undefined, true),
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
];

export async function issue(options: CertificateOptions = {}): Promise<Issued> {
  const { commonName = 'kong_clustering', keyType = 'P-256', issuer } = options;
  const algorithm = algorithms[keyType];
  const subject = new x509.Name([commonName].flat().map((name) => ({ CN: [name] })));
  const keys =
    options.keys ??
    ((await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair);
  const made = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer === undefined ? subject : new x509.X509Certificate(issuer.certificate.raw).subjectName,
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: issuer?.algorithm ?? algorithm,
    notBefore: options.notBefore ?? new Date(now.getTime() - dayMs),
    notAfter: options.notAfter ?? new Date(now.getTime() + dayMs),
    extensions: [...(options.extensions ?? [])],
  } as x509.X509CertificateCreateParams);
  const key = KeyObject.from(keys.privateKey);
  return {
    certificate: new X509Certificate(Buffer.from(made.rawData)),
    pem: `${made.toString('pem')}\n`,
    keyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    key,
    keys,
    algorithm,
  };
}

/** What signs assertions: a certificate, and those that follow it in the chain. */
export function identityOf(leaf: Issued, ...more: readonly Issued[]): ClusterIdentity {
  return clusterIdentity([leaf, ...more].map(({ pem }) => pem).join(''), leaf.keyPem);
}
