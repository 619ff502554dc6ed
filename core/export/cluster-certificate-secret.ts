import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import {
  readCertificates,
  readCertificateWithKey,
  UnusableClusterCertificate,
} from '../access/certificate-with-key.ts';
import type { ClusterCertificate } from '../kong/cluster-connection.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import { readJsonSecret, UnusableSecret } from './json-secret.ts';

const certificateSecret = v.object({
  certificate: v.string(),
  key: v.string(),
  ca: v.optional(v.string()),
});

/**
 * The data plane's cluster certificate from its secret: JSON with `certificate`, `key` and, in PKI mode,
 * `ca`, each PEM. It is parsed here, so that a TLS error later has another reason than the secret's form.
 *
 * @throws ControlPlaneError `refused` when the secret does not hold that; the message never quotes it
 */
export async function readClusterCertificate(
  secretsManager: SecretsManagerClient,
  secretId: string,
): Promise<ClusterCertificate> {
  try {
    const { certificate, key, ca = '' } = await readJsonSecret(secretsManager, secretId, certificateSecret);
    const pair = readCertificateWithKey(certificate, key);
    return {
      certificate: pair.chain.join(''),
      key: pair.key.export({ format: 'pem', type: 'pkcs8' }).toString(),
      // A form that was filled in may have the field, and nothing in it.
      ...(ca.trim() === '' ? {} : { ca: readCertificates(ca, 'ca').join('') }),
    };
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
