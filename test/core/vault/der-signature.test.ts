import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toJoseSignature } from '../../../core/vault/der-signature.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const derOf = (message: Uint8Array) => sign('sha256', message, { key: privateKey, dsaEncoding: 'der' });

/** ECDSA-Sig-Value of two numbers, as its grammar has it. */
function sequence(r: Buffer, s: Buffer): Buffer {
  const integer = (number: Buffer) => Buffer.concat([Buffer.from([0x02, number.length]), number]);
  const content = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

describe('a DER signature in the form of JWS', () => {
  it('passes Node’s own check of that form, whatever was signed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (message) => {
        const jose = toJoseSignature(derOf(message));

        expect(jose).toHaveLength(64);
        expect(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, jose)).toBe(true);
      }),
      // Enough for numbers with leading zeros: one of 256 has a zero byte in front.
      { numRuns: 400 },
    );
  });

  it('is the two numbers of any length, padded to 32 bytes each', () => {
    const number = fc.bigInt({ min: 1n, max: 2n ** 256n - 1n });
    const small = fc.bigInt({ min: 1n, max: 2n ** 16n });
    const signed = (value: bigint) => {
      const hex = value.toString(16);
      const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
      return (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
    };
    fc.assert(
      fc.property(fc.oneof(number, small), fc.oneof(number, small), (r, s) => {
        const jose = toJoseSignature(sequence(signed(r), signed(s)));

        expect(jose.toString('hex')).toBe(
          r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'),
        );
      }),
    );
  });

  it('is refused when it is cut short anywhere', () => {
    const der = derOf(Buffer.from('message'));
    const cuts = Array.from({ length: der.length }, (_, length) => der.subarray(0, length));

    for (const cut of cuts) {
      expect(() => toJoseSignature(cut)).toThrow(RangeError);
    }
  });

  it('is refused with a byte too many anywhere between its parts', () => {
    const [r, s] = [Buffer.alloc(32, 0x11), Buffer.alloc(32, 0x22)];
    const der = sequence(r, s);

    for (const at of [0, 1, 2, 3, 4 + 32, 4 + 33, der.length]) {
      const odd = Buffer.concat([der.subarray(0, at), Buffer.from([0x05]), der.subarray(at)]);
      expect(() => toJoseSignature(odd)).toThrow(RangeError);
    }
  });

  it.each([
    ['a number of 33 bytes', sequence(Buffer.alloc(33, 1), Buffer.alloc(32, 1))],
    ['a negative number', sequence(Buffer.alloc(32, 1), Buffer.from([0x80]))],
    ['a number without bytes', sequence(Buffer.alloc(0), Buffer.alloc(32, 1))],
    ['a third number', Buffer.from('3009020101020101020101', 'hex')],
    ['one number', Buffer.from('3003020101', 'hex')],
    ['another tag', Buffer.from('3106020101020101', 'hex')],
    ['text in the place of a number', Buffer.from('30060c0101020101', 'hex')],
    ['the long form of a length', Buffer.from('308106020101020101', 'hex')],
    ['r‖s already', Buffer.alloc(64, 0x42)],
  ])('is refused with %s', (_, der) => {
    expect(() => toJoseSignature(der)).toThrow('not a DER signature');
  });
});
