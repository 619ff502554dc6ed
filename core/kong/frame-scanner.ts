import { deepestContent, readEntityTokens } from './entity-tokens.ts';
import { badFrame, type ControlPlaneError } from './errors.ts';
import { FrameContent, type FrameEnvelope, mendEmptyLists } from './frame-content.ts';
import {
  backslash,
  beginNumber,
  closeBrace,
  closeBracket,
  colonSign,
  commaSign,
  continueNumber,
  findPlainTextEnd,
  isHexDigit,
  isSimpleEscape,
  isWhitespace,
  isWholeNumber,
  openBrace,
  openBracket,
  quote,
  words,
} from './json-grammar.ts';
import {
  array,
  betweenTokens,
  colon,
  commaOrEnd,
  firstKeyOrEnd,
  firstValueOrEnd,
  type JsonPlace,
  key,
  maxDepth,
  object,
  TokenEnds,
  value,
} from './json-tokens.ts';
import { Utf8Check } from './utf8-check.ts';

// Keys and scalars of the envelope are short; entity types of plugins are, too.
const maxCapturedBytes = 256;

// What may come next within a token, and at the end. The states between two tokens are before these.
const string = betweenTokens;
const afterBackslash = betweenTokens + 1;
const unicode = betweenTokens + 2;
const number = betweenTokens + 3;
const word = betweenTokens + 4;
const done = betweenTokens + 5;

/**
 * Reads a frame of the cluster endpoint piece by piece and checks it completely (JSON by RFC 8259, in UTF-8,
 * and the envelope of Kong's full sync) without building an object or a string of it: memory does not grow
 * with the configuration.
 */
export class FrameScanner {
  readonly #content: FrameContent;
  readonly #utf8 = new Utf8Check();
  readonly #place: JsonPlace = { state: value, depth: 0, containers: new Uint8Array(maxDepth + 1) };
  #offset = 0;
  #stringIsKey = false;
  #unicodeLeft = 0;
  #numberState = 0;
  #word: Buffer = Buffer.alloc(0);
  #wordAt = 0;

  // The raw bytes of a short string or scalar that we need to know: keys and scalars of the two upper levels.
  readonly #captured = Buffer.alloc(maxCapturedBytes);
  #capturedLength = -1;

  /** @param allowedNames at the root of the table, beside those that a control plane may send */
  constructor(allowedNames: readonly string[] = []) {
    this.#content = new FrameContent(allowedNames);
  }

