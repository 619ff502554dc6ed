/** What a bench is to stay within, by the name of its figure: counts and ratios, never seconds alone. */
export type Aims = Readonly<Record<string, number>>;

/**
 * Which figures are above their aims, a sentence each.
 *
 * @throws Error when there is no such figure
 */
export function listMissedAims(figures: Readonly<Record<string, unknown>>, aims: Aims): readonly string[] {
  return Object.entries(aims).flatMap(([name, most]) => {
    const figure = figures[name];
    if (typeof figure !== 'number' || Number.isNaN(figure)) {
      throw new Error(`the bench has no figure ${name}`);
    }
    return figure <= most ? [] : [`${name} is ${figure}, and ${most} at most is the aim`];
  });
}
