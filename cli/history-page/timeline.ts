/** The revisions of a history by day, each with what it changed. */
import { formatAge } from '../../core/fetch/currency.ts';
import type { Difference, ListedVersion } from '../inspection/answers.ts';
import { ago, countOf, formatSize } from '../inspection/words.ts';
import { type Course, totalOf } from './charts.ts';
import { differenceMarkup, kindWords } from './differences.ts';
import type { Comparison, DifferenceCounts, History } from './history.ts';
import { html, Markup } from './markup.ts';
import { formatClock, formatCount, formatLongDay, formatMoment } from './moments.ts';

type OwnVersion = Extract<ListedVersion, { readonly isOwn: true }>;

/** A newest revision that changed more than this is closed at first. */
const mostOpen = 12;

// Elements, not ::before: behind a pseudo-element axe says nothing of contrast.
const rail = new Markup('<span class="rail"></span><span class="dot"></span>');

interface Entry {
  readonly version: ListedVersion;
  readonly isCurrent: boolean;
  /** Undefined where it stood until now. */
  readonly replacedAt: Date | undefined;
  /** Where the revision stands in the course; undefined for what stands there a second time. */
  readonly order: number | undefined;
}

export function timelineMarkup(history: History, course: Course): Markup {
  const { status, versions } = history;
  const { held, lookedAt } = status;
  const heldEntry =
    held &&
    html`<ol class="timeline"><li class="entry alarm">${rail}<div class="card stranger"><strong>Held for ${formatAge(held.since, lookedAt)}.</strong> \
What the control plane has now is not published: <bdi>${held.reason}</bdi></div></li></ol>`;
  if (versions.length === 0) {
    return html`${heldEntry}<p class="note">Nothing was published yet.</p>`;
  }
  const days: { readonly day: string; readonly entries: Markup[] }[] = [];
  let day = '';
  for (const entry of listEntries(versions, course)) {
    // What is not ours says no time that could be believed: it stands with what is above it.
    day = entry.version.isOwn ? formatLongDay(entry.version.exportedAt) : day;
    if (days.at(-1)?.day !== day) {
      days.push({ day, entries: [] });
    }
    days.at(-1)?.entries.push(entryMarkup(entry, history, course));
  }
  return html`${heldEntry}${days.map(
    (each) =>
      html`<section class="day"><h3>${each.day === '' ? 'Of no day that is known' : each.day}</h3><ol class="timeline">${each.entries}</ol></section>`,
  )}`;
}

function listEntries(versions: readonly ListedVersion[], course: Course): readonly Entry[] {
  const orders = new Map(course.revisions.map((revision, order) => [revision, order]));
  let replacedAt: Date | undefined;
  return versions.map((version, index) => {
    const entry = {
      version,
      isCurrent: index === 0,
      replacedAt,
      order: version.isOwn ? orders.get(version) : undefined,
    };
    replacedAt = version.isOwn ? version.exportedAt : undefined;
    return entry;
  });
}

function entryMarkup(entry: Entry, history: History, course: Course): Markup {
  const { version } = entry;
  if (!version.isOwn) {
    return html`<li class="entry alarm">${rail}<div class="card stranger"><strong>Not ours${entry.isCurrent ? ', and in the file’s place' : ''}.</strong> \
It is <bdi>${version.what}</bdi>. <span class="note">Version <bdi>${version.versionId}</bdi></span></div></li>`;
  }
  return revisionMarkup(version, entry, history, course);
}

function revisionMarkup(version: OwnVersion, entry: Entry, history: History, course: Course): Markup {
  const { revision, exportedAt, sizeBytes } = version;
  const { order } = entry;
  const comparison = order === undefined ? undefined : history.comparisons.get(revision);
  const isOpen = entry.isCurrent && comparison !== undefined && totalCount(comparison) <= mostOpen;
  return html`<li class="entry${entry.isCurrent && ' current'}">${rail}<details class="revision card"${order !== undefined && courseAttributes(version, order, course)}${isOpen && new Markup(' open')}>
<summary><span class="number"><span class="unseen">Revision </span>${revision}</span>
<span class="happened">${chipsOf(version, entry)}${comparisonWords(comparison, order)}</span>
<span class="when"><time datetime="${exportedAt.toISOString()}">${formatClock(exportedAt)}</time> <span class="note">${formatCount(totalOf(version))} entities, ${formatSize(sizeBytes)}</span></span></summary>
<div class="body">${factsMarkup(version, entry, history.status.lookedAt)}${changesMarkup(comparison, version, entry, history)}</div>
</details></li>`;
}

