import {
  backslash,
  closeBrace,
  closeBracket,
  commaSign,
  isWhitespace,
  openBrace,
  openBracket,
  quote,
} from './json-grammar.ts';

/**
 * Writes a JSON value in the one form that all its notations share: without spaces, what stands in an object
 * sorted, and in strings only the escapes that must be. Two values have the same form only if they are equal,
 * because nothing is rounded or replaced on the way: the bytes of a string are not decoded, a key that stands
 * twice stays twice, and a number stays as it is written (read as doubles, 9007199254740992 and
 * 9007199254740993 would be equal). The order of a list counts.
 *
 * @param json a value that was checked before, as the frames of a control plane are
 * @returns the form, a character for each byte (latin1)
 */
export function canonicalizeJson(json: Uint8Array): string {
  return new CanonicalReader(json).readValue();
}

/** Writes the members of a JSON object that was checked before, each with its key, in the same form. */
export function canonicalizeMembers(json: Uint8Array): readonly string[] {
  return new CanonicalReader(json).readObject();
}

/** Writes a string’s content, as it stands between its quotes, with the escapes that must be alone. */
export function canonicalizeEscapes(content: string): string {
  return content.replace(/(?:\\u[\da-fA-F]{4})+|\\[^u]/g, (escapes) => {
    if (escapes.length === 2) {
      return escapes === '\\/' ? '/' : escapes;
    }
    // Half of a surrogate pair stays an escape: UTF-8 has no bytes for it, and each would become the same.
    const shortest = JSON.stringify(JSON.parse(`"${escapes}"`)).slice(1, -1);
    return Buffer.from(shortest).toString('latin1');
  });
}

class CanonicalReader {
  readonly #text: string;
  #at = 0;
  /** The first backslash that may stand before `#at`. */
  #nextBackslash = -1;

  constructor(json: Uint8Array) {
    this.#text = Buffer.from(json.buffer, json.byteOffset, json.length).toString('latin1');
  }

  readValue(): string {
    switch (this.#skipWhitespace()) {
      case openBrace:
        return `{${this.readObject().join(',')}}`;
      case openBracket:
        return `[${this.#readItems(closeBracket).join(',')}]`;
      case quote:
        return this.#readString();
      default:
        return this.#readScalar();
    }
  }

  readObject(): readonly string[] {
    this.#skipWhitespace();
    return this.#readItems(closeBrace).sort();
  }

  #readItems(end: number): string[] {
    const items: string[] = [];
    this.#at += 1;
    for (;;) {
      const byte = this.#skipWhitespace();
      if (byte === end) {
        this.#at += 1;
        return items;
      }
      if (byte === commaSign) {
        this.#at += 1;
      } else {
        items.push(end === closeBrace ? this.#readMember() : this.readValue());
      }
    }
  }

  #readMember(): string {
    const key = this.#readString();
    this.#skipWhitespace();
    // The colon.
    this.#at += 1;
    return `${key}:${this.readValue()}`;
  }

  #readString(): string {
    const from = this.#at;
    const plainEnd = this.#text.indexOf('"', from + 1);
    if (this.#nextBackslash < from) {
      const found = this.#text.indexOf('\\', from);
      this.#nextBackslash = found < 0 ? this.#text.length : found;
    }
    if (plainEnd < this.#nextBackslash) {
      return this.#take(from, plainEnd + 1);
    }
    let at = this.#nextBackslash;
    while (at < this.#text.length && this.#text.charCodeAt(at) !== quote) {
      at += this.#text.charCodeAt(at) === backslash ? 2 : 1;
    }
    return canonicalizeEscapes(this.#take(from, at + 1));
  }

  #readScalar(): string {
    const from = this.#at;
    let at = from;
    while (at < this.#text.length && !isBehindScalar(this.#text.charCodeAt(at))) {
      at += 1;
    }
    return this.#take(from, at);
  }

  #skipWhitespace(): number {
    while (isWhitespace(this.#text.charCodeAt(this.#at))) {
      this.#at += 1;
    }
    return this.#text.charCodeAt(this.#at);
  }

  #take(from: number, to: number): string {
    if (to <= from || to > this.#text.length) {
      throw new Error('JSON that was not checked before cannot be written in its canonical form');
    }
    this.#at = to;
    return this.#text.slice(from, to);
  }
}

function isBehindScalar(byte: number): boolean {
  return byte === commaSign || byte === closeBrace || byte === closeBracket || isWhitespace(byte);
}
