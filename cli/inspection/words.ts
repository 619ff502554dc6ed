/** How facts are put into words for a terminal. */
import { formatAge } from '../../core/fetch/currency.ts';
import { columnsOf, visibleLength, wrap } from '../terminal.ts';

/**
 * Rows as columns, each as wide as its widest cell; numbers stand on the right. A row of one cell is a line
 * of its own and makes no column wider. What is wider than the terminal goes on below its last cell.
 */
export function alignColumns(rows: readonly (readonly string[])[], width: number = columnsOf()): string {
  const wide = rows.filter(({ length }) => length > 1);
  const count = Math.max(0, ...wide.map(({ length }) => length));
  const columns = Array.from({ length: count }, (_, column) => {
    const cells = wide.map((row) => row[column] ?? '');
    return {
      width: Math.max(0, ...cells.map(visibleLength)),
      isNumeric: cells.every((cell) => /^\d+(?:$|\D)/.test(cell)),
    };
  });
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        const { width: cellWidth = 0, isNumeric = false } = columns[column] ?? {};
        const padding = ' '.repeat(row.length > 1 ? Math.max(0, cellWidth - visibleLength(cell)) : 0);
        return isNumeric && row.length > 1 ? `${padding}${cell}` : `${cell}${padding}`;
      });
      const before = cells.slice(0, -1).join('  ');
      const indent = ' '.repeat(row.length > 1 ? Math.min(2 + before.length + 2, Math.floor(width / 2)) : 4);
      return `${wrap(`  ${cells.join('  ').trimEnd()}`, width, indent)}\n`;
    })
    .join('');
}

/** "3 hours ago". */
export function ago(moment: Date, now: Date): string {
  return `${formatAge(moment, now)} ago`;
}

export function formatSize(bytes: number): string {
  const [amount, unit] =
    bytes < 1024
      ? [String(bytes), 'bytes']
      : bytes < 2 ** 20
        ? [(bytes / 1024).toFixed(1), 'KiB']
        : [(bytes / 2 ** 20).toFixed(1), 'MiB'];
  return `${amount} ${unit}`;
}

/** "1 entity", "2 entities". */
export function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * Text from the configuration, which anybody may have written: what a terminal would act on instead of
 * showing it, and what turns the direction of a line, is written as its code.
 */
export function forTerminal(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

interface Named {
  readonly type: string;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

/** "service billing": its name, or else its id. */
export function nameOf({ type, id, name }: Named): string {
  return forTerminal(`${type.replace(/s$/, '')} ${name ?? id ?? '(without a name)'}`);
}

/** A value that may be shown, on one line; references by name. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') {
    return value === '' ? '""' : forTerminal(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(formatValue).join(', ')}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return value === null || value === undefined ? '(none)' : String(value);
  }
  const { reference } = value as { readonly reference?: Partial<Named> | undefined };
  if (typeof reference?.type === 'string') {
    return nameOf({ ...reference, type: reference.type });
  }
  const fields = Object.entries(value).map(([field, each]) => `${forTerminal(field)}: ${formatValue(each)}`);
  return `{${fields.join(', ')}}`;
}
