/** HTML in which each value is text, unless it was made as HTML here: names are anybody’s. */
import { forTerminal } from '../inspection/words.ts';

/** A piece of HTML. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | undefined | false | readonly Markup[];

/** Joins HTML and values. Values stand between tags, or in an attribute between double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(
    parts.map((part, index) => (index === 0 ? part : `${write(values[index - 1])}${part}`)).join(''),
  );
}

function write(value: Value): string {
  if (value === undefined || value === false) {
    return '';
  }
  if (value instanceof Markup) {
    return value.text;
  }
  if (typeof value === 'string' || typeof value === 'number') {
    return escapeText(String(value));
  }
  return value.map(({ text }) => text).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What would turn the direction of a line is written as its code, as on a terminal. */
function escapeText(text: string): string {
  return forTerminal(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
