/** The grammar of JSON by RFC 8259, byte by byte. */

export const quote = 0x22;
export const backslash = 0x5c;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const colonSign = 0x3a;
export const commaSign = 0x2c;

/** The words of JSON by their first byte. */
export const words: Readonly<Record<number, Buffer>> = {
  116: Buffer.from('true'),
  102: Buffer.from('false'),
  110: Buffer.from('null'),
};

// Where in the grammar of a number (section 6) we are.
const minus = 0;
const zero = 1;
const integer = 2;
const point = 3;
const fraction = 4;
const exponent = 5;
const exponentSign = 6;
const exponentDigits = 7;

/** The place in the number grammar after a number's first byte, or -1 when no number begins so. */
export function beginNumber(byte: number): number {
  if (byte === 0x2d) {
    return minus;
  }
  return isDigit(byte) ? (byte === 0x30 ? zero : integer) : -1;
}

/** The place in the number grammar after one more byte, or -1 when the byte is no part of the number. */
export function continueNumber(state: number, byte: number): number {
  const digit = isDigit(byte);
  const e = byte === 0x65 || byte === 0x45;
  switch (state) {
    case minus:
      return digit ? (byte === 0x30 ? zero : integer) : -1;
    case zero:
      return byte === 0x2e ? point : e ? exponent : -1;
    case integer:
      return digit ? integer : byte === 0x2e ? point : e ? exponent : -1;
    case point:
      return digit ? fraction : -1;
    case fraction:
      return digit ? fraction : e ? exponent : -1;
    case exponent:
      return digit ? exponentDigits : byte === 0x2b || byte === 0x2d ? exponentSign : -1;
    default:
      return digit ? exponentDigits : -1;
  }
}

/** Whether a number may end at this place in its grammar. */
export function isWholeNumber(state: number): boolean {
  return state === zero || state === integer || state === fraction || state === exponentDigits;
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

export function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * Finds the end of a string's run of plain characters. Nearly all bytes of a configuration are read here. A
 * small function is compiled sooner than the large one around it, which counts in a process that reads a
 * single frame.
 */
export function findPlainTextEnd(chunk: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = chunk[at] as number;
    if (byte === quote || byte === backslash || byte < 0x20) {
      break;
    }
    at += 1;
  }
  return at;
}

export function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

export function isSimpleEscape(byte: number): boolean {
  // " \ / b f n r t
  return (
    byte === quote ||
    byte === backslash ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74
  );
}
