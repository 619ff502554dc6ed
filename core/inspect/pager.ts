import { type Cursor, writeCursor } from './inspection-query.ts';

/** Of a page as it is sent. */
const mostPageBytes = 4 * 2 ** 20;
/**
 * Lambda takes an answer of 6 MB, and counts it as it stands in a JSON text: a quotation mark in a name is
 * four characters there. Some is left for what stands beside the list.
 */
const mostAnswerBytes = 5.5 * 2 ** 20;

/** What was too large for any page: its fields are left out. */
export type CutEntry<Entry> = Entry & { readonly isCut?: true };

/** Cuts what is listed into pages that an answer can hold. */
export class Pager {
  readonly #begin: number;
  #at = 0;
  #pageBytes = 0;
  #answerBytes = 0;
  #next: number | undefined;

  /** @param begin how many entries stand on the pages before */
  constructor(begin: number) {
    this.#begin = begin;
  }

  /** Whether the next one belongs to this page, or may; otherwise it is skipped. */
  isWanted(): boolean {
    const isWanted = this.#next === undefined && this.#at >= this.#begin;
    this.#at += 1;
    return isWanted;
  }

  /**
   * @param left what stands in an entry's place that is too large for any page
   * @returns the entry, or nothing where this page has no room for it
   */
  take<Entry extends object>(entry: Entry, left: Partial<Entry>): readonly CutEntry<Entry>[] {
    if (this.#fits(entry)) {
      return [entry];
    }
    if (this.#pageBytes > 0) {
      this.#next = this.#at - 1;
      return [];
    }
    const cut = { ...entry, ...left, isCut: true } as const;
    this.#fits(cut);
    return [cut];
  }

  next(ids: readonly string[]): string | undefined {
    const cursor: Cursor | undefined =
      this.#next === undefined ? undefined : { ids: [...ids], at: this.#next };
    return cursor && writeCursor(cursor);
  }

  #fits(entry: object): boolean {
    const json = JSON.stringify(entry);
    const pageBytes = this.#pageBytes + Buffer.byteLength(json) + 1;
    const answerBytes = this.#answerBytes + Buffer.byteLength(JSON.stringify(json));
    if (pageBytes > mostPageBytes || answerBytes > mostAnswerBytes) {
      return false;
    }
    [this.#pageBytes, this.#answerBytes] = [pageBytes, answerBytes];
    return true;
  }
}
