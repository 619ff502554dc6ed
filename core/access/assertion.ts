/**
 * How a data plane without AWS credentials says who it is: a JWT (RFC 7519) that the key of its cluster
 * certificate signs, with the certificate and its chain in the header (`x5c`, RFC 7515 section 4.1.6).
 */

/** `typ` of an assertion: a JWT that the key signs for anything else is none (RFC 8725 section 3.11). */
export const assertionType = 'lifeboat-grant+jwt';

/** How long an assertion is good, at most. Seconds. */
export const assertionLifetimeSeconds = 60;

/** By how much a data plane's clock may be ahead. Machines that keep time are within a second. */
export const aheadToleranceSeconds = 10;

/**
 * A data plane's certificate, two intermediate certificates and a root. Longer chains are not used in
 * practice, and each certificate costs a check.
 */
export const longestChain = 4;

/** Largest body: the longest chain, of RSA keys of 4096 bits, is 16 kB. */
export const maxAssertionBodyBytes = 32 * 1024;

/**
 * The path of a control plane's grants, below the API's base URL. An assertion's `aud`: control plane and
 * purpose.
 */
export function grantPath(controlPlane: string): string {
  return `/control-planes/${controlPlane}/fallback-config`;
}
