/**
 * Cluster certificates for tests (ECDSA P-256), like those of `kong hybrid gen_cert` or of a company's CA.
 */
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { ClusterCertificate } from '../../../core/kong/cluster-connection.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** As `kong hybrid gen_cert` has it by default. */
const lifetimeMilliseconds = 1095 * 24 * 3600 * 1000;

/** What both sides of a cluster connection use. In shared mode the two are the same certificate. */
export interface ClusterCertificates {
  readonly controlPlane: ClusterCertificate;
  readonly dataPlane: ClusterCertificate;
}

async function keyPair(): Promise<{ readonly keys: webcrypto.CryptoKeyPair; readonly pem: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { keys, pem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n` };
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  // An hour back: the clocks of two machines rarely agree on the second.
  const notBefore = new Date(Date.now() - 3600 * 1000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + lifetimeMilliseconds) };
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** A self-signed certificate with CN=kong_clustering for `cluster_mtls=shared`. */
export async function sharedCertificate(): Promise<ClusterCertificate> {
  const { keys, pem: key } = await keyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=kong_clustering',
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
  });
  return { certificate: pem(certificate), key };
}

/**
 * A CA, and certificates of it for a control plane and a data plane, for `cluster_mtls=pki`.
 * @param controlPlaneHost DNS name or IP address by which data planes know the control plane
 */
export async function pkiCertificates(options: {
  readonly controlPlaneHost: string;
  /** What the control plane's certificate is for. @default to be a server */
  readonly controlPlaneUsage?: 'serverAuth' | 'clientAuth';
}): Promise<ClusterCertificates> {
  const authority = await keyPair();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Simulated Cluster CA',
    keys: authority.keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });

  const issue = async (
    commonName: string,
    usage: x509.ExtendedKeyUsage,
    alternativeNames: readonly string[] = [],
  ): Promise<ClusterCertificate> => {
    const { keys, pem: key } = await keyPair();
    const names = alternativeNames.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }) as const);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${commonName}`,
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      signingAlgorithm: algorithm,
      ...validity(),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return { certificate: pem(certificate), key, ca: pem(ca) };
  };

  return {
    controlPlane: await issue(
      options.controlPlaneHost,
      x509.ExtendedKeyUsage[options.controlPlaneUsage ?? 'serverAuth'],
      [options.controlPlaneHost],
    ),
    dataPlane: await issue('data-plane', x509.ExtendedKeyUsage.clientAuth),
  };
}
