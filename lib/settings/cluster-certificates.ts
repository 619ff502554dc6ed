/** What the settings take for certificates of data planes and their authorities. */
import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { certificateFields } from '../../core/access/certificate-fields.ts';
import { algorithmOf, keyExpectation } from '../../core/access/key-algorithm.ts';
import { isPendingLookup, isToken, unknownPem } from './unknown-values.ts';

const onePem = /^\s*-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\s*$/;

/** The certificate in a PEM text; undefined where there is none, or more. */
function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return onePem.test(pem) ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @throws RangeError for a text that the settings have not checked
 */
export function readCertificate(pem: string): X509Certificate {
  const certificate = parseCertificate(pem);
  if (certificate === undefined) {
    throw new RangeError('this is no PEM certificate');
  }
  return certificate;
}

const expected =
  'one certificate in PEM form is expected, beginning with -----BEGIN CERTIFICATE-----, each in an entry of its own';

const certificate = v.pipe(
  v.string(expected),
  v.check((pem) => !isToken(pem) || isPendingLookup(pem), unknownPem),
  // The template would contain it, for everybody to read.
  v.check(
    (pem) => !pem.includes('PRIVATE KEY'),
    'it contains a private key, which must stay on the data plane',
  ),
  v.check(
    (pem) => pem.includes('PRIVATE KEY') || isToken(pem) || parseCertificate(pem) !== undefined,
    expected,
  ),
);

/** A data plane's, whose key must be one that assertions are made with. */
export const dataPlaneCertificateSchema = v.pipe(
  certificate,
  v.check((pem) => {
    const parsed = parseCertificate(pem);
    return parsed === undefined || algorithmOf(parsed.publicKey) !== undefined;
  }, `no assertions can be made with the key of this certificate: ${keyExpectation} is expected`),
);

/** The same as in core/access/cluster-trust.ts. */
const leastModulusLength = 2048;

export const authorityCertificateSchema = v.pipe(
  certificate,
  v.check((pem) => {
    const parsed = parseCertificate(pem);
    return parsed === undefined || mayIssue(parsed);
  }, 'this is not the certificate of an authority (basic constraints, key usage): name the authority that issues the data planes’ certificates'),
  // Otherwise the presign function would refuse all its certificates, and nobody would notice before the
  // first outage.
  v.check((pem) => {
    const parsed = parseCertificate(pem);
    return parsed === undefined || !certificateFields(parsed.raw).hasUnknownRule;
  }, 'the authority has a critical extension that Lifeboat does not know, so no certificate that it issues would be trusted: name another authority'),
  v.check((pem) => {
    const parsed = parseCertificate(pem);
    const fields = parsed && certificateFields(parsed.raw);
    return fields === undefined || (fields.mayBeClient && !fields.hasNameConstraints);
  }, 'the authority may not issue for TLS clients (extended key usage), or has name constraints, which Lifeboat does not know, so no certificate that it issues would be trusted: name another authority'),
  v.check((pem) => {
    const { modulusLength = leastModulusLength } =
      parseCertificate(pem)?.publicKey.asymmetricKeyDetails ?? {};
    return modulusLength >= leastModulusLength;
  }, `the authority’s RSA key is too short, so no certificate that it issues would be trusted: at least ${leastModulusLength} bits are expected`),
);

function mayIssue({ raw }: X509Certificate): boolean {
  const fields = certificateFields(raw);
  return fields.isAuthority && fields.mayIssue;
}
