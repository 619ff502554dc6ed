import { hash } from 'node:crypto';
import { canonicalizeJson } from '../kong/canonical-json.ts';
import { type ListedEntity, readEntities } from '../kong/entity-reader.ts';

/** What happened to the entities of one type between two files. */
export interface TypeChanges {
  readonly added: number;
  readonly updated: number;
  readonly removed: number;
  /** The first of them by name, or by id where the type has no name that may be shown. */
  readonly examples: {
    readonly added: readonly string[];
    readonly updated: readonly string[];
    readonly removed: readonly string[];
  };
}

/** By entity type; types in which nothing changed are left out. */
export type Changes = Readonly<Record<string, TypeChanges>>;

/** Opens an uncompressed file for reading from its beginning. */
export type FileOpener = () => AsyncIterable<Uint8Array>;

const shownExamples = 5;

/**
 * The field that a person knows an entity by. Only for these types: other types have no name, and the closest
 * field is a key, a password or a token.
 */
const nameFields: Readonly<Record<string, string>> = {
  services: 'name',
  routes: 'name',
  consumers: 'username',
  consumer_groups: 'name',
  plugins: 'name',
  upstreams: 'name',
  targets: 'target',
  snis: 'name',
  key_sets: 'name',
  keys: 'name',
  vaults: 'prefix',
  filter_chains: 'name',
  partials: 'name',
};

type Kind = 'added' | 'updated' | 'removed';
type Kinds = Readonly<Record<Kind, { count: number; readonly examples: string[] }>>;

/** The files have too little in common to be compared in the memory that there is. */
export class TooDifferent extends Error {
  override readonly name = 'TooDifferent';
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
export async function changesBetween(
  before: FileOpener,
  after: FileOpener,
  maxWaitingBytes = 64 * 2 ** 20,
): Promise<Changes> {
  const rows = { before: new Rows(before()), after: new Rows(after()) };
  const pairs = new Pairs(maxWaitingBytes);
  try {
    for (;;) {
      const [hasOld, hasNew] = [await rows.before.fill(), await rows.after.fill()];
      if (!hasOld && !hasNew) {
        return pairs.changes();
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
  readonly #maxWaitingBytes: number;
  readonly #tally = new Tally();
  readonly #old = new Map<string, ListedEntity>();
  readonly #new = new Map<string, ListedEntity>();
  #waitingBytes = 0;
  /** The file whose rows the other one is waiting for: it alone is read until it has caught up. */
  #behind: 'before' | 'after' | undefined;

  constructor(maxWaitingBytes: number) {
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

  changes(): Changes {
    for (const row of this.#new.values()) {
      this.#tally.count('added', row);
    }
    for (const row of this.#old.values()) {
      this.#tally.count('removed', row);
    }
    return this.#tally.changes();
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

  #takePair(waiting: Map<string, ListedEntity>, row: ListedEntity): ListedEntity | undefined {
    if (waiting.size === 0) {
      return undefined;
    }
    const key = rowKey(row);
    const pair = waiting.get(key);
    if (pair !== undefined) {
      waiting.delete(key);
      this.#waitingBytes -= pair.json.length + bytesPerWaitingRow;
    }
    return pair;
  }

  #wait(waiting: Map<string, ListedEntity>, row: ListedEntity): void {
    this.#waitingBytes += row.json.length + bytesPerWaitingRow;
    if (this.#waitingBytes > this.#maxWaitingBytes) {
      throw new TooDifferent('the revisions have too little in common to list what differs');
    }
    this.#tally.mention(row.type);
    // A copy: one row must not keep the whole piece that it came in.
    waiting.set(rowKey(row), { ...row, json: Buffer.from(row.json) });
  }

  #compare(oldRow: ListedEntity, newRow: ListedEntity): void {
    if (
      Buffer.compare(oldRow.json, newRow.json) !== 0 &&
      canonicalizeJson(oldRow.json) !== canonicalizeJson(newRow.json)
    ) {
      this.#tally.count('updated', newRow);
    }
  }
}

function isSameRow(one: ListedEntity, other: ListedEntity): boolean {
  return one.id !== '' && one.id === other.id && one.type === other.type;
}

/** One line: `routes +1 ~2, consumers −1`; "no entity" where only something else changed. */
export function summarizeChanges(changes: Changes): string {
  const types = Object.entries(changes).map(([type, { added, updated, removed }]) =>
    [
      type,
      ...[added > 0 && `+${added}`, updated > 0 && `~${updated}`, removed > 0 && `−${removed}`].filter(
        Boolean,
      ),
    ].join(' '),
  );
  return types.length === 0 ? 'no entity' : types.join(', ');
}

class Tally {
  readonly #types = new Map<string, Kinds>();

  count(kind: Kind, row: ListedEntity): void {
    const kinds = this.mention(row.type);
    kinds[kind].count += 1;
    if (kinds[kind].examples.length < shownExamples) {
      kinds[kind].examples.push(shownName(row));
    }
  }

  /** Types are told in the order in which they were first mentioned. */
  mention(type: string): Kinds {
    const empty = () => ({ count: 0, examples: [] });
    const kinds = this.#types.get(type) ?? { added: empty(), updated: empty(), removed: empty() };
    this.#types.set(type, kinds);
    return kinds;
  }

  changes(): Changes {
    const changed = [...this.#types].filter(([, kinds]) =>
      Object.values(kinds).some(({ count }) => count > 0),
    );
    return Object.fromEntries(
      changed.map(([type, { added, updated, removed }]) => [
        type,
        {
          added: added.count,
          updated: updated.count,
          removed: removed.count,
          examples: { added: added.examples, updated: updated.examples, removed: removed.examples },
        },
      ]),
    );
  }
}

function rowKey({ type, id, json }: ListedEntity): string {
  // A row without any id is its own identity. Nobody gains by a collision.
  return `${type}/${id === '' ? hash('md5', json, 'base64') : id}`;
}

/** @returns undefined for what is no JSON: what was replaced may be anybody's */
function parsed({ json }: ListedEntity): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'));
  } catch {
    return undefined;
  }
}

function shownName(row: ListedEntity): string {
  const field = nameFields[row.type];
  const name = field === undefined ? undefined : parsed(row)?.[field];
  if (typeof name === 'string' && name !== '') {
    return name;
  }
  // `parameters` and rows of custom plugins are known by a key, which may be a secret.
  return /^[0-9a-f-]{36}$/.test(row.id) ? row.id : '(without id)';
}
