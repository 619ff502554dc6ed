import { hash } from 'node:crypto';
import { canonicalizeJson } from '../kong/canonical-json.ts';
import { type ListedEntity, readEntities } from '../kong/entity-reader.ts';

/** Opens an uncompressed file for reading from its beginning. */
export type FileOpener = () => AsyncIterable<Uint8Array>;

/** The files have too little in common to be compared in the memory that there is. */
export class TooDifferent extends Error {
  override readonly name = 'TooDifferent';
}

/** Is told what a comparison finds. The rows are valid during the call alone. */
export interface DifferenceTaker {
  added(row: ListedEntity): void;
  removed(row: ListedEntity): void;
  updated(before: ListedEntity, after: ListedEntity): void;
  /** A type of which some row has no pair so far. */
  mention?(type: string): void;
}

/** A row that waits takes this besides its JSON. */
const bytesPerWaitingRow = 200;

/**
 * Compares two published files, entity by entity and by content: neither the order of rows nor that of their
 * keys matters, since the control plane keeps neither. Both are read once and side by side, a row of one and
 * a row of the other. Mostly these are the same row, byte for byte. In memory are the rows whose other side
 * has not come yet: what was added or removed, and what stands at another place.
 *
 * @throws TooDifferent when those take more than `maxWaitingBytes`
 */
export async function compareFiles(
  before: FileOpener,
  after: FileOpener,
  taker: DifferenceTaker,
  maxWaitingBytes: number,
): Promise<void> {
  const rows = { before: new Rows(before()), after: new Rows(after()) };
  const pairs = new Pairs(taker, maxWaitingBytes);
  try {
    for (;;) {
      const [hasOld, hasNew] = [await rows.before.fill(), await rows.after.fill()];
      if (!hasOld && !hasNew) {
        pairs.end();
        return;
      }
      pairs.take(rows.before, rows.after);
    }
  } finally {
    await Promise.all([rows.before.leave(), rows.after.leave()]);
  }
}

/** The entities of a file, one after another. */
class Rows {
  readonly #pieces: AsyncGenerator<readonly ListedEntity[]>;
  #rows: readonly ListedEntity[] = [];
  #at = 0;
  #isOver = false;

  constructor(file: AsyncIterable<Uint8Array>) {
    this.#pieces = readEntities(file);
  }

  get isEmpty(): boolean {
    return this.#at === this.#rows.length;
  }

  get isOver(): boolean {
    return this.#isOver && this.isEmpty;
  }

  /** Reads on where nothing is left to take; whether there is anything. */
  async fill(): Promise<boolean> {
    while (this.isEmpty && !this.#isOver) {
      const { done, value } = await this.#pieces.next();
      this.#isOver = done === true;
      this.#rows = value ?? [];
      this.#at = 0;
    }
    return !this.isEmpty;
  }

  next(): ListedEntity | undefined {
    const row = this.#rows[this.#at];
    this.#at += row === undefined ? 0 : 1;
    return row;
  }

  async leave(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}

/** Finds the row of the other file for each row, and tells what differs. */
class Pairs {
  readonly #taker: DifferenceTaker;
  readonly #maxWaitingBytes: number;
  readonly #old = new WaitingRows();
  readonly #new = new WaitingRows();
  #waitingBytes = 0;
  /** The file whose rows the other one is waiting for: it alone is read until it has caught up. */
  #behind: 'before' | 'after' | undefined;

  constructor(taker: DifferenceTaker, maxWaitingBytes: number) {
    this.#taker = taker;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  /** Takes rows of both until one of them must be read on. */
  take(before: Rows, after: Rows): void {
    for (;;) {
      const takesOld = !before.isOver && (this.#behind !== 'after' || after.isOver);
      const takesNew = !after.isOver && (this.#behind !== 'before' || before.isOver);
      if ((takesOld && before.isEmpty) || (takesNew && after.isEmpty) || !(takesOld || takesNew)) {
        return;
      }
      this.#takeRows(takesOld ? before.next() : undefined, takesNew ? after.next() : undefined);
    }
  }

  /** Behind the last row: what still waits has no pair. */
  end(): void {
    for (const row of this.#new.all()) {
      this.#taker.added(row);
    }
    for (const row of this.#old.all()) {
      this.#taker.removed(row);
    }
  }

  #takeRows(oldRow: ListedEntity | undefined, newRow: ListedEntity | undefined): void {
    if (oldRow !== undefined && newRow !== undefined && isSameRow(oldRow, newRow)) {
      this.#compare(oldRow, newRow);
      return;
    }
    this.#behind = undefined;
    if (oldRow !== undefined) {
      const pair = this.#takePair(this.#new, oldRow);
      if (pair === undefined) {
        this.#wait(this.#old, oldRow);
      } else {
        this.#compare(oldRow, pair);
        this.#behind = this.#new.size > 0 ? 'before' : undefined;
      }
    }
    if (newRow !== undefined) {
      const pair = this.#takePair(this.#old, newRow);
      if (pair === undefined) {
        this.#wait(this.#new, newRow);
      } else {
        this.#compare(pair, newRow);
        this.#behind = this.#old.size > 0 ? 'after' : undefined;
      }
    }
  }

  #takePair(waiting: WaitingRows, row: ListedEntity): ListedEntity | undefined {
    const pair = waiting.size === 0 ? undefined : waiting.take(rowKey(row));
    if (pair !== undefined) {
      this.#waitingBytes -= pair.json.length + bytesPerWaitingRow;
    }
    return pair;
  }

  #wait(waiting: WaitingRows, row: ListedEntity): void {
    this.#waitingBytes += row.json.length + bytesPerWaitingRow;
    if (this.#waitingBytes > this.#maxWaitingBytes) {
      throw new TooDifferent('the revisions have too little in common to list what differs');
    }
    this.#taker.mention?.(row.type);
    // A copy: one row must not keep the whole piece that it came in.
    waiting.add(rowKey(row), { ...row, json: Buffer.from(row.json) });
  }

  #compare(oldRow: ListedEntity, newRow: ListedEntity): void {
    if (
      Buffer.compare(oldRow.json, newRow.json) !== 0 &&
      canonicalizeJson(oldRow.json) !== canonicalizeJson(newRow.json)
    ) {
      this.#taker.updated(oldRow, newRow);
    }
  }
}

interface WaitingRow {
  readonly row: ListedEntity;
  /** Another one with the same key. */
  readonly next: WaitingRow | undefined;
}

/** Rows by their keys. Entities of custom plugins may share one: their `key` need not be what names them. */
class WaitingRows {
  readonly #rows = new Map<string, WaitingRow>();

  /** How many keys wait. */
  get size(): number {
    return this.#rows.size;
  }

  add(key: string, row: ListedEntity): void {
    this.#rows.set(key, { row, next: this.#rows.get(key) });
  }

  take(key: string): ListedEntity | undefined {
    const waiting = this.#rows.get(key);
    if (waiting?.next === undefined) {
      this.#rows.delete(key);
    } else {
      this.#rows.set(key, waiting.next);
    }
    return waiting?.row;
  }

  *all(): Generator<ListedEntity> {
    for (const first of this.#rows.values()) {
      for (let each: WaitingRow | undefined = first; each !== undefined; each = each.next) {
        yield each.row;
      }
    }
  }
}

function isSameRow(one: ListedEntity, other: ListedEntity): boolean {
  return one.id !== '' && one.id === other.id && one.type === other.type;
}

function rowKey({ type, id, json }: ListedEntity): string {
  // A row without any id is its own identity. Nobody gains by a collision.
  return `${type}/${id === '' ? hash('md5', json, 'base64') : id}`;
}