/** For the script: where it stands in the drawings, and what they say there. */
function courseAttributes(version: OwnVersion, order: number, { positions, types }: Course): Markup {
  const { revision, exportedAt, entities } = version;
  const label = `Revision ${revision} · ${formatMoment(exportedAt)} · ${formatCount(totalOf(version))} entities`;
  const counts = types.map((type) => formatCount(entities[type] ?? 0)).join(' ');
  return html` id="r${revision}" data-order="${order}" data-x="${positions[order] ?? 0}" data-label="${label}" data-counts="${counts}"`;
}

function chipsOf({ pinned, rollbackOf }: OwnVersion, { isCurrent, order }: Entry): readonly Markup[] {
  return [
    ...(isCurrent ? [html`<span class="chip current">current</span>`] : []),
    ...(pinned ? [html`<span class="chip pinned">pinned</span>`] : []),
    ...(rollbackOf === undefined ? [] : [html`<span class="chip">content of ${rollbackOf}</span>`]),
    ...(order === undefined ? [html`<span class="chip alarm">stands here again</span>`] : []),
  ];
}

function totalCount(comparison: Comparison): number {
  return 'refused' in comparison ? 0 : totalOfCounts(comparison.counts);
}

const totalOfCounts = ({ added, updated, removed }: DifferenceCounts) => added + updated + removed;

function comparisonWords(comparison: Comparison | undefined, order: number | undefined): Markup {
  if (comparison === undefined) {
    return html`<span class="note">${order === 0 ? 'the oldest that is kept' : order === undefined ? 'published before' : 'not compared'}</span>`;
  }
  if ('refused' in comparison) {
    return html`<span class="note">could not be compared</span>`;
  }
  const { counts } = comparison;
  const total = totalOfCounts(counts);
  if (total === 0) {
    return html`<span class="note">no difference in what is known by name</span>`;
  }
  const parts = (['added', 'updated', 'removed'] as const).filter((kind) => counts[kind] > 0);
  let from = 0;
  const bars = parts.map((kind) => {
    const to = from + (counts[kind] / total) * 100;
    const bar = html`<path class="${kind}" d="M${from.toFixed(1)} 3H${to.toFixed(1)}"/>`;
    from = to;
    return bar;
  });
  return html`<span class="counts">${parts.map((kind) => html`<span class="${kind}">${formatCount(counts[kind])} ${kindWords[kind]}</span>`)}</span>\
<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${bars}</svg>`;
}

function factsMarkup(version: OwnVersion, { replacedAt, isCurrent }: Entry, now: Date): Markup {
  const { builtAt, exportedAt, sha256 } = version;
  const stood = isCurrent
    ? `for ${formatAge(exportedAt, now)}, until now`
    : replacedAt === undefined
      ? 'until something else was put there'
      : `for ${formatAge(exportedAt, replacedAt)}`;
  return html`<dl class="facts"><div><dt>Built</dt><dd>${formatMoment(builtAt)}, ${ago(builtAt, now)}</dd></div>
<div><dt>Current</dt><dd>${stood}</dd></div><div><dt>SHA-256</dt><dd><code>${sha256}</code></dd></div></dl>`;
}

function changesMarkup(
  comparison: Comparison | undefined,
  { revision }: OwnVersion,
  { order }: Entry,
  { comparisons, controlPlane }: History,
): Markup {
  if (comparison === undefined) {
    const words =
      order === 0
        ? 'Nothing before it is kept, to compare it with.'
        : order === undefined
          ? 'A revision that was published before stands here a second time. Somebody put it back.'
          : `Only the newest ${countOf(comparisons.size, 'revision was', 'revisions were')} compared. More: lifeboat history --html FILE --diffs N, or lifeboat show ${revision} and lifeboat diff.`;
    return html`<p class="note">${words}</p>`;
  }
  const { from } = comparison;
  if ('refused' in comparison) {
    return html`<p class="note">It could not be compared with revision ${from}: <bdi>${comparison.refused}</bdi></p>`;
  }
  const { listed, counts } = comparison;
  const rest = totalOfCounts(counts) - listed.length;
  return html`<p class="note">Against revision ${from} of ${controlPlane}:</p>${groupByType(listed).map(
    ([type, differences]) =>
      html`<div class="group"><p class="group-name"><bdi>${type}</bdi> <span class="note">${formatCount(differences.length)}</span></p>${differences.map(differenceMarkup)}</div>`,
  )}${rest > 0 && html`<p class="note rest">${formatCount(rest)} more are not listed here: lifeboat diff ${from} ${revision} lists all.</p>`}`;
}

function groupByType(
  differences: readonly Difference[],
): readonly (readonly [string, readonly Difference[]])[] {
  const groups = new Map<string, Difference[]>();
  for (const difference of differences) {
    groups.set(difference.type, [...(groups.get(difference.type) ?? []), difference]);
  }
  return [...groups];
}
