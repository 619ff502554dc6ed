import { createHash, type Hash } from 'node:crypto';
import { readEntities } from './entity-reader.ts';
import { badFrame } from './errors.ts';

/** What is hashed: a config table that was checked, and what is known of it. */
export interface HashedTable {
  /** The table in pieces, each time from its beginning. */
  readonly pieces: () => AsyncIterable<Uint8Array>;
  /** Number of entities by list, of all lists that it has. */
  readonly entities: Readonly<Record<string, number>>;
  /** What stands beside the lists, by name. */
  readonly scalars: ReadonlyMap<string, unknown>;
}

// Each has a hash of its own; all others are hashed together.
const listsWithHash = ['routes', 'services', 'plugins', 'upstreams', 'targets'];
const hashOfNothing = '0'.repeat(32);

/**
 * The `config_hash` that a data plane computes for a table that came without one
 * (kong/clustering/config_helper.lua, calculate_config_hash). The order of keys does not count, that of
 * entities does.
 *
 * All lists without a hash of their own are one text, sorted by name. They seldom stand in that order, so the
 * table is read several times; in memory are the entities of one piece.
 *
 * @throws ControlPlaneError `bad-frame` when a list is not where its name says
 */
export async function computeConfigHash(table: HashedTable): Promise<string> {
  const names = [...table.scalars.keys(), ...Object.keys(table.entities)].sort(compareBytes);
  const own = listsWithHash.map((name) => (names.includes(name) ? new TextWriter(table, [name]) : undefined));
  const rest = new TextWriter(
    table,
    names.filter((name) => !listsWithHash.includes(name)),
    true,
  );
  const unfinished = new Set([...own.filter((writer) => writer !== undefined), rest]);
  for (let before = -1; ; ) {
    for (const writer of unfinished) {
      if (writer.leftCount() === 0) {
        unfinished.delete(writer);
      }
    }
    if (unfinished.size === 0) {
      break;
    }
    const left = [...unfinished].reduce((sum, writer) => sum + writer.leftCount(), 0);
    if (left === before) {
      throw badFrame('the names of its entity lists are written in a way that cannot be hashed');
    }
    before = left;
    for await (const entities of readEntities(table.pieces())) {
      for (const { type, json } of entities) {
        for (const writer of unfinished) {
          writer.write(type, json);
        }
      }
    }
  }
  return createHash('md5')
    .update([...own, rest].map((writer) => writer?.md5() ?? hashOfNothing).join(''))
    .digest('hex');
}

/** Writes lists, those that come in the right order in one pass over the table. */
class TextWriter {
  readonly #table: HashedTable;
  readonly #left: string[];
  readonly #text = new SortedText();
  readonly #withNames: boolean;
  #written = 0;

  /** @param names of lists and scalars, in the order in which they are to be written */
  constructor(table: HashedTable, names: readonly string[], withNames = false) {
    this.#table = table;
    this.#left = [...names];
    this.#withNames = withNames;
    this.#writeWithoutEntities();
  }

  /** How many lists are still to be written. */
  leftCount(): number {
    return this.#left.length;
  }

  md5(): string {
    return this.#text.md5();
  }

  write(type: string, json: Uint8Array): void {
    const [name] = this.#left;
    if (name === undefined || type !== name) {
      return;
    }
    const count = this.#table.entities[name] ?? 0;
    if (this.#written === 0) {
      this.#begin(name);
      this.#text.enter();
    }
    this.#text.writeItem(JSON.parse(Buffer.from(json).toString('utf8')), this.#written, count);
    this.#written += 1;
    if (this.#written === count) {
      this.#end();
      this.#writeWithoutEntities();
    }
  }

  #writeWithoutEntities(): void {
    for (let [name] = this.#left; name !== undefined; [name] = this.#left) {
      const scalar = this.#table.scalars.get(name);
      if (scalar === undefined && this.#table.entities[name] !== 0) {
        return;
      }
      this.#begin(name);
      this.#text.writeValue(scalar ?? []);
      this.#end();
    }
  }

  #begin(name: string): void {
    if (this.#withNames) {
      this.#text.put(`${name}:`);
    }
  }

  #end(): void {
    if (this.#withNames) {
      this.#text.put(';');
    }
    this.#left.shift();
    this.#written = 0;
  }
}

/** Beyond this the text is replaced by its hash, and goes on from there. */
const longestTextBytes = 1_000_000;

/** The text that Kong makes of a value to hash it (kong/clustering/config_helper.lua, to_sorted_string). */
class SortedText {
  #md5: Hash = createHash('md5');
  #bytes = 0;
  #pending: string[] = [];

  md5(): string {
    this.#flush();
    return this.#md5.digest('hex');
  }

  put(text: string): void {
    this.#pending.push(text);
    this.#bytes += Buffer.byteLength(text);
  }

  /** Is done before each value. */
  enter(): void {
    if (this.#bytes > longestTextBytes) {
      this.#flush();
      const digest = this.#md5.digest();
      this.#md5 = createHash('md5').update(digest);
      this.#bytes = digest.length;
    }
  }

  writeValue(value: unknown): void {
    this.enter();
    if (value === null) {
      this.put('/null/');
    } else if (typeof value === 'number') {
      this.put(formatNumber(value));
    } else if (typeof value !== 'object') {
      this.put(String(value));
    } else if (Object.keys(value).length === 0) {
      this.put('{}');
    } else if (Array.isArray(value)) {
      value.forEach((item, at) => {
        this.writeItem(item, at, value.length);
      });
    } else {
      for (const key of Object.keys(value).sort(compareBytes)) {
        this.put(`${key}:`);
        this.writeValue((value as Readonly<Record<string, unknown>>)[key]);
        this.put(';');
      }
    }
  }

  /** Up to five items stand between semicolons; of more each has one behind it. */
  writeItem(item: unknown, at: number, count: number): void {
    this.writeValue(item);
    if (count > 5 || at < count - 1) {
      this.put(';');
    }
  }

  #flush(): void {
    this.#md5.update(this.#pending.join(''));
    this.#pending = [];
  }
}

/** As Lua sorts: by bytes, where JavaScript would compare UTF-16. */
function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** C's `%.14g`, as Lua writes numbers. */
export function formatNumber(value: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential(13).split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 14)) {
    const sign = power < 0 ? '-' : '+';
    return `${trimZeros(mantissa)}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  return trimZeros(value.toFixed(Math.max(0, 13 - power)));
}

function trimZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}
