import { ControlPlaneError } from './errors.ts';

/** Where the declarative config stands in a frame, and what the frame says of itself. Offsets count bytes of the inflated frame. */
export interface FrameEnvelope {
  /** Offset of the config table's opening brace. */
  readonly tableStart: number;
  /** Offset just behind the config table's closing brace. */
  readonly tableEnd: number;
  /** The control plane's md5 over the undiluted configuration: equal means unchanged. */
  readonly configHash: string;
  /** When the control plane built it. */
  readonly builtAt: Date;
  /** Number of entities by type, in the order of the table. */
  readonly entities: Readonly<Record<string, number>>;
}

// Deeper than any plugin's schema, far below what a parser could choke on.
const maxDepth = 100;
// Keys and scalars of the envelope are short; entity types of plugins are, too.
const maxCapturedBytes = 256;

// What may come next.
const value = 0;
const firstValueOrEnd = 1;
const firstKeyOrEnd = 2;
const key = 3;
const colon = 4;
const commaOrEnd = 5;
const string = 6;
const afterBackslash = 7;
const unicode = 8;
const number = 9;
const literal = 10;
const done = 11;

// Where in the number grammar of RFC 8259 section 6 we are.
const minus = 0;
const zero = 1;
const integer = 2;
const point = 3;
const fraction = 4;
const exponent = 5;
const exponentSign = 6;
const exponentDigits = 7;

const object = 1;
const array = 2;

const quote = 0x22;
const backslash = 0x5c;

const literals: Readonly<Record<number, Buffer>> = {
  116: Buffer.from('true'),
  102: Buffer.from('false'),
  110: Buffer.from('null'),
};

/**
 * Reads a frame of the cluster endpoint piece by piece and checks it completely (JSON by RFC 8259, and the envelope of Kong's full sync)
 * without building an object or a string of it: memory does not grow with the configuration.
 */
export class FrameScanner {
  #state: number = value;
  #offset = 0;
  #depth = 0;
  readonly #containers = new Uint8Array(maxDepth + 1);
  #stringIsKey = false;
  #unicodeLeft = 0;
  #numberState = 0;
  #literal: Buffer = Buffer.alloc(0);
  #literalAt = 0;

  // The raw bytes of a short string or scalar that we need to know: keys and scalars of the two upper levels.
  readonly #captured = Buffer.alloc(maxCapturedBytes);
  #capturedLength = -1;

  #envelopeKey = '';
  #tableKey = '';
  readonly #envelopeKeys = new Set<string>();
  readonly #tableKeys = new Set<string>();
  readonly #envelope = new Map<string, unknown>();
  readonly #table = new Map<string, unknown>();
  readonly #entities = new Map<string, number>();
  #tableStart = -1;
  #tableEnd = -1;

