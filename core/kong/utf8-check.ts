import { isUtf8 } from 'node:buffer';

/** Of the longest character. */
const mostBytes = 4;

/** Checks that pieces are UTF-8 together: a character may begin in one and end in the next. */
export class Utf8Check {
  /** The beginning of a character whose end has not come. */
  #begun: Uint8Array = new Uint8Array(0);

  /** Whether all that has come so far may be the beginning of UTF-8. */
  take(piece: Uint8Array): boolean {
    let from = 0;
    if (this.#begun.length > 0) {
      from = Math.min(lengthOf(this.#begun[0] as number) - this.#begun.length, piece.length);
      const character = Buffer.concat([this.#begun, piece.subarray(0, from)]);
      this.#begun = new Uint8Array(0);
      if (character.length < lengthOf(character[0] as number)) {
        this.#begun = character;
        return isBeginning(character);
      }
      if (!isUtf8(character)) {
        return false;
      }
    }
    const to = findLastBeginning(piece, from);
    // A copy: the few bytes must not keep the whole piece.
    this.#begun = Uint8Array.from(piece.subarray(to));
    return isUtf8(piece.subarray(from, to)) && isBeginning(this.#begun);
  }
}

/** How many bytes a character has, by its first one; 1 also for what begins none. */
function lengthOf(first: number): number {
  return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/** Where a character begins at the end of a piece whose last bytes are missing; else the piece's end. */
function findLastBeginning(piece: Uint8Array, from: number): number {
  const end = piece.length;
  for (let at = end - 1; at >= Math.max(from, end - mostBytes + 1); at -= 1) {
    const byte = piece[at] as number;
    if (byte >= 0xc0) {
      return at + lengthOf(byte) > end ? at : end;
    }
    if (byte < 0x80) {
      return end;
    }
  }
  return end;
}

/** Whether a character may begin so: any wrong one is found when its end comes, and this one never ends. */
function isBeginning(begun: Uint8Array): boolean {
  return begun.length === 0 || (begun[0] as number) <= 0xf4;
}
