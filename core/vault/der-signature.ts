// P-256: r and s are numbers below 2^256.
const numberBytes = 32;

/**
 * Turns an ECDSA signature on P-256 as KMS answers it (DER: ECDSA-Sig-Value of RFC 3279 section 2.2.3) into the form of JWS: r‖s, each
 * padded to 32 bytes (RFC 7518 section 3.4).
 *
 * @throws RangeError when it is none
 */
export function joseSignature(der: Uint8Array): Buffer {
  const body = element(der, 0x30);
  if (body.rest.length > 0) {
    throw notDer();
  }
  const r = element(body.content, 0x02);
  const s = element(r.rest, 0x02);
  if (s.rest.length > 0) {
    throw notDer();
  }
  return Buffer.concat([padded(r.content), padded(s.content)]);
}

interface Element {
  readonly content: Uint8Array;
  readonly rest: Uint8Array;
}

// A signature on P-256 has at most 72 bytes, so every length takes one byte.
function element(bytes: Uint8Array, tag: number): Element {
  const length = bytes[1];
  if (
    bytes[0] !== tag ||
    length === undefined ||
    length > 0x7f ||
    length === 0 ||
    bytes.length < 2 + length
  ) {
    throw notDer();
  }
  return { content: bytes.subarray(2, 2 + length), rest: bytes.subarray(2 + length) };
}

function padded(integer: Uint8Array): Buffer {
  // DER numbers are signed: a zero byte stands before those whose highest bit is set.
  const magnitude = integer[0] === 0 ? integer.subarray(1) : integer;
  if (magnitude.length > numberBytes || (integer[0] ?? 0) > 0x7f) {
    throw notDer();
  }
  const number = Buffer.alloc(numberBytes);
  number.set(magnitude, numberBytes - magnitude.length);
  return number;
}

function notDer(): RangeError {
  return new RangeError('this is no DER signature of P-256');
}