  /**
   * @returns what of the chunk belongs to the config table, its closing brace left out
   * @throws ControlPlaneError `bad-frame` at the first byte that does not belong
   */
  write(chunk: Uint8Array): Uint8Array {
    const chunkStart = this.#offset;
    const end = chunk.length;
    let at = 0;
    while (at < end) {
      const byte = chunk[at] as number;
      switch (this.#state) {
        case string: {
          const from = at;
          at = plainTextEnd(chunk, at, end);
          if (this.#capturedLength >= 0) {
            this.#capture(chunk, from, at);
          }
          if (at === end) {
            continue;
          }
          const next = chunk[at];
          if (next === quote) {
            this.#capture(chunk, at, at + 1);
            this.#endOfString();
          } else if (next === backslash) {
            this.#capture(chunk, at, at + 1);
            this.#state = afterBackslash;
          } else {
            throw this.#refusal('a control character inside a string', at);
          }
          at += 1;
          continue;
        }
        case afterBackslash:
          if (byte === 0x75) {
            this.#state = unicode;
            this.#unicodeLeft = 4;
          } else if (isSimpleEscape(byte)) {
            this.#state = string;
          } else {
            throw this.#refusal('an escape that JSON does not have', at);
          }
          this.#capture(chunk, at, at + 1);
          at += 1;
          continue;
        case unicode:
          if (!isHexDigit(byte)) {
            throw this.#refusal('a broken \\u escape', at);
          }
          this.#capture(chunk, at, at + 1);
          this.#unicodeLeft -= 1;
          if (this.#unicodeLeft === 0) {
            this.#state = string;
          }
          at += 1;
          continue;
        case number: {
          const next = nextInNumber(this.#numberState, byte);
          if (next >= 0) {
            this.#numberState = next;
            this.#capture(chunk, at, at + 1);
            at += 1;
          } else if (isWholeNumber(this.#numberState)) {
            // This byte is the first behind the number: it is looked at again in the new state.
            this.#endOfScalar();
          } else {
            throw this.#refusal('a broken number', at);
          }
          continue;
        }
        case literal:
          if (byte !== this.#literal[this.#literalAt]) {
            throw this.#refusal('an unknown word', at);
          }
          this.#capture(chunk, at, at + 1);
          this.#literalAt += 1;
          at += 1;
          if (this.#literalAt === this.#literal.length) {
            this.#endOfScalar();
          }
          continue;
        default:
      }
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        at += 1;
        continue;
      }
      this.#structure(byte, chunk, at);
      at += 1;
    }
    this.#offset += end;
    return this.#tableStart < 0
      ? chunk.subarray(0, 0)
      : chunk.subarray(
          Math.max(0, this.#tableStart - chunkStart),
          this.#tableEnd < 0 ? end : Math.max(0, this.#tableEnd - 1 - chunkStart),
        );
  }

  /**
   * What the frame holds, after its last byte.
   *
   * @throws ControlPlaneError `bad-frame` when the frame is cut short or is not a full configuration in a format that we know
   */
  end(): FrameEnvelope {
    if (this.#state !== done) {
      throw this.#refusal('the end of the frame in the middle of the JSON', 0);
    }
    const type = this.#envelope.get('type');
    if (type !== 'reconfigure') {
      throw badFrame(`its type is ${shown(type)} where "reconfigure" is expected`);
    }
    if (this.#tableStart < 0) {
      throw badFrame('it has no config_table');
    }
    const formatVersion = this.#table.get('_format_version');
    if (formatVersion !== '3.0') {
      throw badFrame(`the config_table's _format_version is ${shown(formatVersion)} where "3.0" is expected`);
    }
    if (this.#table.get('_transform') !== false) {
      throw badFrame(
        "the config_table's _transform is not false: data planes would hash passwords that are hashed already",
      );
    }
    const configHash = this.#envelope.get('config_hash');
    if (typeof configHash !== 'string' || !/^[0-9a-f]{32}$/.test(configHash)) {
      throw badFrame('its config_hash is not an md5 in hexadecimal digits');
    }
    return {
      tableStart: this.#tableStart,
      tableEnd: this.#tableEnd,
      configHash,
      builtAt: instant(this.#envelope.get('timestamp')),
      entities: Object.fromEntries(this.#entities),
    };
  }

  #structure(byte: number, chunk: Uint8Array, at: number): void {
    switch (this.#state) {
      case value:
        this.#beginValue(byte, chunk, at);
        return;
      case firstValueOrEnd:
        if (byte === 0x5d) {
          this.#close(array, at);
          return;
        }
        this.#beginValue(byte, chunk, at);
        return;
      case firstKeyOrEnd:
        if (byte === 0x7d) {
          this.#close(object, at);
          return;
        }
        this.#beginKey(byte, chunk, at);
        return;
      case key:
        this.#beginKey(byte, chunk, at);
        return;
      case colon:
        if (byte !== 0x3a) {
          throw this.#refusal('a key without ":"', at);
        }
        this.#state = value;
        return;
      case commaOrEnd:
        if (byte === 0x2c) {
          this.#state = this.#containers[this.#depth] === object ? key : value;
        } else if (byte === 0x7d) {
          this.#close(object, at);
        } else if (byte === 0x5d) {
          this.#close(array, at);
        } else {
          throw this.#refusal('a value without "," or an end behind it', at);
        }
        return;
      default:
        throw this.#refusal('bytes behind the end of the JSON', at);
    }
  }

  #inTable(): boolean {
    return this.#envelopeKey === 'config_table';
  }

  #beginKey(byte: number, chunk: Uint8Array, at: number): void {
    if (byte !== quote) {
      throw this.#refusal('something else where a key is expected', at);
    }
    this.#stringIsKey = true;
    this.#state = string;
    if (this.#depth === 1 || (this.#depth === 2 && this.#inTable())) {
      this.#capturedLength = 0;
      this.#capture(chunk, at, at + 1);
    }
  }

  #beginValue(byte: number, chunk: Uint8Array, at: number): void {
    this.#checkPlace(byte, at);
    this.#stringIsKey = false;
    if (byte === 0x7b || byte === 0x5b) {
      this.#open(byte === 0x7b ? object : array, at);
      return;
    }
    if (this.#depth === 1 || (this.#depth === 2 && this.#inTable())) {
      this.#capturedLength = 0;
      this.#capture(chunk, at, at + 1);
    }
    const word = literals[byte];
    if (byte === quote) {
      this.#state = string;
    } else if (word !== undefined) {
      this.#literal = word;
      this.#literalAt = 1;
      this.#state = literal;
    } else if (byte === 0x2d) {
      this.#state = number;
      this.#numberState = minus;
    } else if (byte >= 0x30 && byte <= 0x39) {
      this.#state = number;
      this.#numberState = byte === 0x30 ? zero : integer;
    } else {
      throw this.#refusal('something that is no JSON value', at);
    }
  }

