import { nameRow } from '../inspect/entity-name.ts';
import { compareFiles, type DifferenceTaker, type FileOpener } from '../inspect/entity-pairs.ts';
import type { ListedEntity } from '../kong/entity-reader.ts';

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

const shownExamples = 5;

type Kind = 'added' | 'updated' | 'removed';
type Kinds = Readonly<Record<Kind, { count: number; readonly examples: string[] }>>;

/**
 * Counts what differs between two published files (core/inspect/entity-pairs.ts).
 *
 * @throws TooDifferent when what has no pair takes more than `maxWaitingBytes`
 */
export async function changesBetween(
  before: FileOpener,
  after: FileOpener,
  maxWaitingBytes = 64 * 2 ** 20,
): Promise<Changes> {
  const tally = new Tally();
  await compareFiles(before, after, tally, maxWaitingBytes);
  return tally.changes();
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

class Tally implements DifferenceTaker {
  readonly #types = new Map<string, Kinds>();

  added(row: ListedEntity): void {
    this.#count('added', row);
  }

  removed(row: ListedEntity): void {
    this.#count('removed', row);
  }

  updated(_before: ListedEntity, after: ListedEntity): void {
    this.#count('updated', after);
  }

  /** Types are told in the order in which they were first mentioned. */
  mention(type: string): void {
    this.#kindsOf(type);
  }

  #count(kind: Kind, row: ListedEntity): void {
    const kinds = this.#kindsOf(row.type);
    kinds[kind].count += 1;
    if (kinds[kind].examples.length < shownExamples) {
      kinds[kind].examples.push(nameRow(row) ?? '(without id)');
    }
  }

  #kindsOf(type: string): Kinds {
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
