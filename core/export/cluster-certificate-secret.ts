import * as v from 'valibot';
import {
  type CertificateWithKey,
  describePemOddity,
  readCertificates,
  readCertificateWithKey,
  UnusableClusterCertificate,
} from '../access/certificate-with-key.ts';
import type { ClusterCertificate } from '../kong/cluster-connection.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import type { ReportOddity } from '../secret-oddity.ts';
import { readJsonSecret, type SecretSource, UnusableSecret } from './json-secret.ts';

const certificateSecret = v.object({
  certificate: v.string(),
  key: v.string(),
  ca: v.optional(v.string()),
});

/**
 * The data plane's cluster certificate from its secret: JSON with `certificate`, `key` and, in PKI mode,
 * `ca`, each PEM. It is parsed here, so that a TLS error later has another reason than the secret's form.
 *
 * @param reportOddity is told, by the secret's id, how the secret is stored where that had to be mended
 * @throws ControlPlaneError `refused` when the secret does not hold that, `no-secret` when it is not given,
 * `cancelled` when the signal ends it; the message never quotes the secret
 */
export async function readClusterCertificate(
  source: SecretSource,
  reportOddity: ReportOddity,
): Promise<ClusterCertificate> {
  const { secretId } = source;
  try {
    const { fields, oddity } = await readJsonSecret(source, certificateSecret);
    const pair = readCertificateWithKey(fields.certificate, fields.key);
    reportOddity(secretId, oddity ?? describeFieldOddity(fields, pair));
    return makeClusterCertificate(pair, fields.ca);
  } catch (error) {
    if (!(error instanceof UnusableClusterCertificate || error instanceof UnusableSecret)) {
      throw error;
    }
    // Without the cause: OpenSSL's and JSON's own errors may quote the value.
    throw new ControlPlaneError(
      'refused',
      `the cluster certificate in secret ${secretId} cannot be used: ${error.message}. Put {"certificate": PEM, "key": PEM} there, ` +
        'and "ca": PEM in PKI mode: the certificate and key that data planes have as cluster_cert and cluster_cert_key',
    );
  }
}

/**
 * Puts a pair, and the authority of PKI mode, in the form in which it is used, and stored.
 *
 * @param ca PEM
 * @throws UnusableClusterCertificate for such an authority
 */
export function makeClusterCertificate({ chain, key }: CertificateWithKey, ca = ''): ClusterCertificate {
  return {
    certificate: chain.join(''),
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    // A form that was filled in may have the field, and nothing in it.
    ...(ca.trim() === '' ? {} : { ca: readCertificates(ca, 'ca').join('') }),
  };
}

function describeFieldOddity(
  { certificate, key, ca = '' }: v.InferOutput<typeof certificateSecret>,
  { chain }: CertificateWithKey,
): string | undefined {
  for (const [name, text] of Object.entries({ certificate, key, ca })) {
    const oddity = describePemOddity(text);
    if (oddity !== undefined) {
      return `JSON whose "${name}" is ${oddity}`;
    }
  }
  const [first] = readCertificates(certificate, 'certificate');
  return first.raw.equals(chain[0].raw)
    ? undefined
    : 'JSON whose "certificate" begins with another certificate than the one that the key belongs to';
}
