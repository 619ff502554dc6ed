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

/**
 * Compares two published files, entity by entity and by content: neither the order of rows nor that of their
 * keys matters, since the control plane keeps neither. Most rows stand there byte for byte as before, so only
 * those that do not are parsed, on a second reading. In memory are an id and a hash for each entity of the
 * older file, about 150 bytes.
 */
export async function changesBetween(before: FileOpener, after: FileOpener): Promise<Changes> {
  const tally = new Tally();
  const suspects = new Map<string, string>();
  const gone = new Map<string, string>();
  await eachEntity(before, (row) => {
    gone.set(rowKey(row), bytesHash(row.json));
  });
  await eachEntity(after, (row) => {
    const key = rowKey(row);
    const old = gone.get(key);
    if (old === undefined) {
      tally.count('added', row);
    } else if (old !== bytesHash(row.json)) {
      suspects.set(key, '');
    }
    gone.delete(key);
  });
  if (suspects.size === 0 && gone.size === 0) {
    return tally.changes();
  }
  await eachEntity(before, (row) => {
    const key = rowKey(row);
    if (gone.has(key)) {
      // What is gone has its name only in the older file.
      tally.count('removed', row);
    } else if (suspects.has(key)) {
      suspects.set(key, contentHash(row));
    }
  });
  await eachEntity(after, (row) => {
    const old = suspects.get(rowKey(row));
    if (old !== undefined && old !== contentHash(row)) {
      tally.count('updated', row);
    }
  });
  return tally.changes();
}

async function eachEntity(file: FileOpener, take: (row: ListedEntity) => void): Promise<void> {
  for await (const rows of readEntities(file())) {
    rows.forEach(take);
  }
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
  readonly #types = new Map<string, Record<Kind, { count: number; readonly examples: string[] }>>();

  count(kind: Kind, row: ListedEntity): void {
    const { type } = row;
    const empty = () => ({ count: 0, examples: [] });
    const kinds = this.#types.get(type) ?? { added: empty(), updated: empty(), removed: empty() };
    this.#types.set(type, kinds);
    kinds[kind].count += 1;
    if (kinds[kind].examples.length < shownExamples) {
      kinds[kind].examples.push(shownName(row));
    }
  }

  changes(): Changes {
    return Object.fromEntries(
      [...this.#types].map(([type, { added, updated, removed }]) => [
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
  // A row without any id is its own identity.
  return `${type}/${id === '' ? bytesHash(json) : id}`;
}

function parsed({ json }: ListedEntity): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'));
}

function shownName(row: ListedEntity): string {
  const field = nameFields[row.type];
  const name = field === undefined ? undefined : parsed(row)[field];
  if (typeof name === 'string' && name !== '') {
    return name;
  }
  // `parameters` and rows of custom plugins are known by a key, which may be a secret.
  return /^[0-9a-f-]{36}$/.test(row.id) ? row.id : '(without id)';
}

/** Tells two contents of one row apart; nobody gains by a collision. */
function bytesHash(json: Uint8Array): string {
  return hash('md5', json, 'base64');
}

function contentHash({ json }: ListedEntity): string {
  return hash('md5', canonicalizeJson(json), 'base64');
}
