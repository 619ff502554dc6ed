import { type DerElement, readDerElements } from '../der.ts';

const sequenceTag = 0x30;
const integerTag = 0x02;

// P-256: r and s are numbers below 2^256.
const numberBytes = 32;

/**
 * Turns an ECDSA signature on P-256 as KMS answers it (DER: ECDSA-Sig-Value of RFC 3279 section 2.2.3) into
 * the form of JWS: r‖s, each padded to 32 bytes (RFC 7518 section 3.4).
 *
 * @throws RangeError when it is none
 */
export function toJoseSignature(der: Uint8Array): Buffer {
  const [sequence, ...behind] = readElements(der);
  if (sequence === undefined || behind.length > 0 || !hasForm(sequence, sequenceTag)) {
    throw notSignature();
  }
  const [r, s, ...more] = readElements(sequence.content);
  if (r === undefined || s === undefined || more.length > 0) {
    throw notSignature();
  }
  return Buffer.concat([readNumber(r), readNumber(s)]);
}

function readElements(bytes: Uint8Array): readonly DerElement[] {
  try {
    return readDerElements(bytes);
  } catch (error) {
    throw notSignature({ cause: error });
  }
}

function readNumber(integer: DerElement): Buffer {
  const { content } = integer;
  // DER numbers are signed: a zero byte stands before those whose highest bit is set.
  const magnitude = content[0] === 0 ? content.subarray(1) : content;
  if (
    !hasForm(integer, integerTag) ||
    content.length === 0 ||
    magnitude.length > numberBytes ||
    (content[0] ?? 0) > 0x7f
  ) {
    throw notSignature();
  }
  const number = Buffer.alloc(numberBytes);
  number.set(magnitude, numberBytes - magnitude.length);
  return number;
}

/** Whether the element has this tag and a length of one byte. A signature on P-256 has at most 72 bytes. */
function hasForm({ tag, content, whole }: DerElement, expectedTag: number): boolean {
  return tag === expectedTag && whole.length === content.length + 2;
}

function notSignature(options?: ErrorOptions): RangeError {
  return new RangeError('this is not a DER signature of P-256', options);
}
