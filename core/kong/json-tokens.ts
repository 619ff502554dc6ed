import {
  backslash,
  closeBrace,
  closeBracket,
  commaSign,
  isDigit,
  isSimpleEscape,
  openBrace,
  openBracket,
  quote,
} from './json-grammar.ts';

// What may come next between two tokens. A reader has further states of its own from `betweenTokens` on.
export const value = 0;
export const firstValueOrEnd = 1;
export const firstKeyOrEnd = 2;
export const key = 3;
export const colon = 4;
export const commaOrEnd = 5;
export const betweenTokens = 6;

// Deeper than any plugin's schema, far below what a parser could choke on.
export const maxDepth = 100;

// A container is known by its end.
export const object = closeBrace;
export const array = closeBracket;

/** Where in a JSON text one is. */
export interface JsonPlace {
  /** What may come next. */
  state: number;
  /** How many containers are open. */
  depth: number;
  /** The containers that are open, by their depth. */
  readonly containers: Uint8Array;
}

// What a token is, by its first byte. A colon or a comma is read with the token before it.
const rare = 0;
export const stringToken = 1;
export const scalarToken = 2;
export const endToken = 3;
const objectToken = 4;
const arrayToken = 5;
const tokenKinds = 8;

const tokens = new Uint8Array(256).fill(rare);
tokens[quote] = stringToken;
for (const first of '0123456789tfn') {
  tokens[first.charCodeAt(0)] = scalarToken;
}
tokens[closeBrace] = endToken;
tokens[closeBracket] = endToken;
tokens[openBrace] = objectToken;
tokens[openBracket] = arrayToken;

/** None of the states: the token is rare there, or wrong. */
export const unknown = 255;

const nextStates = new Uint8Array(betweenTokens * tokenKinds).fill(unknown);
for (const before of [value, firstValueOrEnd]) {
  nextStates[before * tokenKinds + stringToken] = commaOrEnd;
  nextStates[before * tokenKinds + scalarToken] = commaOrEnd;
  nextStates[before * tokenKinds + objectToken] = firstKeyOrEnd;
  nextStates[before * tokenKinds + arrayToken] = firstValueOrEnd;
}
for (const before of [firstKeyOrEnd, key]) {
  nextStates[before * tokenKinds + stringToken] = colon;
}
// Whether the end is that of the right container shows from the container.
for (const before of [firstValueOrEnd, firstKeyOrEnd, commaOrEnd]) {
  nextStates[before * tokenKinds + endToken] = commaOrEnd;
}

/**
 * The kind of a token, by its first byte. Tables are used in place of branches: code is compiled anew when a
 * branch is taken for the first time, which a process that reads a single frame would pay for.
 */
export function tokenKind(byte: number): number {
  return tokens[byte] as number;
}

/** What may come behind a token of this kind, or `unknown`. */
export function nextState(state: number, kind: number): number {
  return nextStates[state * tokenKinds + kind] as number;
}

const plainText = new Uint8Array(256).fill(1, 0x20);
plainText[quote] = 0;
plainText[backslash] = 0;

const behindNumber = new Uint8Array(256);
for (const sign of [commaSign, closeBrace, closeBracket]) {
  behindNumber[sign] = 1;
}

// Four bytes as a number, the first one lowest.
const nullWord = 0x6c6c756e;
const trueWord = 0x65757274;
const falsWord = 0x736c6166;
const lastOfFalse = 0x65;

// Longer texts are read four bytes at a time. Keys and most values are shorter.
const shortTextBytes = 12;

/**
 * Finds the ends of tokens in a piece of JSON, where the piece has them whole and they are of the common
 * kind. What is found is checked.
 */
export class TokenEnds {
  readonly #bytes: Uint8Array;
  /** The same bytes by fours, from the first one whose place in memory allows it. */
  readonly #words: Int32Array;
  readonly #bytesBefore: number;

  constructor(piece: Uint8Array) {
    this.#bytes = piece;
    this.#bytesBefore = piece.byteOffset & 3;
    this.#words = new Int32Array(
      piece.buffer,
      piece.byteOffset - this.#bytesBefore,
      (piece.length + this.#bytesBefore) >> 2,
    );
  }

  /**
   * @param from the opening quote
   * @returns just behind the closing one; `from` for a string that is cut, or has a rare escape
   */
  stringEnd(from: number): number {
    const bytes = this.#bytes;
    const end = bytes.length;
    let at = this.#textEnd(from + 1);
    while (at < end && bytes[at] === backslash) {
      if (at + 1 === end || !isSimpleEscape(bytes[at + 1] as number)) {
        return from;
      }
      at = this.#textEnd(at + 2);
    }
    return at < end && bytes[at] === quote ? at + 1 : from;
  }

  #textEnd(from: number): number {
    const bytes = this.#bytes;
    const words = this.#words;
    const before = this.#bytesBefore;
    const end = bytes.length;
    const shortEnd = Math.min(end, from + shortTextBytes);
    let at = from;
    while (at < shortEnd || ((at + before) & 3) !== 0) {
      if (at >= end || plainText[bytes[at] as number] === 0) {
        return at;
      }
      at += 1;
    }
    const wordsEnd = words.length;
    let word = (at + before) >> 2;
    while (word < wordsEnd && isPlainWord(words[word] as number)) {
      word += 1;
    }
    at = (word << 2) - before;
    while (at < end && plainText[bytes[at] as number] === 1) {
      at += 1;
    }
    return at;
  }

  /**
   * @param from its first byte: a digit, or that of a word
   * @returns just behind it; `from` for one that is cut, rare (a fraction, an exponent) or wrong
   */
  scalarEnd(from: number): number {
    const bytes = this.#bytes;
    const end = bytes.length;
    const first = bytes[from] as number;
    const second = from + 1;
    if (isDigit(first)) {
      // A number with a zero before it is none.
      const digitsEnd = first === 0x30 ? second : end;
      let at = second;
      while (at < digitsEnd && isDigit(bytes[at] as number)) {
        at += 1;
      }
      return at < end && behindNumber[bytes[at] as number] === 1 ? at : from;
    }
    if (from + 5 > end) {
      return from;
    }
    const four =
      first |
      ((bytes[second] as number) << 8) |
      ((bytes[from + 2] as number) << 16) |
      ((bytes[from + 3] as number) << 24);
    if (four === nullWord || four === trueWord) {
      return from + 4;
    }
    return four === falsWord && bytes[from + 4] === lastOfFalse ? from + 5 : from;
  }
}

/**
 * Whether none of four bytes is a quote, a backslash or a control character. Subtracting borrows into a
 * byte's highest bit where the byte is smaller (Warren, "Hacker's Delight", 6-1).
 */
function isPlainWord(word: number): boolean {
  const quotes = word ^ 0x22222222;
  const backslashes = word ^ 0x5c5c5c5c;
  const found =
    ((quotes - 0x01010101) & ~quotes) |
    ((backslashes - 0x01010101) & ~backslashes) |
    ((word - 0x20202020) & ~word);
  return (found & 0x80808080) === 0;
}
