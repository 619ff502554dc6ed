import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import type { ClusterCertificate } from '../kong/cluster-connection.ts';
import { ControlPlaneError } from '../kong/errors.ts';

const pem = (label: string) =>
  v.pipe(v.string(), v.regex(new RegExp(`-----BEGIN [A-Z ]*${label}-----`), `a PEM ${label} is expected`));

const certificateSecret = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ certificate: pem('CERTIFICATE'), key: pem('PRIVATE KEY'), ca: v.optional(pem('CERTIFICATE')) }),
);

/**
 * The data plane's cluster certificate from its secret: JSON with `certificate`, `key` and, in PKI mode,
 * `ca`, each PEM.
 *
 * @throws ControlPlaneError `refused` when the secret does not hold that; the message never quotes it
 */
export async function readClusterCertificate(
  secretsManager: SecretsManagerClient,
  secretId: string,
): Promise<ClusterCertificate> {
  const { SecretString = '' } = await secretsManager.send(new GetSecretValueCommand({ SecretId: secretId }));
  const secret = v.safeParse(certificateSecret, SecretString);
  if (!secret.success) {
    // The issues' own messages would quote the value.
    const wrong = secret.issues.map((issue) => v.getDotPath(issue) ?? 'the whole').join(', ');
    throw new ControlPlaneError(
      'refused',
      `the cluster certificate in secret ${secretId} cannot be used (wrong: ${wrong}). Put {"certificate": PEM, "key": PEM} there, ` +
        'and "ca": PEM in PKI mode: the certificate and key that data planes have as cluster_cert and cluster_cert_key',
    );
  }
  return secret.output;
}
