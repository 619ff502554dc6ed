import type { Finding } from './finding.ts';

/**
 * How many findings of a rule a folder may still have. It only ever shrinks: what is not needed must go from
 * it.
 */
export type Allowances = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The first folder of a path; a file of the root stands for itself. */
export function houseOf(file: string): string {
  return file.split('/')[0] ?? file;
}

/**
 * Holds findings against what is still allowed.
 *
 * @returns what is not allowed, with a sentence for each allowance that is too large
 */
export function beyondAllowances(
  findings: readonly Finding[],
  allowances: Allowances,
): { readonly broken: readonly Finding[]; readonly tooLarge: readonly string[] } {
  const found = new Map<string, Finding[]>();
  for (const finding of findings) {
    const where = `${finding.rule} in ${houseOf(finding.file)}`;
    found.set(where, [...(found.get(where) ?? []), finding]);
  }
  const allowed = new Map(
    Object.entries(allowances).flatMap(([rule, houses]) =>
      Object.entries(houses).map(([house, count]): [string, number] => [`${rule} in ${house}`, count]),
    ),
  );
  return {
    broken: [...found].flatMap(([where, those]) => (those.length > (allowed.get(where) ?? 0) ? those : [])),
    tooLarge: [...allowed].flatMap(([where, count]) => {
      const needed = found.get(where)?.length ?? 0;
      return needed < count
        ? [
            `the allowance of ${count} for ${where} is larger than needed: make it ${needed} in lint/allowances.json`,
          ]
        : [];
    }),
  };
}
