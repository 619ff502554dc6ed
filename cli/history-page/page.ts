/** The page of a history: one file that asks nobody for anything. */
import { createHash } from 'node:crypto';
import { findConcerns } from '../inspection/status-report.ts';
import { ago } from '../inspection/words.ts';
import { chartCourse, chartsMarkup } from './charts.ts';
import type { History } from './history.ts';
import { html, Markup } from './markup.ts';
import { formatMoment } from './moments.ts';
import { script } from './script.ts';
import { style } from './style.ts';
import { timelineMarkup } from './timeline.ts';

export interface PageFacts {
  /** Of this command. */
  readonly release: string;
  /** A last check that is older needs attention. */
  readonly maxCheckAgeMs: number;
}

/**
 * Writes a history as one HTML file. It loads nothing, and its policy lets nothing be loaded or run but the
 * style and the script that stand in it, by their hashes: the configuration may have whatever its authors
 * thought of.
 */
export function historyPage(history: History, { release, maxCheckAgeMs }: PageFacts): string {
  const { controlPlane, kongVersion, status, versions } = history;
  const course = chartCourse(versions, status.lookedAt);
  const concerns = findConcerns(status, maxCheckAgeMs);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${controlPlane}, Kong ${kongVersion}: history</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#revisions">Skip to the revisions</a>
<header>
<p class="mark">${lifebuoy}Lifeboat</p>
<h1><bdi>${controlPlane}</bdi> <span>Kong ${kongVersion}</span></h1>
<p class="lead">What new data planes were given, and what each revision changed. As of <time datetime="${status.lookedAt.toISOString()}">${formatMoment(status.lookedAt)} UTC</time>.</p>
</header>
<main>
${concerns.length > 0 && html`<section class="concerns" aria-labelledby="attention"><h2 id="attention">Needs attention</h2><ul>${concerns.map(({ sentence }) => html`<li><bdi>${sentence}</bdi></li>`)}</ul></section>`}
<section aria-label="State">${tilesMarkup(history)}</section>
<section aria-labelledby="counts"><h2 id="counts">Entities over time</h2>${chartsMarkup(course)}</section>
<section aria-labelledby="revisions"><h2 id="revisions">Revisions</h2>
${toolbar}${timelineMarkup(history, course)}</section>
</main>
<footer><p>Values that may be secret are <span class="hidden-value">(set)</span> or <span class="hidden-value">(changed)</span>. All times are UTC. Made by lifeboat ${release}.</p></footer>
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return page.text;
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
/** Beside it nothing may be loaded, framed, sent or named as a base. */
const policy = new Markup(
  `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`,
);

const lifebuoy = new Markup(
  '<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="7.5"/><path d="M12 1.5v7M12 15.5v7M1.5 12h7M15.5 12h7"/></svg>',
);

/** Only where the script runs, which shows it. */
const toolbar = new Markup(`<div class="tools" id="tools" hidden>
<div class="find"><label for="find">Find an entity</label><input id="find" type="search" autocomplete="off" spellcheck="false" placeholder="name, type or id"></div>
<div class="kinds" role="group" aria-label="Show">
<button type="button" aria-pressed="true" data-toggles="added">Added</button><button type="button" aria-pressed="true" data-toggles="updated">Changed</button><button type="button" aria-pressed="true" data-toggles="removed">Removed</button></div>
<div class="all"><button type="button" id="open-all">Open all</button><button type="button" id="close-all">Close all</button></div>
<p class="note" id="found" role="status"></p>
</div>
`);

function tilesMarkup({ status, kongVersion, versions }: History): Markup {
  const { lookedAt: now, checkedAt, held } = status;
  const version = status.versions.find((each) => each.kongVersion === kongVersion);
  const isReady = version?.state === 'ready';
  const current = version?.current;
  const pinned = current?.pinned === true;
  const own = versions.filter(({ isOwn }) => isOwn).length;
  const tile = (name: string, value: string, detail: string, tone: 'good' | 'bad' | 'marked' | 'plain') =>
    html`<div class="${tone}"><dt>${name}</dt><dd><strong>${value}</strong><span class="note">${detail}</span></dd></div>`;
  return html`<dl class="tiles card">
${tile(
  'A new data plane',
  isReady ? 'Can boot' : 'Cannot be sure to boot',
  current === undefined
    ? (version?.state ?? 'not in the settings any more')
    : `revision ${current.revision}, built ${ago(current.builtAt, now)}`,
  isReady ? 'good' : 'bad',
)}
${tile('Last verified', checkedAt === undefined ? 'Never' : capitalize(ago(checkedAt, now)), checkedAt === undefined ? 'nothing was checked yet' : `${formatMoment(checkedAt)} UTC`, 'plain')}
${tile('Publishing', held !== undefined ? 'Held' : pinned ? 'Pinned' : 'Open', held !== undefined ? `since ${formatMoment(held.since)} UTC` : pinned ? 'until it is unpinned' : 'nothing is held or pinned', held === undefined && !pinned ? 'plain' : 'marked')}
${tile('Kept', `${own} ${own === 1 ? 'revision' : 'revisions'}`, own === versions.length ? 'each signed by us' : `and ${versions.length - own} not ours`, own === versions.length ? 'plain' : 'bad')}
</dl>`;
}

const capitalize = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
