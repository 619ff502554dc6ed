import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Utf8Check } from '../../../core/kong/utf8-check.ts';

/** Whether a check takes bytes in pieces of this size, and then the end of a line. */
function takes(bytes: Uint8Array, pieceBytes: number): boolean {
  const check = new Utf8Check();
  const whole = Buffer.concat([bytes, Buffer.from('\n')]);
  for (let from = 0; from < whole.length; from += pieceBytes) {
    if (!check.take(whole.subarray(from, from + pieceBytes))) {
      return false;
    }
  }
  return true;
}

/** Bytes of which many are near what UTF-8 allows. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(...['a', 'é', '€', '😀', '\u{10ffff}', '\ud7ff'].map((text) => [...Buffer.from(text)])),
      fc.constantFrom(
        [0xc0, 0x80],
        [0xed, 0xa0, 0x80],
        [0xf4, 0x90, 0x80, 0x80],
        [0xf8],
        [0x80],
        [0xe2, 0x82],
      ),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => Uint8Array.from(pieces.flat()));

describe('UTF-8 in pieces', () => {
  it('is what is UTF-8 as a whole, wherever it is cut', () => {
    fc.assert(
      fc.property(nearly, fc.integer({ min: 1, max: 6 }), (bytes, pieceBytes) => {
        expect(takes(bytes, pieceBytes)).toBe(isUtf8(bytes));
      }),
    );
  });

  it('is refused at once where no character may begin so', () => {
    expect(new Utf8Check().take(Uint8Array.of(0xff))).toBe(false);
  });
});
