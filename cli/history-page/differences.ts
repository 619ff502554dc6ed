/** What a revision changed, entity by entity and field by field, as HTML. */
import type { Difference } from '../inspection/answers.ts';
import { formatValue } from '../inspection/words.ts';
import { html, type Markup } from './markup.ts';

const signs = { added: '+', updated: '~', removed: '−' } as const;
export const kindWords = { added: 'added', updated: 'changed', removed: 'removed' } as const;

/** So many fields are shown at once; more can be opened. */
const mostOpenFields = 8;
/** A longer text is shown in part, and can be opened. */
const mostCharacters = 240;
const shownCharacters = 120;

type Field = Difference['fields'][number];

export function differenceMarkup(difference: Difference): Markup {
  const { kind, type, id, name, fields } = difference;
  const list = html`<dl>${fields.map((field) => fieldMarkup(kind, field))}</dl>`;
  const count = fields.length;
  return html`<article class="change ${kind}" data-kind="${kind}">
<h4><span class="sign" aria-hidden="true">${signs[kind]}</span><span class="unseen">${kindWords[kind]}: </span>\
<span class="type">${type.replace(/s$/, '')}</span> <bdi class="name">${shorten(name ?? id ?? '(without a name)')}</bdi>\
${name !== undefined && id !== undefined && html` <code class="id">${id}</code>`}</h4>
${count === 0 && kind === 'updated' && html`<p class="note">Only its dates, or what has no name.</p>`}\
${count > mostOpenFields ? html`<details class="more"><summary>${count} fields</summary>${list}</details>` : count > 0 && list}
</article>`;
}

function fieldMarkup(kind: Difference['kind'], { field, before, after }: Field): Markup {
  return html`<div><dt><bdi>${field}</bdi></dt><dd>${valueMarkup(kind, before, after)}</dd></div>`;
}

function valueMarkup(kind: Difference['kind'], before: unknown, after: unknown): Markup {
  if (kind !== 'updated') {
    return plainValue(kind === 'added' ? after : before);
  }
  return (
    listChange(before, after) ??
    html`<del><span class="unseen">before: </span>${plainValue(before)}</del>\
<span class="to" aria-hidden="true">→</span><ins><span class="unseen">after: </span>${plainValue(after)}</ins>`
  );
}

/** Of two lists of words: which came, which went, which stayed. */
function listChange(before: unknown, after: unknown): Markup | undefined {
  if (!isWordList(before) || !isWordList(after)) {
    return undefined;
  }
  const words = [...new Set([...before, ...after])];
  const [old, current] = [new Set(before), new Set(after)];
  // In another order, or more often.
  if (words.length > 60 || words.every((word) => old.has(word) && current.has(word))) {
    return undefined;
  }
  return html`<ul class="words">${words.map((word) =>
    old.has(word) && current.has(word)
      ? html`<li>${plainValue(word)}</li>`
      : old.has(word)
        ? html`<li><del><span class="unseen">removed: </span>${plainValue(word)}</del></li>`
        : html`<li><ins><span class="unseen">added: </span>${plainValue(word)}</ins></li>`,
  )}</ul>`;
}

function isWordList(value: unknown): value is readonly (string | number)[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' || typeof each === 'number');
}

function plainValue(value: unknown): Markup {
  if (value === '(set)' || value === '(changed)') {
    return html`<span class="hidden-value">${value}</span>`;
  }
  if (value === null || value === undefined) {
    return html`<span class="nothing">none</span>`;
  }
  const text = formatValue(value);
  if (text.length <= mostCharacters) {
    return html`<bdi class="value">${text}</bdi>`;
  }
  return html`<details class="long"><summary><bdi class="value">${shorten(text)}</bdi> \
<span class="note">${text.length.toLocaleString('en')} characters</span></summary><bdi class="value">${text}</bdi></details>`;
}

/** The beginning of a text that is too long for a line. */
function shorten(text: string): string {
  if (text.length <= mostCharacters) {
    return text;
  }
  // A pair of surrogates is one character.
  return `${text.slice(0, shownCharacters).replace(/[\ud800-\udbff]$/, '')}…`;
}
