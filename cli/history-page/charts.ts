/** Entity counts over time, as inline SVG. */
import type { ListedVersion, Revision } from '../inspection/answers.ts';
import { html, Markup } from './markup.ts';
import { formatCount, formatDay, formatMoment } from './moments.ts';

/** A drawing stretches to its place: what must not stretch, words and dots, stands beside it in HTML. */
const width = 1_000;
const totalHeight = 200;
const smallHeight = 40;
/** More types than this have no drawing of their own. */
const mostTypes = 8;

type OwnVersion = Extract<ListedVersion, { readonly isOwn: true }>;

/** The revisions of a history, the oldest first, each once, where they stand in time. */
export interface Course {
  readonly revisions: readonly Revision[];
  /** From the first publication to when the page was made; of 0 to `width`. */
  readonly positions: readonly number[];
  readonly until: Date;
  /** Those that have a drawing, the largest first. */
  readonly types: readonly string[];
}

export function chartCourse(versions: readonly ListedVersion[], until: Date): Course {
  const byNumber = new Map<number, OwnVersion>();
  // The oldest of two with the same number is where it was published.
  for (const version of versions) {
    if (version.isOwn) {
      byNumber.set(version.revision, version);
    }
  }
  const revisions = [...byNumber.values()].sort((one, other) => one.revision - other.revision);
  const begin = revisions[0]?.exportedAt.getTime() ?? 0;
  const spanMs = Math.max(1, until.getTime() - begin);
  let furthest = 0;
  const positions = revisions.map(({ exportedAt }) => {
    // Clocks may disagree. Time goes on to the right, and ends with the drawing.
    const position = ((exportedAt.getTime() - begin) / spanMs) * width;
    furthest = Math.min(width, Math.max(furthest, Math.round(position)));
    return furthest;
  });
  return { revisions, positions, until, types: largestTypes(revisions) };
}

function largestTypes(revisions: readonly Revision[]): readonly string[] {
  const most = new Map<string, number>();
  for (const { entities } of revisions) {
    for (const [type, count] of Object.entries(entities)) {
      most.set(type, Math.max(count, most.get(type) ?? 0));
    }
  }
  most.delete('total');
  return [...most]
    .sort(([oneType, one], [otherType, other]) => other - one || (oneType < otherType ? -1 : 1))
    .slice(0, mostTypes)
    .map(([type]) => type);
}

export function chartsMarkup(course: Course): Markup {
  const { revisions, types } = course;
  const [first, last] = [revisions[0], revisions.at(-1)];
  if (first === undefined || last === undefined) {
    return html`<p class="note">Nothing of ours is kept: there is nothing to draw.</p>`;
  }
  return html`<div class="card chart">
${totalChart(course, first, last)}
<div class="scrub" hidden><label for="scrub">Look at a revision</label>
<input id="scrub" type="range" min="0" max="${revisions.length - 1}" value="${revisions.length - 1}">
<output for="scrub" id="scrubbed" aria-live="off"></output><a id="scrubbed-link" href="#r${last.revision}">Show it</a></div>
</div>
<ul class="types">${types.map((type) => typeChart(course, type))}</ul>
${figuresTable(course)}`;
}

function totalChart({ revisions, positions, until }: Course, first: Revision, last: Revision): Markup {
  const counts = revisions.map(totalOf);
  const most = Math.max(1, ...counts);
  const top = ceiling(most);
  const steps = stepPath(positions, counts, (count) => totalHeight - (count / top) * (totalHeight - 8));
  const words = `Entities in all, from ${formatCount(totalOf(first))} in revision ${first.revision} to ${formatCount(totalOf(last))} in revision ${last.revision}; ${formatCount(most)} at most`;
  return html`<div class="plot"><div class="y" aria-hidden="true"><span>${formatCount(top)}</span><span>${formatCount(top / 2)}</span><span>0</span></div>
<svg id="total" viewBox="0 0 ${width} ${totalHeight}" preserveAspectRatio="none" role="img" aria-label="${words}">
<path class="grid" d="M0 8H${width}M0 ${totalHeight / 2 + 4}H${width}M0 ${totalHeight}H${width}"/>
<path class="area" d="${new Markup(steps)}V${totalHeight}H0Z"/><path class="line" d="${new Markup(steps)}"/>
<path class="rug" d="${new Markup(positions.map((position) => `M${position} ${totalHeight - 7}v7`).join(''))}"/>
<path id="cross" class="cross" d=""/></svg>
<div class="x" aria-hidden="true"><span>${formatDay(first.exportedAt)}</span><span>${formatDay(until)}</span></div></div>`;
}

function typeChart({ revisions, positions }: Course, type: string): Markup {
  const counts = revisions.map(({ entities }) => entities[type] ?? 0);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const range = most - least;
  const y = (count: number) =>
    range === 0 ? smallHeight / 2 : smallHeight - 4 - ((count - least) / range) * (smallHeight - 8);
  const [first = 0, last = 0] = [counts[0], counts.at(-1)];
  const delta = last - first;
  const since =
    delta === 0 ? 'as at first' : `${delta > 0 ? '+' : '−'}${formatCount(Math.abs(delta))} since the first`;
  return html`<li class="card"><p class="type"><bdi>${type}</bdi></p><p class="figure" data-figure>${formatCount(last)}</p>
<svg viewBox="0 0 ${width} ${smallHeight}" preserveAspectRatio="none" aria-hidden="true"><path class="line" d="${new Markup(stepPath(positions, counts, y))}"/></svg>
<p class="note">${since}</p></li>`;
}

/** A count holds until the next revision, and the last one until now. */
function stepPath(
  positions: readonly number[],
  counts: readonly number[],
  y: (count: number) => number,
): string {
  const steps = counts.map((count, index) => {
    const height = Math.round(y(count) * 10) / 10;
    return index === 0 ? `M0 ${height}` : `H${positions[index] ?? 0}V${height}`;
  });
  return `${steps.join('')}H${width}`;
}

/** The figures for who cannot see the drawings. */
function figuresTable({ revisions, types }: Course): Markup {
  const rows = [...revisions].reverse().map(
    (
      revision,
    ) => html`<tr><th scope="row">${revision.revision}</th><td>${formatMoment(revision.exportedAt)}</td><td>${formatCount(totalOf(revision))}</td>\
${types.map((type) => html`<td>${formatCount(revision.entities[type] ?? 0)}</td>`)}</tr>`,
  );
  return html`<details class="figures"><summary>The figures as a table</summary><div class="scroll" role="region" aria-label="Entities of each revision" tabindex="0"><table>
<thead><tr><th scope="col">revision</th><th scope="col">published (UTC)</th><th scope="col">total</th>${types.map((type) => html`<th scope="col"><bdi>${type}</bdi></th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div></details>`;
}

export const totalOf = ({ entities }: Pick<Revision, 'entities'>) => entities['total'] ?? 0;

/** A round figure that is not below `most`, and whose half is whole. */
function ceiling(most: number): number {
  const unit = 10 ** Math.floor(Math.log10(most));
  const factor = [1, 2, 4, 6, 8, 10].find((each) => each * unit >= most) ?? 10;
  return Math.max(2, factor * unit);
}
