import {
  GetSecretValueCommand,
  type GetSecretValueCommandOutput,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import {
  readCertificates,
  readCertificateWithKey,
  UnusableClusterCertificate,
} from '../access/certificate-with-key.ts';
import type { ClusterCertificate } from '../kong/cluster-connection.ts';
import { ControlPlaneError } from '../kong/errors.ts';

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
  const stored = await secretsManager.send(new GetSecretValueCommand({ SecretId: secretId }));
  try {
    const { certificate, key, ca = '' } = readFields(stored);
    const pair = readCertificateWithKey(certificate, key);
    return {
      certificate: pair.chain.join(''),
      key: pair.key.export({ format: 'pem', type: 'pkcs8' }).toString(),
      // A form that was filled in may have the field, and nothing in it.
      ...(ca.trim() === '' ? {} : { ca: readCertificates(ca, 'ca').join('') }),
    };
  } catch (error) {
    if (!(error instanceof UnusableClusterCertificate)) {
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

function readFields({
  SecretString,
  SecretBinary,
}: GetSecretValueCommandOutput): v.InferOutput<typeof certificateSecret> {
  const text = SecretString ?? new TextDecoder().decode(SecretBinary);
  const secret = v.safeParse(certificateSecret, parseJson(text, SecretString === undefined));
  if (secret.success) {
    return secret.output;
  }
  // Their own messages would quote the value.
  const wrong = secret.issues.map((issue) => v.getDotPath(issue));
  throw new UnusableClusterCertificate(
    wrong.includes(null)
      ? 'the secret is JSON, and no object'
      : `the secret is JSON without a text for ${wrong.map((name) => `"${name}"`).join(' and ')}`,
  );
}

function parseJson(text: string, isBinary: boolean): unknown {
  const plain = text.replace(/^\uFEFF/, '').trim();
  // A here-document leaves raw line breaks in the strings, which JSON does not allow. As blanks they change
  // nothing between its values, and what is PEM is read with blanks as well.
  for (const candidate of [plain, plain.replace(/[\r\n\t]+/g, ' ')]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The next candidate, or the sentence below.
    }
  }
  throw new UnusableClusterCertificate(describeNoJson(plain, isBinary));
}

function describeNoJson(text: string, isBinary: boolean): string {
  if (text === '') {
    return 'the secret is empty';
  }
  if (text.startsWith('-----BEGIN ')) {
    return 'the secret is PEM, where JSON with PEM in it is expected';
  }
  return isBinary
    ? 'the secret is stored as binary, and the bytes are no JSON'
    : 'the secret is no JSON (a quotation mark or a brace is missing, or a backslash too many)';
}
