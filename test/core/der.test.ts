import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readDerElements } from '../../core/der.ts';

const encoded = (tag: number, content: Uint8Array): Buffer => {
  const { length } = content;
  const head =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : length < 0x10000
          ? [0x82, length >> 8, length & 0xff]
          : [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.from([tag, ...head, ...content]);
};

describe('DER', () => {
  it.each([0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000])('has contents of %d bytes', (length) => {
    const content = Buffer.alloc(length, 7);

    const elements = readDerElements(encoded(0x30, content));

    expect(elements).toEqual([{ tag: 0x30, content, whole: encoded(0x30, content) }]);
  });

  it('has elements one after another', () => {
    const element = fc.tuple(
      fc.constantFrom(0x02, 0x04, 0x06, 0x30, 0xa3),
      fc.uint8Array({ maxLength: 300 }),
    );

    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), (given) => {
        const read = readDerElements(Buffer.concat(given.map(([tag, content]) => encoded(tag, content))));

        expect(read.map(({ tag, content }) => [tag, new Uint8Array(content)])).toEqual(given);
      }),
    );
  });

  it.each([
    ['a tag alone', [0x30]],
    ['a tag of several bytes', [0x1f, 0x01, 0x00]],
    ['an indefinite length', [0x30, 0x80, 0x00, 0x00]],
    ['a length that is cut off', [0x30, 0x82, 0x01]],
    ['a length of four bytes', [0x30, 0x84, 0x00, 0x00, 0x00, 0x00]],
    ['less than its length says', [0x30, 0x02, 0x05]],
    ['a good element and the beginning of another', [0x05, 0x00, 0x30]],
  ])('is none with %s', (_, bytes) => {
    expect(() => readDerElements(Uint8Array.from(bytes))).toThrow(RangeError);
  });

  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          const whole = Buffer.concat(readDerElements(bytes).map((each) => each.whole));
          expect(whole).toEqual(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
