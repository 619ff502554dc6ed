import { X509Certificate } from 'node:crypto';
import { compactVerify, decodeProtectedHeader } from 'jose';
import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import {
  aheadToleranceSeconds,
  assertionLifetimeSeconds,
  assertionType,
  grantPath,
  longestChain,
} from './assertion.ts';
import { AssertionRefused } from './assertion-refused.ts';
import { type ClusterTrust, requireTrusted } from './cluster-trust.ts';
import { algorithmOf, keyExpectation } from './key-algorithm.ts';

/** Who has asked, for the log. */
export interface AssertedCaller {
  readonly commonName: string | undefined;
  /** SHA-256 of its certificate, as openssl prints it. */
  readonly certificateFingerprint: string;
  /** `jti`: twice the same one in the log is a replay. */
  readonly assertionId: string;
}

export interface AssertionVerifierParts {
  readonly controlPlane: string;
  readonly trust: ClusterTrust;
  readonly clock: Clock;
}

const base64 = v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{4,}={0,2}$/));

const headerSchema = v.object({
  alg: v.string(),
  typ: v.string(),
  x5c: v.pipe(
    v.tupleWithRest([base64], base64),
    v.maxLength(longestChain, `the chain has more than ${longestChain} certificates`),
  ),
});

const seconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const claimsSchema = v.object({
  aud: v.string(),
  iat: seconds,
  exp: seconds,
  jti: v.pipe(v.string(), v.nonEmpty(), v.maxLength(128)),
});

type Claims = v.InferOutput<typeof claimsSchema>;

/**
 * Checks assertions of data planes of one control plane.
 *
 * @returns who made it; rejects with AssertionRefused
 */
export function assertionVerifier(
  parts: AssertionVerifierParts,
): (assertion: string) => Promise<AssertedCaller> {
  return async (assertion) => {
    const now = parts.clock.now();
    const { alg, chain } = header(assertion);
    const [leaf] = chain;
    // Trust is checked before the signature, so that no time is spent on a stranger's key.
    const commonName = dataPlaneName(chain, parts.trust, now);
    const claims = await signedClaims(assertion, leaf, alg);
    // A captured assertion must not serve another control plane, nor another purpose that may come.
    if (claims.aud !== grantPath(parts.controlPlane)) {
      throw new AssertionRefused('purpose', 'the assertion was made for another control plane or path');
    }
    requireFresh(claims, now);
    return {
      commonName,
      certificateFingerprint: leaf.fingerprint256,
      assertionId: claims.jti,
    };
  };
}

function header(assertion: string): {
  readonly alg: string;
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
} {
  let given: unknown;
  try {
    given = decodeProtectedHeader(assertion);
  } catch (error) {
    throw new AssertionRefused('malformed', 'it is not a compact JWS', { cause: error });
  }
  const read = v.safeParse(headerSchema, given);
  if (!read.success) {
    throw new AssertionRefused('malformed', `the assertion’s header is wrong (${wrongParts(read.issues)})`);
  }
  const { alg, typ, x5c } = read.output;
  // Something that the key signed for another purpose must not be accepted as an assertion.
  if (typ !== assertionType) {
    throw new AssertionRefused('malformed', `its typ is not ${assertionType}`);
  }
  const [leaf, ...more] = x5c;
  return { alg, chain: [certificate(leaf), ...more.map(certificate)] };
}

function certificate(der: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(der, 'base64'));
  } catch (error) {
    throw new AssertionRefused('malformed', 'x5c has something that is not a certificate', { cause: error });
  }
}

/** Of a certificate that is trusted. */
function dataPlaneName(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  trust: ClusterTrust,
  now: Date,
): string | undefined {
  try {
    return requireTrusted(chain, trust, now);
  } catch (error) {
    if (error instanceof AssertionRefused) {
      throw error;
    }
    // For example, a key of a kind that OpenSSL does not know. A stranger must not be able to make the
    // function fail, because that raises an alarm.
    throw new AssertionRefused('malformed', 'a certificate of the chain cannot be read', { cause: error });
  }
}

async function signedClaims(assertion: string, leaf: X509Certificate, alg: string): Promise<Claims> {
  const algorithm = algorithmOf(leaf.publicKey);
  if (algorithm === undefined) {
    throw new AssertionRefused('signature', `the certificate’s key is not one of these: ${keyExpectation}`);
  }
  // The key fixes the algorithm: `none` has no signature, and HMAC would be checked with the public key (RFC
  // 8725 section 2.1).
  if (alg !== algorithm) {
    throw new AssertionRefused('signature', `the key signs with ${algorithm}, and alg is another one`);
  }
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(assertion, leaf.publicKey, { algorithms: [algorithm] }));
  } catch (error) {
    throw new AssertionRefused('signature', 'the certificate’s key has not signed the assertion', {
      cause: error,
    });
  }
  const claims = v.safeParse(
    v.pipe(v.string(), v.parseJson(), claimsSchema),
    new TextDecoder().decode(payload),
  );
  if (!claims.success) {
    throw new AssertionRefused('malformed', `the claims are wrong (${wrongParts(claims.issues)})`);
  }
  return claims.output;
}

/** Names the places that are wrong, without their values, which a stranger chose. */
function wrongParts(issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): string {
  return [...new Set(issues.map((issue) => v.getDotPath(issue) ?? 'no JSON object'))].slice(0, 5).join(', ');
}

/** A captured assertion must be useless after its time, and none may be made in advance. */
function requireFresh({ iat, exp }: Claims, now: Date): void {
  const ageSeconds = Math.floor(now.getTime() / 1000) - iat;
  if (exp <= iat || exp - iat > assertionLifetimeSeconds) {
    throw new AssertionRefused(
      'time',
      `The assertion lives ${exp - iat} s; it must be more than 0 and at most ${assertionLifetimeSeconds}.`,
    );
  }
  if (ageSeconds > exp - iat) {
    throw new AssertionRefused(
      'time',
      `The assertion was made ${ageSeconds} s ago and was good for ${exp - iat}. If it was sent at once, the data plane’s clock is ${ageSeconds} s behind: set it.`,
    );
  }
  if (-ageSeconds > aheadToleranceSeconds) {
    throw new AssertionRefused(
      'time',
      `The assertion was made ${-ageSeconds} s in the future: the data plane’s clock is that far ahead. Set it.`,
    );
  }
}
