import { type DerElement, readDerElements } from '../der.ts';

/**
 * The fields of a certificate (RFC 5280) about its own use that node:crypto's X509Certificate does not have.
 */
export interface CertificateFields {
  /** What its issuer signed it with, if that is still safe. */
  readonly isSafelySigned: boolean;
  /** Basic constraints (section 4.2.1.9). */
  readonly isAuthority: boolean;
  /** How many authorities may stand between it and a data plane's certificate. */
  readonly pathLength: number | undefined;
  /** Key usage (section 4.2.1.3); everything where the certificate does not say. */
  readonly maySign: boolean;
  readonly mayIssue: boolean;
  /**
   * Extended key usage (section 4.2.1.12); true where the certificate does not say. An authority may issue
   * for clients alone where it may be one.
   */
  readonly mayBeClient: boolean;
  /** Name constraints (section 4.2.1.10), critical or not. */
  readonly hasNameConstraints: boolean;
  /** Of its subject, as many as there are; null for one that is not readable here. */
  readonly commonNames: readonly (string | null)[];
  /** Whether it has a critical extension that is not understood here: name constraints, for example. */
  readonly hasUnknownRule: boolean;
}

// Object identifiers, as the bytes that DER has for them.
const basicConstraints = '551d13';
const keyUsage = '551d0f';
const extendedKeyUsage = '551d25';
const subjectAlternativeName = '551d11';
const nameConstraints = '551d1e';
const understood = new Set([basicConstraints, keyUsage, extendedKeyUsage, subjectAlternativeName]);
/** id-kp-clientAuth, and anyExtendedKeyUsage. */
const client = new Set(['2b06010505070302', '551d2500']);
/**
 * ECDSA and RSA (PKCS #1) with SHA-256, SHA-384 and SHA-512 (RFC 5758, RFC 4055): SHA-1 and MD5 can be
 * forged.
 */
const safeSignatures = new Set([
  '2a8648ce3d040302',
  '2a8648ce3d040303',
  '2a8648ce3d040304',
  '2a864886f70d01010b',
  '2a864886f70d01010c',
  '2a864886f70d01010d',
]);

/** UTF8String, PrintableString, IA5String: what today's certificates have. */
const textTags = new Set([0x0c, 0x13, 0x16]);
const commonName = '550403';

const sequence = 0x30;
const versionTag = 0xa0;
const extensionsTag = 0xa3;

/**
 * Reads a certificate that X509Certificate has accepted.
 *
 * @throws RangeError when it is no certificate of version 3 in DER
 */
export function certificateFields(der: Uint8Array): CertificateFields {
  const [certificate] = readDerElements(der);
  const [toBeSigned, signatureAlgorithm] = readSequence(certificate);
  const [algorithm] = readSequence(signatureAlgorithm);
  const extensions = readSequence(toBeSigned)
    .filter(({ tag }) => tag === extensionsTag)
    .flatMap(({ content }) => readSequence(readDerElements(content)[0]).map(readExtension));
  const valueFor = (id: string) => extensions.find((each) => each.id === id)?.value;
  return {
    isSafelySigned: safeSignatures.has(algorithm?.content.toString('hex') ?? ''),
    ...readBasicConstraints(valueFor(basicConstraints)),
    ...readKeyUsage(valueFor(keyUsage)),
    mayBeClient: allowsClients(valueFor(extendedKeyUsage)),
    commonNames: commonNames(toBeSigned),
    hasNameConstraints: valueFor(nameConstraints) !== undefined,
    hasUnknownRule: extensions.some(({ id, isCritical }) => isCritical && !understood.has(id)),
  };
}

/**
 * Reads the common names from DER. `subject` of X509Certificate is one text in which a name with a line break
 * looks like two, and toLegacyObject() breaks Node 20's tls module when that is loaded later.
 */
function commonNames(toBeSigned: DerElement | undefined): CertificateFields['commonNames'] {
  // Serial number, algorithm, issuer, validity, subject, behind the version that old certificates do not have
  // (section 4.1).
  const subject = readSequence(toBeSigned).filter(({ tag }) => tag !== versionTag)[4];
  return readSequence(subject)
    .flatMap(({ content }) => readDerElements(content).map(readSequence))
    .filter(([type]) => type?.content.toString('hex') === commonName)
    .map(([, value]) =>
      value !== undefined && textTags.has(value.tag) ? value.content.toString('utf8') : null,
    );
}

function readExtension(element: DerElement) {
  const parts = readSequence(element);
  return {
    id: parts[0]?.content.toString('hex') ?? '',
    // Where it is false, DER leaves it out.
    isCritical: parts.length === 3,
    value: parts.at(-1)?.content,
  };
}

function readBasicConstraints(
  value: Buffer | undefined,
): Pick<CertificateFields, 'isAuthority' | 'pathLength'> {
  const parts = value === undefined ? [] : readSequence(readDerElements(value)[0]);
  const length = parts.find(({ tag }) => tag === 0x02)?.content;
  return {
    isAuthority: parts.some(({ tag, content }) => tag === 0x01 && content[0] === 0xff),
    // A limit above 127 is treated as no limit.
    pathLength: length?.length === 1 ? length[0] : undefined,
  };
}

function readKeyUsage(value: Buffer | undefined): Pick<CertificateFields, 'maySign' | 'mayIssue'> {
  if (value === undefined) {
    return { maySign: true, mayIssue: true };
  }
  // A bit string: the number of unused bits, then digitalSignature in the highest bit, keyCertSign in the
  // sixth.
  const bits = readDerElements(value)[0]?.content[1] ?? 0;
  return { maySign: (bits & 0x80) !== 0, mayIssue: (bits & 0x04) !== 0 };
}

function allowsClients(value: Buffer | undefined): boolean {
  return (
    value === undefined ||
    readSequence(readDerElements(value)[0]).some(({ content }) => client.has(content.toString('hex')))
  );
}

function readSequence(element: DerElement | undefined): readonly DerElement[] {
  if (element?.tag !== sequence) {
    throw new RangeError('this is not a certificate');
  }
  return readDerElements(element.content);
}
