import { createECDH, type KeyObject, randomBytes } from 'node:crypto';

/** Order of the curve P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3). */
const curveOrder = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const toInteger = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);
const toBytes = (integer: bigint) => Buffer.from(integer.toString(16).padStart(64, '0'), 'hex');

/** base^(ORDER-2) is the inverse, as ORDER is prime (Fermat). */
function inverse(base: bigint): bigint {
  let [result, square] = [1n, base % curveOrder];
  for (let exponent = curveOrder - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) {
      result = (result * square) % curveOrder;
    }
    square = (square * square) % curveOrder;
  }
  return result;
}

function derInteger(integer: bigint): Buffer {
  const hex = integer.toString(16);
  const even = hex.padStart(hex.length + (hex.length % 2), '0');
  // DER integers have a sign: a first bit of 1 would make it negative.
  const bytes = Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex');
  return Buffer.concat([Buffer.from([0x02, bytes.length]), bytes]);
}

/**
 * ECDSA over a SHA-256 digest (32 bytes) that was made elsewhere, as a DER signature (FIPS 186-5 section
 * 6.4.1). Node's `sign` cannot do it: it hashes once more. Not in constant time: for keys of the local AWS
 * only.
 */
export function signDigest(digest: Buffer, privateKey: KeyObject): Buffer {
  const secret = toInteger(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
  for (;;) {
    const nonce = toInteger(randomBytes(32));
    if (nonce === 0n || nonce >= curveOrder) {
      continue;
    }
    const point = createECDH('prime256v1');
    point.setPrivateKey(toBytes(nonce));
    const r = toInteger(point.getPublicKey().subarray(1, 33)) % curveOrder;
    const s = (inverse(nonce) * (toInteger(digest) + r * secret)) % curveOrder;
    if (r !== 0n && s !== 0n) {
      const integers = Buffer.concat([derInteger(r), derInteger(s)]);
      return Buffer.concat([Buffer.from([0x30, integers.length]), integers]);
    }
  }
}
