import {
  backslash,
  closeBrace,
  closeBracket,
  colonSign,
  commaSign,
  findPlainTextEnd,
  openBrace,
  openBracket,
  quote,
} from './json-grammar.ts';

/** An entity of a declarative config file. */
export interface ListedEntity {
  /** The list that it stands in. */
  readonly type: string;
  /** Its `id`, or its `key` where there is none (`parameters`). */
  readonly id: string;
  /** Its JSON as it stands in the file. */
  readonly json: Uint8Array;
}

/**
 * Reads the entities of a file or table that was checked when it came. Only those of one piece are in memory
 * at a time, and none is parsed.
 *
 * @param file the uncompressed file, in pieces
 * @param takeRoot is given what is left of the file at its end: the same JSON with all its lists empty
 * @returns the entities of a piece together: one by one, waiting for each would cost more than reading it
 */
export async function* readEntities(
  file: AsyncIterable<Uint8Array>,
  takeRoot?: (json: Uint8Array) => void,
): AsyncGenerator<readonly ListedEntity[]> {
  const splitter = new EntitySplitter();
  for await (const piece of file) {
    yield splitter.split(piece);
  }
  takeRoot?.(splitter.root());
}

/** Stands for any key that is not looked for. */
const otherField = '-';

/** Finds entities by strings and nesting alone. Depth 1 is the root, 2 a list, 3 an entity. */
export class EntitySplitter {
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
  /** What stands outside of entities, without what separates them. */
  readonly #root: Uint8Array[] = [];
  /** Whether an entity of the list being read has come. */
  #isBehindEntity = false;

  /** What stands outside of entities, so far. */
  root(): Uint8Array {
    return Buffer.concat(this.#root);
  }

  /** @returns the entities that end in the next piece of a file */
  split(piece: Uint8Array): readonly ListedEntity[] {
    const entities: ListedEntity[] = [];
    const end = piece.length;
    let entityStart = this.#depth >= 3 ? 0 : -1;
    let rootStart = this.#depth >= 3 || this.#isBehindEntity ? -1 : 0;
    let at = 0;
    while (at < end) {
      if (this.#inString) {
        at = this.#string(piece, at);
        continue;
      }
      const byte = piece[at];
      if (byte === quote) {
        const textEnd = this.#isStringWanted() ? -1 : findPlainTextEnd(piece, at + 1, end);
        if (piece[textEnd] === quote) {
          at = textEnd + 1;
          continue;
        }
        this.#inString = true;
      } else if (byte === colonSign) {
        if (this.#depth === 1) {
          this.#type = this.#lastString;
        } else if (this.#depth === 3) {
          this.#field = this.#lastString === '' ? otherField : this.#lastString;
        }
      } else if (byte === commaSign && this.#depth === 3) {
        this.#field = '';
      } else if (byte === openBrace || byte === openBracket) {
        this.#depth += 1;
        if (this.#depth === 3) {
          this.#addToRoot(piece, rootStart, at);
          rootStart = -1;
          entityStart = at;
          this.#id = '';
          this.#key = '';
          this.#field = '';
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        if (this.#depth === 3) {
          entities.push(this.#entity(piece.subarray(entityStart, at + 1)));
          entityStart = -1;
          this.#isBehindEntity = true;
        } else if (this.#depth === 2 && this.#isBehindEntity) {
          // The end of its list.
          this.#isBehindEntity = false;
          rootStart = at;
        }
        this.#depth -= 1;
      }
      at += 1;
    }
    if (entityStart >= 0) {
      this.#begun.push(piece.subarray(entityStart));
    }
    this.#addToRoot(piece, rootStart, end);
    return entities;
  }

  #addToRoot(piece: Uint8Array, from: number, to: number): void {
    if (from >= 0) {
      // A copy: the few bytes must not keep the whole piece in memory.
      this.#root.push(Buffer.from(piece.subarray(from, to)));
    }
  }

  /** Reads a string up to its end or the piece's; returns where to go on. */
  #string(piece: Uint8Array, from: number): number {
    const end = piece.length;
    const isWanted = this.#isStringWanted();
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

  /** Names at the root, and in an entity its keys and the values of those that name it. */
  #isStringWanted(): boolean {
    return (
      this.#depth === 1 ||
      (this.#depth === 3 && (this.#field === '' || this.#field === 'id' || this.#field === 'key'))
    );
  }

  #endOfString(): void {
    // Most keys are longer than those that are looked for, and not worth a string.
    const isOther = this.#depth === 3 && this.#field === '' && (this.#text[0]?.length ?? 0) > 'key'.length;
    this.#lastString = isOther ? '' : Buffer.concat(this.#text).toString('latin1');
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
