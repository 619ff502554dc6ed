/** An entity of a declarative config file. */
export interface ListedEntity {
  /** The list that it stands in. */
  readonly type: string;
  /** Its `id`, or its `key` where there is none (`parameters`). */
  readonly id: string;
  /** Its JSON as it stands in the file. */
  readonly json: Uint8Array;
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;

/**
 * Reads the entities of a file that was checked when it was published. Only those of one piece are in memory
 * at a time, and none is parsed.
 *
 * @param file the uncompressed file, in pieces
 * @returns the entities of a piece together: one by one, waiting for each would cost more than reading it
 */
export async function* readEntities(
  file: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly ListedEntity[]> {
  const splitter = new EntitySplitter();
  for await (const piece of file) {
    yield splitter.split(piece);
  }
}

/** Finds entities by strings and nesting alone. Depth 1 is the root, 2 a list, 3 an entity. */
class EntitySplitter {
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Bytes of the short string being read, where it may be a key of the root or of an entity, or an id. */
  #text: Uint8Array[] = [];
  #lastString = '';
  #type = '';
  /** The entity's key whose value comes next. */
  #field = '';
  #id = '';
  #key = '';
  /** What earlier pieces hold of the entity being read. */
  #begun: Uint8Array[] = [];

  split(piece: Uint8Array): readonly ListedEntity[] {
    const entities: ListedEntity[] = [];
    const end = piece.length;
    let entityStart = this.#depth >= 3 ? 0 : -1;
    let at = 0;
    while (at < end) {
      if (this.#inString) {
        at = this.#string(piece, at);
        continue;
      }
      const byte = piece[at];
      if (byte === quote) {
        this.#inString = true;
      } else if (byte === colon) {
        if (this.#depth === 1) {
          this.#type = this.#lastString;
        } else if (this.#depth === 3) {
          this.#field = this.#lastString;
        }
      } else if (byte === openBrace || byte === openBracket) {
        this.#depth += 1;
        if (this.#depth === 3) {
          entityStart = at;
          this.#id = '';
          this.#key = '';
          this.#field = '';
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        if (this.#depth === 3) {
          entities.push(this.#entity(piece.subarray(entityStart, at + 1)));
          entityStart = -1;
        }
        this.#depth -= 1;
      }
      at += 1;
    }
    if (entityStart >= 0) {
      this.#begun.push(piece.subarray(entityStart));
    }
    return entities;
  }

  /** Reads a string up to its end or the piece's; returns where to go on. */
  #string(piece: Uint8Array, from: number): number {
    const end = piece.length;
    const isWanted = this.#depth === 1 || this.#depth === 3;
    let at = this.#escaped ? from + 1 : from;
    while (at < end) {
      const byte = piece[at];
      if (byte === quote) {
        break;
      }
      at += byte === backslash ? 2 : 1;
    }
    // The piece may end between a backslash and what it escapes.
    this.#escaped = at > end;
    at = Math.min(at, end);
    if (isWanted) {
      this.#text.push(piece.subarray(from, at));
    }
    if (at === end) {
      return at;
    }
    this.#inString = false;
    if (isWanted) {
      this.#endOfString();
    }
    return at + 1;
  }

  #endOfString(): void {
    const [only, ...more] = this.#text;
    this.#lastString =
      only === undefined
        ? ''
        : Buffer.from(more.length === 0 ? only : Buffer.concat(this.#text)).toString('latin1');
    this.#text = [];
    if (this.#depth === 3 && this.#field === 'id') {
      this.#id = this.#lastString;
    } else if (this.#depth === 3 && this.#field === 'key') {
      this.#key = this.#lastString;
    }
    this.#field = '';
  }

  #entity(end: Uint8Array): ListedEntity {
    const json = this.#begun.length === 0 ? end : Buffer.concat([...this.#begun, end]);
    this.#begun = [];
    return { type: this.#type, id: this.#id === '' ? this.#key : this.#id, json };
  }
}
