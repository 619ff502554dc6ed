import { X509Certificate } from 'node:crypto';

/** When a certificate is valid. */
export interface CertificateValidity {
  readonly from: Date;
  readonly to: Date;
}

/** @param pem one or more certificates, of which the first counts */
export function readValidity(pem: string): CertificateValidity {
  const { validFrom, validTo } = new X509Certificate(pem);
  return { from: new Date(validFrom), to: new Date(validTo) };
}

/**
 * Says that a cluster certificate is not valid now: where a connection failed, that is why. Neither side
 * takes such a certificate, in shared mode because it is the control plane's as well.
 *
 * @returns undefined for one that is valid, and for what is no certificate
 */
export function describeInvalidity(pem: string, now: Date): string | undefined {
  let validity: CertificateValidity;
  try {
    validity = readValidity(pem);
  } catch {
    // Who connected with it has said so.
    return undefined;
  }
  if (now > validity.to) {
    return `the cluster certificate ended on ${validity.to.toISOString()}: put a new one into its secret`;
  }
  return now < validity.from
    ? `the cluster certificate begins on ${validity.from.toISOString()}: check it in its secret`
    : undefined;
}
