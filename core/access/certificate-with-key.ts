/**
 * The one reader of cluster certificates and their keys, for the export's secret and for the command line.
 * Line breaks that tools took away it mends, as base64 has neither blanks nor backslashes. The rest it names.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

/** Certificate or key cannot be used. The message says why, and quotes nothing of them. */
export class UnusableClusterCertificate extends Error {
  override readonly name = 'UnusableClusterCertificate';
}

/** A certificate, its private key, and what the certificate came with. */
export interface CertificateWithKey {
  /** The certificate that the key belongs to, then the others. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly key: KeyObject;
}

/**
 * Reads a certificate and its key, and makes sure that they belong together.
 *
 * @param certificates PEM, or base64 of PEM: one or more certificates. The data plane's is the one that the
 *   key belongs to, wherever it stands; where that is the first one, the order of the others stays
 * @param key PEM, or base64 of PEM, without a passphrase
 * @throws UnusableClusterCertificate
 */
export function readCertificateWithKey(certificates: string, key: string): CertificateWithKey {
  const given = readCertificates(certificates, 'certificate');
  const privateKey = readPrivateKey(key);
  const [first, ...more] = given;
  if (first.checkPrivateKey(privateKey)) {
    return { chain: given, key: privateKey };
  }
  const fitting = withoutRepetitions(more.filter((each) => each.checkPrivateKey(privateKey)));
  const [own] = fitting;
  if (own === undefined) {
    throw new UnusableClusterCertificate(
      more.length === 0
        ? 'the key does not belong to the certificate: take the pair that one data plane has'
        : `the key belongs to none of the ${given.length} certificates: take the pair that one data plane has`,
    );
  }
  if (fitting.length > 1) {
    throw new UnusableClusterCertificate(
      `the key belongs to ${fitting.length} of the ${given.length} certificates, and not to the first one: put the data plane’s first`,
    );
  }
  return { chain: orderByIssuer(own, given), key: privateKey };
}

/**
 * Reads one or more certificates.
 *
 * @param text PEM, or base64 of PEM
 * @param name what they are, for messages
 * @throws UnusableClusterCertificate
 */
export function readCertificates(
  text: string,
  name: string,
): readonly [X509Certificate, ...X509Certificate[]] {
  const blocks = readPemBlocks(text);
  const [first, ...more] = blocks
    .filter(({ label }) => /^(TRUSTED |X509 )?CERTIFICATE$/.test(label))
    .map(({ pem }, index) => parseCertificate(pem, name, index));
  if (first === undefined) {
    const isKey = blocks.some(({ label }) => label.endsWith('PRIVATE KEY'));
    throw new UnusableClusterCertificate(
      isKey
        ? `the ${name} is a private key: perhaps certificate and key were exchanged`
        : describeMissing(text, name, 'CERTIFICATE'),
    );
  }
  return [first, ...more];
}

/** Each certificate of a PEM text, as it stands there. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** Whether a text has PEM in it, perhaps one that has to be mended. */
export function isPem(text: string): boolean {
  return text.includes('-----BEGIN ');
}

/** The PEM that a text is, or that it is the base64 of, as Kong takes it; undefined where it is neither. */
export function decodePem(text: string): string | undefined {
  if (isPem(text)) {
    return text;
  }
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  return isPem(decoded) ? decoded : undefined;
}

/**
 * What is odd about the way a PEM text is stored; undefined where nothing is, as in an empty one. Each line
 * that begins or ends a block stands alone (RFC 7468, 2).
 */
export function describePemOddity(text: string): string | undefined {
  if (text.trim() !== '' && !isPem(text)) {
    return 'base64 of PEM';
  }
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  return count(/-----(BEGIN|END) [^-]+-----/g) === count(/^-----(BEGIN|END) [^-]+-----[\t ]*\r?$/gm)
    ? undefined
    : 'PEM without its line breaks';
}

function parseCertificate(pem: string, name: string, index: number): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new UnusableClusterCertificate(
      `the ${name} cannot be read${index === 0 ? '' : ` (number ${index + 1} of those that it holds)`}: ` +
        'something of it is missing or was changed',
      { cause: error },
    );
  }
}

function readPrivateKey(text: string): KeyObject {
  const blocks = readPemBlocks(text);
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [block] = keys;
  if (block === undefined) {
    const isCertificate = blocks.some(({ label }) => label.endsWith('CERTIFICATE'));
    throw new UnusableClusterCertificate(
      isCertificate
        ? 'the key is a certificate: perhaps certificate and key were exchanged'
        : describeMissing(text, 'key', 'PRIVATE KEY'),
    );
  }
  if (keys.length > 1) {
    throw new UnusableClusterCertificate(`there are ${keys.length} private keys, and one is expected`);
  }
  // PKCS #8 says it in the label, the older forms in a header (RFC 1421).
  if (block.label === 'ENCRYPTED PRIVATE KEY' || /Proc-Type:\s*4,\s*ENCRYPTED/.test(block.pem)) {
    throw new UnusableClusterCertificate(
      'the key is protected by a passphrase: `openssl pkey -in FILE` writes it without one',
    );
  }
  try {
    return createPrivateKey(block.pem);
  } catch (error) {
    throw new UnusableClusterCertificate(
      'the key cannot be read: something of it is missing or was changed, or it is of an unusual kind',
      { cause: error },
    );
  }
}

function describeMissing(text: string, name: string, label: string): string {
  if (text.trim() === '') {
    return `the ${name} is empty`;
  }
  return decodePem(text) !== undefined
    ? `the ${name} is no whole PEM: it should end with -----END ${label}-----`
    : `the ${name} is no PEM: it should begin with -----BEGIN ${label}-----`;
}

export interface PemBlock {
  /** For example `CERTIFICATE`. */
  readonly label: string;
  readonly pem: string;
}

/** The PEM blocks of a text (RFC 7468), each with its line breaks again, without what stands in between. */
export function readPemBlocks(text: string): readonly PemBlock[] {
  // A form field turns line breaks into blanks, and a tool that escapes twice leaves `\n` as two characters.
  const plain = (decodePem(text) ?? '').replace(/\\+[rn]/g, '\n');
  return [...plain.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([\s\S]*?)-----END \1-----/g)].map(
    ([whole, label = '', body = '']) => {
      const base64 = body.replace(/\s+/g, '');
      const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
      const lines = base64.match(/.{1,64}/g) ?? [];
      return {
        label,
        pem: isBase64 ? `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n` : whole,
      };
    },
  );
}

/** A certificate, those that lead from it to an authority, and then the rest. */
function orderByIssuer(own: X509Certificate, all: readonly X509Certificate[]): CertificateWithKey['chain'] {
  const chain: [X509Certificate, ...X509Certificate[]] = [own];
  const rest = withoutRepetitions(all).filter((each) => !each.raw.equals(own.raw));
  for (let last = own; ; ) {
    const next = rest.findIndex((each) => last.checkIssued(each) && last.verify(each.publicKey));
    const [issuer] = next < 0 ? [] : rest.splice(next, 1);
    if (issuer === undefined) {
      return [...chain, ...rest];
    }
    chain.push(issuer);
    last = issuer;
  }
}

function withoutRepetitions(certificates: readonly X509Certificate[]): X509Certificate[] {
  return certificates.filter(
    (each, index) => certificates.findIndex((other) => other.raw.equals(each.raw)) === index,
  );
}
