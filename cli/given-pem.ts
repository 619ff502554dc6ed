/** Certificates and keys as people give them. What is given may be a secret: no message repeats it. */
import { InvalidArgumentError } from 'commander';
import {
  decodePem,
  isPem,
  readPemBlocks,
  UnusableClusterCertificate,
} from '../core/access/certificate-with-key.ts';
import { type ClusterIdentity, clusterIdentity } from '../core/access/cluster-identity.ts';
import { readErrorCode } from '../core/error-code.ts';
import { readSmallFile } from '../core/read-small-file.ts';
import { VaultError } from '../core/vault/errors.ts';
import { type VerificationKey, verificationKey } from '../core/vault/signer.ts';

const largestPemBytes = 2 ** 20;

/**
 * The keys that are pinned.
 *
 * @param given a file, PEM, or base64 of PEM: one or more public keys
 * @throws InvalidArgumentError
 */
export async function readTrustedKeys(given: string): Promise<readonly VerificationKey[]> {
  const text = await readGivenPem('--public-key', given);
  const blocks = readPemBlocks(text);
  const labels = blocks.map(({ label }) => label);
  if (labels.some((label) => label.endsWith('PRIVATE KEY'))) {
    throw unusableKey('it holds a private key, which no data plane needs and which others may have read');
  }
  const keys = blocks.filter(({ label }) => label.endsWith('PUBLIC KEY')).map(({ pem }) => pem);
  if (keys.length === 0) {
    throw unusableKey(
      labels.some((label) => label.endsWith('CERTIFICATE'))
        ? 'it holds a certificate, and contains no PEM public key'
        : `${text.trim() === '' ? 'it is empty' : 'it contains no PEM public key'}`,
    );
  }
  try {
    return await Promise.all(keys.map(verificationKey));
  } catch (error) {
    if (error instanceof VaultError) {
      throw unusableKey(error.message);
    }
    throw error;
  }
}

function unusableKey(why: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `--public-key (LIFEBOAT_PUBLIC_KEY): ${why}. Give what \`lifeboat public-key\` prints`,
  );
}

export interface GivenClusterCertificate {
  readonly clusterCert?: string;
  readonly clusterCertKey?: string;
}

/** @throws InvalidArgumentError */
export async function readClusterIdentity(given: GivenClusterCertificate): Promise<ClusterIdentity> {
  const { clusterCert, clusterCertKey } = given;
  if (!clusterCert || !clusterCertKey) {
    throw new InvalidArgumentError(
      '--auth cluster-certificate needs --cluster-cert and --cluster-cert-key (KONG_CLUSTER_CERT, KONG_CLUSTER_CERT_KEY)',
    );
  }
  const [certificate, key] = await Promise.all([
    readGivenPem('--cluster-cert', clusterCert),
    readGivenPem('--cluster-cert-key', clusterCertKey),
  ]);
  try {
    return clusterIdentity(certificate, key);
  } catch (error) {
    if (error instanceof UnusableClusterCertificate) {
      throw new InvalidArgumentError(`--cluster-cert, --cluster-cert-key: ${error.message}`);
    }
    throw error;
  }
}

/**
 * Reads what Kong takes for a certificate or key (kong/conf_loader/parse.lua): PEM, base64 of PEM, or a
 * file. The file comes last, so that no key becomes the name of one.
 *
 * @throws InvalidArgumentError
 */
export async function readGivenPem(option: string, given: string): Promise<string> {
  const pem = decodePem(given);
  if (pem !== undefined) {
    return pem;
  }
  if (given.startsWith('{vault://')) {
    throw new InvalidArgumentError(
      `${option} is a reference to one of Kong’s vaults, which Kong alone can follow: give a file, PEM, or base64 of PEM`,
    );
  }
  const text = await readSmallFile(given, largestPemBytes).catch((error: unknown) => {
    throw new InvalidArgumentError(`${option} ${describeUnreadable(readErrorCode(error))}`);
  });
  if (text.trim() !== '' && !isPem(text)) {
    throw new InvalidArgumentError(`the file of ${option} is not PEM: it must begin with -----BEGIN`);
  }
  return text;
}

function describeUnreadable(code: string | undefined): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `names a file that this user may not read (${code})`;
    case 'EFBIG':
      return `names a file of more than ${largestPemBytes} bytes (${code})`;
    default:
      return `is neither a readable file (${code ?? 'no name'}) nor PEM nor base64 of PEM`;
  }
}
