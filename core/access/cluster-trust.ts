import { createHash, type X509Certificate } from 'node:crypto';
import { AssertionRefused } from './assertion-refused.ts';
import { certificateFields } from './certificate-fields.ts';

/** Which cluster certificates are accepted as those of data planes. */
export interface ClusterTrust {
  /**
   * SHA-256 of certificates in DER, base64url: `cluster_mtls=shared`, where there is one, and two while it is
   * replaced.
   */
  readonly certificates: readonly string[];
  /** Authorities whose certificates are accepted: `cluster_mtls=pki`. */
  readonly authorities: readonly X509Certificate[];
  /** Common names that a certificate of the authorities must have one of; empty for any. */
  readonly commonNames: readonly string[];
}

/** Name of a certificate in a list of those that are trusted. */
export function certificateFingerprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url');
}

/**
 * Makes sure that a certificate is a data plane's.
 *
 * @returns its common name, if it has one
 * @param chain the data plane's certificate, and those that lead from it to an authority, in that order
 * @throws AssertionRefused `untrusted`
 */
export function requireTrusted(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  trust: ClusterTrust,
  now: Date,
): string | undefined {
  const [leaf] = chain;
  // In shared mode Kong itself compares only the certificate (kong/clustering/tls.lua). A listed certificate
  // is trusted until it is taken off the list; its dates are not checked.
  if (trust.certificates.includes(certificateFingerprint(leaf))) {
    return commonNameOf(leaf);
  }
  if (trust.authorities.length === 0) {
    throw untrusted('it is not one of the listed certificates');
  }
  requireIssued(chain, trust.authorities, now);
  requireDataPlane(leaf, trust.commonNames);
  return commonNameOf(leaf);
}

/**
 * Checks from the top, so that no key is used before it is trusted: a stranger's key might be made to take
 * long.
 */
function requireIssued(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: Date,
): void {
  const top = chain
    .map((certificate, height) => ({
      height,
      authority: authorities.find((each) => isIssuedBy(certificate, each)),
    }))
    .find(({ authority }) => authority !== undefined);
  if (top?.authority === undefined) {
    throw untrusted('no certificate of its chain was issued by one of the authorities');
  }
  // Certificates above the authority prove nothing more and are not checked: most chains include their root.
  const path = [...chain.slice(0, top.height + 1), top.authority];
  for (let height = path.length - 1; height >= 0; height -= 1) {
    const [certificate, issuer] = [path[height], path[height + 1]];
    if (certificate === undefined) {
      break;
    }
    // Each link is checked: otherwise a chain with one forged certificate would be accepted.
    if (issuer !== undefined && issuer !== top.authority && !isIssuedBy(certificate, issuer)) {
      throw untrusted(`certificate ${height + 1} of its chain was not issued by the next one`);
    }
    requireInForce(certificate, height, now);
    if (height > 0) {
      requireIssuer(certificate, height);
    }
    // With a hash that collides, a signature can be forged. The authority itself is trusted by its bytes.
    if (issuer !== undefined && !certificateFields(certificate.raw).isSafelySigned) {
      throw untrusted(`certificate ${height + 1} of its chain is signed with an algorithm that is not safe`);
    }
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  // By names and key identifiers first, which costs nothing.
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** An expired certificate may have been stolen: authorities take it off their revocation lists. */
function requireInForce({ validFrom, validTo }: X509Certificate, height: number, now: Date): void {
  const nowMs = now.getTime();
  if (nowMs < Date.parse(validFrom)) {
    throw untrusted(`certificate ${height + 1} of its chain is not valid before ${validFrom}`);
  }
  if (nowMs > Date.parse(validTo)) {
    throw untrusted(`certificate ${height + 1} of its chain has expired on ${validTo}`);
  }
}

/**
 * A server's or client's certificate must not issue others, or its holder could make data planes (RFC 5280
 * section 6.1.4).
 */
function requireIssuer(certificate: X509Certificate, height: number): void {
  const fields = certificateFields(certificate.raw);
  const { modulusLength } = certificate.publicKey.asymmetricKeyDetails ?? {};
  const name = `certificate ${height + 1} of its chain`;
  if (!fields.isAuthority || !fields.mayIssue) {
    throw untrusted(`${name} is not an authority’s (basic constraints, key usage)`);
  }
  // An authority for data planes only must not found other authorities.
  if (fields.pathLength !== undefined && fields.pathLength < height - 1) {
    throw untrusted(`${name} allows ${fields.pathLength} authorities below it, and there are ${height - 1}`);
  }
  // An authority for web servers must not make data planes (section 4.2.1.12, as OpenSSL and Kong have it:
  // each certificate of the chain must allow the use).
  if (!fields.mayBeClient) {
    throw untrusted(`${name} may not issue for TLS clients (extended key usage)`);
  }
  // Names are not compared with them here, so that no name may be taken for an allowed one.
  if (fields.hasNameConstraints) {
    throw untrusted(`${name} has name constraints, which are not understood here`);
  }
  // A critical rule that is not implemented here must not be ignored (section 4.2).
  if (fields.hasUnknownRule) {
    throw untrusted(`${name} has a critical extension that is not understood here`);
  }
  // Private keys of shorter RSA keys can be computed from the public ones.
  if (modulusLength !== undefined && modulusLength < 2048) {
    throw untrusted(`${name} has an RSA key of ${modulusLength} bits`);
  }
}

function requireDataPlane(leaf: X509Certificate, commonNames: readonly string[]): void {
  const fields = certificateFields(leaf.raw);
  // A company's authority also issues for web servers. Kong requires this use of data planes (Kong
  // documentation, "PKI mode").
  if (!fields.mayBeClient || !fields.maySign) {
    throw untrusted('it is not for TLS clients (extended key usage, key usage)');
  }
  if (fields.hasUnknownRule) {
    throw untrusted('it has a critical extension that is not understood here');
  }
  const name = commonNameOf(leaf);
  // Other clients of the same authority are not data planes of this control plane.
  if (commonNames.length > 0 && (name === undefined || !commonNames.includes(name))) {
    throw untrusted('its common name is not one of those that are allowed');
  }
}

/**
 * The common name of a certificate; undefined where it has none, or several.
 */
function commonNameOf(certificate: X509Certificate): string | undefined {
  const { commonNames } = certificateFields(certificate.raw);
  return commonNames.length === 1 ? (commonNames[0] ?? undefined) : undefined;
}

function untrusted(why: string): AssertionRefused {
  return new AssertionRefused('untrusted', `the cluster certificate is not trusted: ${why}`);
}