  /**
   * @param chunk is changed where an empty list is written as `{}`
   * @returns what of the chunk belongs to the config table, its closing brace left out
   * @throws ControlPlaneError `bad-frame` at the first byte that does not belong
   */
  write(chunk: Uint8Array): Uint8Array {
    if (!this.#utf8.take(chunk)) {
      throw badFrame('it is not in UTF-8');
    }
    const end = chunk.length;
    const ends = new TokenEnds(chunk);
    const beginEntity = (byte: number, from: number) =>
      this.#content.beginValue(deepestContent, byte, this.#offset + from);
    let at = 0;
    while (at < end) {
      if (this.#place.depth >= deepestContent && this.#place.state < betweenTokens) {
        at = readEntityTokens(chunk, at, ends, this.#place, beginEntity);
        if (at === end) {
          break;
        }
      }
      const byte = chunk[at] as number;
      switch (this.#place.state) {
        case string:
          at = this.#readString(chunk, at);
          continue;
        case afterBackslash:
          this.#readEscape(byte, chunk, at);
          break;
        case unicode:
          this.#readUnicodeDigit(byte, chunk, at);
          break;
        case number:
          if (!this.#readNumber(byte, chunk, at)) {
            // This byte is the first behind the number: it is looked at again in the new state.
            continue;
          }
          break;
        case word:
          this.#readWord(byte, chunk, at);
          break;
        default:
          if (!isWhitespace(byte)) {
            this.#readStructure(byte, chunk, at);
          }
      }
      at += 1;
    }
    const chunkOffset = this.#offset;
    this.#offset += end;
    if (this.#place.depth > deepestContent) {
      this.#content.requireShortEntity(this.#offset);
    }
    mendEmptyLists(chunk, chunkOffset, this.#content.emptyListBraces);
    this.#content.readIdentity(chunk, chunkOffset);
    return this.#content.cutTable(chunk, chunkOffset);
  }

  /**
   * What the frame holds, after its last byte.
   *
   * @throws ControlPlaneError `bad-frame` when the frame is cut short or is not a full configuration in a
   * format that we know
   */
  end(): FrameEnvelope {
    if (this.#place.state !== done) {
      throw this.#refuse('the end of the frame in the middle of the JSON', 0);
    }
    return this.#content.readEnvelope();
  }

  /** Reads a string up to its end, an escape or the chunk's end; returns where to go on. */
  #readString(chunk: Uint8Array, from: number): number {
    const at = findPlainTextEnd(chunk, from, chunk.length);
    if (this.#capturedLength >= 0) {
      this.#capture(chunk, from, at);
    }
    if (at === chunk.length) {
      return at;
    }
    const byte = chunk[at];
    if (byte === quote) {
      this.#capture(chunk, at, at + 1);
      this.#endString();
    } else if (byte === backslash) {
      this.#capture(chunk, at, at + 1);
      this.#place.state = afterBackslash;
    } else {
      throw this.#refuse('a control character inside a string', at);
    }
    return at + 1;
  }

  #readEscape(byte: number, chunk: Uint8Array, at: number): void {
    if (byte === 0x75) {
      this.#place.state = unicode;
      this.#unicodeLeft = 4;
    } else if (isSimpleEscape(byte)) {
      this.#place.state = string;
    } else {
      throw this.#refuse('an escape that JSON does not have', at);
    }
    this.#capture(chunk, at, at + 1);
  }

