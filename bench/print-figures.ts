export type Figures = { readonly [name: string]: number | string | Figures | undefined };

/** Prints one JSON object for machines, or a table for people. */
export function printFigures(figures: Figures, json: true | undefined): void {
  if (json === true) {
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  for (const [name, value] of flattenFigures(figures)) {
    process.stdout.write(`${name.padEnd(40)} ${value.toLocaleString('en').padStart(18)}\n`);
  }
}

function flattenFigures(figures: Figures): readonly (readonly [name: string, value: number | string])[] {
  return Object.entries(figures).flatMap(([name, value]) => {
    if (value === undefined) {
      return [];
    }
    return typeof value !== 'object'
      ? [[name, value] as const]
      : flattenFigures(value).map(([inner, number]) => [`${name} ${inner}`, number] as const);
  });
}
