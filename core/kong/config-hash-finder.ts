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

const key = Buffer.from('"config_hash"');
/** Colon, quotes, 32 digits, and white space that other control planes may put there. */
const longestValueBytes = 64;

/**
 * Finds the `config_hash` in a frame that comes piece by piece, and looks at nothing else of it: a hundred
 * megabytes of configuration are only searched for one word, which takes a tenth of the time that reading
 * them takes.
 *
 * The word may be in the configuration, too. So it counts only where it stands in the envelope: directly
 * inside the outermost brace, which shows by the braces before it, or by those behind it.
 */
export class ConfigHashFinder {
  #head: JsonDepth | undefined = new JsonDepth(0);
  #searchedEnd: Buffer = Buffer.alloc(0);
  #newest: Occurrence | undefined;
  #surelyFound: string | undefined;

  /** The hash, once nothing that follows can change it. */
  get found(): string | undefined {
    return this.#surelyFound;
  }

  write(piece: Buffer): void {
    if (this.#surelyFound === undefined) {
      this.#search(piece);
    }
  }

  /** The hash, after the last byte; undefined where the envelope has none. */
  end(): string | undefined {
    return this.#surelyFound ?? this.#newest?.hashInEnvelope();
  }

  #search(piece: Buffer): void {
    let searched = 0;
    for (const end of this.#findKeyEnds(piece)) {
      this.#newest?.write(piece, searched, end);
      this.#newest = new Occurrence(this.#isInEnvelope(piece, end));
      searched = end;
    }
    this.#newest?.write(piece, searched, piece.length);
    this.#surelyFound = this.#newest?.surelyFound();
    // Where the table comes first there is nothing left to gain by counting braces from the beginning.
    this.#head = undefined;
    // Room for all of a key but its end, and for what stands before it.
    this.#searchedEnd = Buffer.concat([this.#searchedEnd, piece.subarray(-key.length)]).subarray(-key.length);
  }

  /** Where the key ends in this piece, also where it has begun in the one before. */
  *#findKeyEnds(piece: Buffer): Generator<number> {
    const known = this.#searchedEnd;
    const seam = Buffer.concat([known, piece.subarray(0, key.length)]);
    for (const end of findKeyEnds(seam)) {
      if (end > known.length) {
        yield end - known.length;
      }
    }
    yield* findKeyEnds(piece);
  }

  /** Whether the braces before it say so; they are counted in the first piece alone. */
  #isInEnvelope(piece: Buffer, end: number): boolean {
    this.#head?.write(piece, this.#head.readBytes, end);
    return this.#head?.depth === 1 && !this.#head.isInString;
  }
}

/**
 * What stands before a name is a brace, a comma or white space. After a backslash the quote is a character of
 * another one.
 */
function* findKeyEnds(bytes: Buffer): Generator<number> {
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) {
    const before = bytes[at - 1];
    if (before === openBrace || before === commaSign || (before !== undefined && isWhitespace(before))) {
      yield at + key.length;
    }
  }
}

/** One place where the key stands, and what follows it. */
class Occurrence {
  readonly #isInEnvelope: boolean;
  readonly #behind = new JsonDepth(1);
  #value = '';

  constructor(isInEnvelope: boolean) {
    this.#isInEnvelope = isInEnvelope;
  }

  write(piece: Buffer, from: number, to: number): void {
    const missing = longestValueBytes - this.#value.length;
    this.#value += piece.toString('latin1', from, Math.min(to, from + missing));
    if (!this.#isInEnvelope) {
      this.#behind.write(piece, from, to);
    }
  }

  surelyFound(): string | undefined {
    return this.#isInEnvelope ? this.#hash() : undefined;
  }

  /** The outermost brace closes with the last byte, so the key stands directly inside of it. */
  hashInEnvelope(): string | undefined {
    return this.#behind.isAtEnd ? this.#hash() : undefined;
  }

  #hash(): string | undefined {
    return /^\s*:\s*"([0-9a-f]{32})"/.exec(this.#value)?.[1];
  }
}

/** Counts the braces and brackets of JSON that are open. */
class JsonDepth {
  depth: number;
  isInString = false;
  readBytes = 0;
  #isEscaped = false;
  #isClosed = false;
  #hasMore = false;

  constructor(depth: number) {
    this.depth = depth;
  }

  /** Whether the outermost brace is closed, and nothing but white space has followed. */
  get isAtEnd(): boolean {
    return this.#isClosed && !this.#hasMore;
  }

  write(piece: Buffer, from: number, to: number): void {
    for (let at = from; at < to && !this.#hasMore; at += 1) {
      this.#read(piece[at] as number);
    }
    this.readBytes += to - from;
  }

  #read(byte: number): void {
    if (this.#isClosed) {
      this.#hasMore = !isWhitespace(byte);
    } else if (this.isInString) {
      this.isInString = this.#isEscaped || byte !== quote;
      this.#isEscaped = !this.#isEscaped && byte === backslash;
    } else if (byte === quote) {
      this.isInString = true;
    } else if (byte === openBrace || byte === openBracket) {
      this.depth += 1;
    } else if (byte === closeBrace || byte === closeBracket) {
      this.depth -= 1;
    }
    this.#isClosed ||= this.depth === 0;
  }
}