  #readUnicodeDigit(byte: number, chunk: Uint8Array, at: number): void {
    if (!isHexDigit(byte)) {
      throw this.#refuse('a broken \\u escape', at);
    }
    this.#capture(chunk, at, at + 1);
    this.#unicodeLeft -= 1;
    if (this.#unicodeLeft === 0) {
      this.#place.state = string;
    }
  }

  /** Whether the byte belongs to the number. */
  #readNumber(byte: number, chunk: Uint8Array, at: number): boolean {
    const next = continueNumber(this.#numberState, byte);
    if (next >= 0) {
      this.#numberState = next;
      this.#capture(chunk, at, at + 1);
      return true;
    }
    if (!isWholeNumber(this.#numberState)) {
      throw this.#refuse('a broken number', at);
    }
    this.#endScalar();
    return false;
  }

  #readWord(byte: number, chunk: Uint8Array, at: number): void {
    if (byte !== this.#word[this.#wordAt]) {
      throw this.#refuse('an unknown word', at);
    }
    this.#capture(chunk, at, at + 1);
    this.#wordAt += 1;
    if (this.#wordAt === this.#word.length) {
      this.#endScalar();
    }
  }

  #readStructure(byte: number, chunk: Uint8Array, at: number): void {
    switch (this.#place.state) {
      case value:
        this.#beginValue(byte, chunk, at);
        return;
      case firstValueOrEnd:
        if (byte === closeBracket) {
          this.#close(array, at);
          return;
        }
        this.#beginValue(byte, chunk, at);
        return;
      case firstKeyOrEnd:
        if (byte === closeBrace) {
          this.#close(object, at);
          return;
        }
        this.#beginKey(byte, chunk, at);
        return;
      case key:
        this.#beginKey(byte, chunk, at);
        return;
      case colon:
        if (byte !== colonSign) {
          throw this.#refuse('a key without ":"', at);
        }
        this.#place.state = value;
        return;
      case commaOrEnd:
        if (byte === commaSign) {
          this.#place.state = this.#place.containers[this.#place.depth] === object ? key : value;
        } else if (byte === closeBrace) {
          this.#close(object, at);
        } else if (byte === closeBracket) {
          this.#close(array, at);
        } else {
          throw this.#refuse('a value without "," or an end behind it', at);
        }
        return;
      default:
        throw this.#refuse('bytes behind the end of the JSON', at);
    }
  }

  #beginKey(byte: number, chunk: Uint8Array, at: number): void {
    if (byte !== quote) {
      throw this.#refuse('something else where a key is expected', at);
    }
    this.#stringIsKey = true;
    this.#place.state = string;
    this.#beginCapture(chunk, at);
  }

  #beginValue(byte: number, chunk: Uint8Array, at: number): void {
    if (this.#place.depth === 0 && byte !== openBrace) {
      throw this.#refuse('something that is not a JSON object', at);
    }
    if (this.#place.depth <= deepestContent) {
      this.#content.beginValue(this.#place.depth, byte, this.#offset + at);
    }
    this.#stringIsKey = false;
    if (byte === openBrace || byte === openBracket) {
      this.#open(byte === openBrace ? object : array, at);
      return;
    }
    this.#beginCapture(chunk, at);
    if (byte === quote) {
      this.#place.state = string;
      return;
    }
    const begun = words[byte];
    if (begun !== undefined) {
      this.#word = begun;
      this.#wordAt = 1;
      this.#place.state = word;
      return;
    }
    this.#numberState = beginNumber(byte);
    if (this.#numberState < 0) {
      throw this.#refuse('something that is not a JSON value', at);
    }
    this.#place.state = number;
  }

  #open(container: number, at: number): void {
    if (this.#place.depth === maxDepth) {
      throw this.#refuse(`JSON nested deeper than ${maxDepth} levels`, at);
    }
    this.#place.depth += 1;
    this.#place.containers[this.#place.depth] = container;
    this.#place.state = container === object ? firstKeyOrEnd : firstValueOrEnd;
  }

  #close(container: number, at: number): void {
    if (this.#place.containers[this.#place.depth] !== container) {
      throw this.#refuse('an end that does not fit its beginning', at);
    }
    this.#place.depth -= 1;
    if (this.#place.depth === 1) {
      this.#content.endValueOfEnvelope(this.#offset + at + 1);
    } else if (this.#place.depth === 2) {
      this.#content.endValueOfTable(this.#offset + at);
    }
    this.#place.state = this.#place.depth === 0 ? done : commaOrEnd;
  }

  #endString(): void {
    if (!this.#stringIsKey) {
      this.#endScalar();
      return;
    }
    this.#place.state = colon;
    if (this.#capturedLength >= 0) {
      this.#content.addName(this.#place.depth, String(this.#takeCaptured()));
    }
  }

  #endScalar(): void {
    this.#place.state = commaOrEnd;
    if (this.#capturedLength >= 0) {
      this.#content.addScalar(this.#place.depth, this.#takeCaptured());
    }
  }

  #beginCapture(chunk: Uint8Array, at: number): void {
    if (this.#place.depth <= deepestContent && this.#content.isWanted(this.#place.depth)) {
      this.#capturedLength = 0;
      this.#capture(chunk, at, at + 1);
    }
  }

  #capture(chunk: Uint8Array, from: number, to: number): void {
    if (this.#capturedLength < 0) {
      return;
    }
    if (this.#capturedLength + to - from > maxCapturedBytes) {
      if (this.#stringIsKey) {
        throw badFrame(`it has a key longer than ${maxCapturedBytes} bytes`);
      }
      // A long scalar that is none of those we know: not worth keeping.
      this.#capturedLength = -1;
      return;
    }
    this.#captured.set(chunk.subarray(from, to), this.#capturedLength);
    this.#capturedLength += to - from;
  }

  #takeCaptured(): unknown {
    const text = this.#captured.toString('utf8', 0, this.#capturedLength);
    this.#capturedLength = -1;
    try {
      return JSON.parse(text);
    } catch {
      // Without the cause: the parser's own error quotes the text.
      throw badFrame('a name or a value at its root cannot be read');
    }
  }

  #refuse(what: string, at: number): ControlPlaneError {
    return badFrame(`there is ${what} at byte ${this.#offset + at}`);
  }
}
