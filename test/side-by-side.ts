import { afterAll } from '@jest/globals';

/**
 * Rows for `it.each` that run side by side. The runner starts one test after the other, and takes
 * `it.concurrent` for `it` (jest-light-runner), so the test of a row here begins those after it as well.
 *
 * @param limit so many run at once
 * @returns each row with a function more: what came of it, or comes
 */
export function sideBySide<Row extends readonly unknown[], Result>(
  rows: readonly Row[],
  limit: number,
  run: (row: Row) => Promise<Result>,
): [...Row, outcome: () => Promise<Result>][] {
  const begun = new Map<Row, Promise<Result>>();

  function begin(row: Row): Promise<Result> {
    const outcome = begun.get(row) ?? run(row);
    begun.set(row, outcome);
    return outcome;
  }

  // A run of some tests alone (`-t`) has begun some of the others.
  afterAll(() => Promise.allSettled(begun.values()));
  return rows.map((row, index) => [
    ...row,
    () => {
      for (const next of rows.slice(index + 1, index + limit)) {
        // Its own test fails with it.
        begin(next).catch(() => undefined);
      }
      return begin(row);
    },
  ]);
}
