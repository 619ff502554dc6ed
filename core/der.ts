/** One element of DER (ITU-T X.690 section 8.1): a tag and what it holds. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** The element with its tag and length. */
  readonly whole: Buffer;
}

/**
 * The elements that stand one after another, with lengths of up to three bytes and tags of one.
 *
 * @throws RangeError when they are none
 */
export function readDerElements(bytes: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = [];
  let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (rest.length > 0) {
    const element = readFirstElement(rest);
    elements.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return elements;
}

function readFirstElement(bytes: Buffer): DerElement {
  const [tag = 0, first] = bytes;
  // Five ones begin a tag of several bytes, which certificates do not have.
  if (first === undefined || (tag & 0x1f) === 0x1f) {
    throw notDer();
  }
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  // 0x80 is BER's indefinite length.
  if (first === 0x80 || lengthBytes > 3 || bytes.length < 2 + lengthBytes) {
    throw notDer();
  }
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const begin = 2 + lengthBytes;
  if (bytes.length < begin + length) {
    throw notDer();
  }
  return { tag, content: bytes.subarray(begin, begin + length), whole: bytes.subarray(0, begin + length) };
}

function notDer(): RangeError {
  return new RangeError('these bytes are not DER');
}