  /** Only values of the right kind stand at the places that we rely on. */
  #checkPlace(byte: number, at: number): void {
    if (this.#depth === 0 && byte !== 0x7b) {
      throw this.#refusal('something that is no JSON object', at);
    }
    if (this.#depth === 1 && this.#inTable()) {
      if (byte !== 0x7b) {
        throw badFrame('its config_table is no object');
      }
      this.#tableStart = this.#offset + at;
    } else if (this.#depth === 2 && this.#inTable() && !this.#tableKey.startsWith('_')) {
      if (byte !== 0x5b) {
        throw badFrame(`"${this.#tableKey}" in the config_table is no list of entities`);
      }
      this.#entities.set(this.#tableKey, 0);
    } else if (this.#depth === 3 && this.#inTable() && !this.#tableKey.startsWith('_')) {
      if (byte !== 0x7b) {
        throw badFrame(`"${this.#tableKey}" in the config_table holds something that is no entity`);
      }
      this.#entities.set(this.#tableKey, (this.#entities.get(this.#tableKey) ?? 0) + 1);
    }
  }

  #open(container: number, at: number): void {
    if (this.#depth === maxDepth) {
      throw this.#refusal(`JSON nested deeper than ${maxDepth} levels`, at);
    }
    this.#depth += 1;
    this.#containers[this.#depth] = container;
    this.#state = container === object ? firstKeyOrEnd : firstValueOrEnd;
  }

  #close(container: number, at: number): void {
    if (this.#containers[this.#depth] !== container) {
      throw this.#refusal('an end that does not fit its beginning', at);
    }
    this.#depth -= 1;
    if (this.#depth === 1 && this.#inTable()) {
      this.#tableEnd = this.#offset + at + 1;
    }
    this.#state = this.#depth === 0 ? done : commaOrEnd;
  }

  #endOfString(): void {
    if (!this.#stringIsKey) {
      this.#endOfScalar();
      return;
    }
    this.#state = colon;
    if (this.#capturedLength >= 0) {
      this.#name(String(this.#takeCaptured()));
    }
  }

  #endOfScalar(): void {
    this.#state = commaOrEnd;
    if (this.#capturedLength < 0) {
      return;
    }
    const scalar = this.#takeCaptured();
    if (this.#depth === 1) {
      this.#envelope.set(this.#envelopeKey, scalar);
    } else {
      this.#table.set(this.#tableKey, scalar);
    }
  }

  #name(name: string): void {
    const names = this.#depth === 1 ? this.#envelopeKeys : this.#tableKeys;
    if (names.has(name)) {
      throw badFrame(`"${name}" stands in it twice`);
    }
    names.add(name);
    if (this.#depth === 1) {
      this.#envelopeKey = name;
      return;
    }
    this.#tableKey = name;
    // Data planes refuse any other underscored field at the root (kong/db/declarative), and _comment is ours.
    if (name.startsWith('_') && name !== '_format_version' && name !== '_transform') {
      throw badFrame(
        `the config_table has "${name}", which data planes would refuse or which is ours to add`,
      );
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
    return JSON.parse(text);
  }

  #refusal(what: string, at: number): ControlPlaneError {
    return badFrame(`there is ${what} at byte ${this.#offset + at}`);
  }
}

/** @throws nothing: makes the error for a frame that is not a complete configuration */
export function badFrame(what: string, options?: ErrorOptions): ControlPlaneError {
  return new ControlPlaneError(
    'bad-frame',
    `the control plane sent a frame that is no complete configuration: ${what}. Nothing of it was published; what was published before stays`,
    options,
  );
}

function instant(timestamp: unknown): Date {
  const builtAt = new Date(typeof timestamp === 'number' ? Math.floor(timestamp * 1000) : Number.NaN);
  // Before the first hybrid mode there was no frame; beyond the year 9999 ISO 8601 needs more digits.
  if (!(builtAt.getTime() > Date.UTC(2019) && builtAt.getTime() < Date.UTC(10_000))) {
    throw badFrame('its timestamp is no time in epoch seconds');
  }
  return builtAt;
}

function shown(scalar: unknown): string {
  return scalar === undefined ? 'missing' : JSON.stringify(scalar).slice(0, 40);
}

/**
 * Where a string's run of plain characters ends. Nearly all bytes of a configuration are spent here; a small function is compiled sooner
 * than the large one around it, which counts in a process that reads a single frame.
 */
function plainTextEnd(chunk: Uint8Array, from: number, end: number): number {
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

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function isSimpleEscape(byte: number): boolean {
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

function isWholeNumber(state: number): boolean {
  return state === zero || state === integer || state === fraction || state === exponentDigits;
}

/** The next place in the number grammar, or -1 when the byte is no part of the number. */
function nextInNumber(state: number, byte: number): number {
  const digit = byte >= 0x30 && byte <= 0x39;
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
