/** How the page looks: in light and dark, on a phone, and on paper. */

const colours = `
:root { color-scheme: light dark;
  --paper: #f6f6f3; --card: #fff; --ink: #17191e; --soft: #5a606c; --line: #e3e3dd; --rail: #cfcfc8;
  --accent: #3346c4; --accent-soft: #eaecfb; --added: #12703f; --added-soft: #e9f7ef;
  --updated: #855600; --updated-soft: #fcf5e5; --removed: #ad2218; --removed-soft: #fdefed;
  --lift: 0 1px 2px rgb(20 22 30 / .05), 0 6px 20px -12px rgb(20 22 30 / .18); }
@media (prefers-color-scheme: dark) { :root {
  --paper: #0f1115; --card: #171a20; --ink: #e9ebf0; --soft: #9ba3b1; --line: #282d36; --rail: #3a404c;
  --accent: #9aa6ff; --accent-soft: #22274a; --added: #63d195; --added-soft: #12291d;
  --updated: #e5b64c; --updated-soft: #2c2413; --removed: #ff8f86; --removed-soft: #351a18;
  --lift: 0 1px 2px rgb(0 0 0 / .4); } }
`;

const text = `
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; padding: 56px 32px 64px; max-width: 1080px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-font-smoothing: antialiased; overflow-wrap: anywhere; }
h1, h2, h3, h4, p, dl, dd, ul, ol { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 14px; font-size: 44px; line-height: 1.1; font-weight: 650; letter-spacing: -.028em; }
h2 { margin: 48px 0 16px; font-size: 20px; line-height: 1.3; font-weight: 620; letter-spacing: -.012em; }
h3 { margin: 32px 0 12px; font-size: 13px; font-weight: 560; color: var(--soft); }
h4 { font-size: 14px; font-weight: 450; }
code, .value, .name, del, ins, .hidden-value { font-family: ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, monospace;
  font-size: .92em; font-variant-ligatures: none; }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
.skip { position: absolute; left: -9999px; padding: 8px 14px; background: var(--card); }
.skip:focus { left: 16px; top: 12px; z-index: 1; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.note { color: var(--soft); font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--lift); }
.mark { display: flex; align-items: center; gap: 8px; margin-bottom: 28px; font-weight: 620; letter-spacing: -.01em; }
.mark svg { width: 20px; fill: none; stroke: var(--accent); stroke-width: 3.2; }
.mark svg path { stroke-width: 2.2; }
h1 span { color: var(--soft); font-size: .5em; font-weight: 450; letter-spacing: -.01em; }
.lead { margin-top: 10px; max-width: 74ch; color: var(--soft); font-size: 16px; text-wrap: pretty; }
.concerns { margin-top: 28px; padding: 16px 20px; border-radius: 12px; background: var(--removed-soft); }
.concerns h2 { margin: 0 0 6px; font-size: 15px; color: var(--removed); }
.concerns li + li { margin-top: 6px; }
footer { margin-top: 56px; padding-top: 20px; border-top: 1px solid var(--line); color: var(--soft); font-size: 13px; }
.hidden-value, .nothing { color: var(--soft); }
.hidden-value { font-style: italic; }
`;

const figures = `
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); margin-top: 32px; overflow: hidden; }
.tiles > div { padding: 18px 20px 16px; }
.tiles > div + div { border-left: 1px solid var(--line); }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles strong { display: block; margin-top: 4px; font-size: 18px; line-height: 1.35; font-weight: 600; letter-spacing: -.012em; }
.tiles .good strong { color: var(--added); } .tiles .bad strong { color: var(--removed); } .tiles .marked strong { color: var(--updated); }
.chart { padding: 22px 22px 16px; }
.plot { display: grid; grid-template-columns: auto 1fr; gap: 6px 12px; }
.plot svg { width: 100%; height: 168px; touch-action: pan-y; }
.y, .x { display: flex; justify-content: space-between; color: var(--soft); font-size: 12px; }
.y { flex-direction: column; text-align: right; line-height: 1; padding-top: 2px; } .x { grid-column: 2; }
svg path { vector-effect: non-scaling-stroke; }
.grid { stroke: var(--line); fill: none; }
.area { fill: var(--accent-soft); opacity: .75; }
.line { stroke: var(--accent); stroke-width: 1.75; fill: none; stroke-linejoin: round; }
.rug { stroke: var(--accent); stroke-width: 1; opacity: .7; fill: none; }
.cross { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 3 3; fill: none; }
.scrub { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; margin-top: 12px; padding-top: 14px; border-top: 1px solid var(--line); font-size: 13px; }
.scrub[hidden] { display: none; }
.scrub label { color: var(--soft); }
.scrub input { flex: 1 1 200px; min-width: 120px; accent-color: var(--accent); }
.types { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 12px; }
.types:has(> :nth-child(5):last-child) { grid-template-columns: repeat(5, 1fr); }
.types:has(> :nth-child(6):last-child) { grid-template-columns: repeat(6, 1fr); }
.types li { padding: 14px 16px 12px; min-width: 0; }
.types .type { color: var(--soft); font-size: 13px; }
.types .figure { font-size: 22px; line-height: 1.3; font-weight: 600; letter-spacing: -.02em; }
.types svg { display: block; width: 100%; height: 36px; margin: 6px 0 4px; }
.figures { margin-top: 14px; font-size: 13px; }
.figures summary, .more summary, .long summary { cursor: pointer; color: var(--accent); width: fit-content; }
.scroll { margin-top: 10px; max-height: 420px; overflow: auto; overflow-wrap: normal; }
table { border-collapse: collapse; }
th, td { padding: 6px 14px 6px 0; text-align: right; font-weight: 450; white-space: nowrap; border-bottom: 1px solid var(--line); }
td:nth-child(2), th:nth-child(2) { text-align: left; }
thead th { color: var(--soft); }
`;

const revisions = `
.tools { display: flex; flex-wrap: wrap; align-items: end; gap: 10px 12px; }
.tools[hidden] { display: none; }
.find { flex: 1 1 220px; max-width: 380px; }
.find label { display: block; margin-bottom: 4px; color: var(--soft); font-size: 13px; }
.find input { width: 100%; }
input[type=search], button { font: inherit; font-size: 14px; color: inherit; background: var(--card); border: 1px solid var(--rail); border-radius: 8px; padding: 7px 12px; }
input::placeholder { color: var(--soft); opacity: 1; }
button { cursor: pointer; }
button:hover { border-color: var(--soft); }
.kinds, .all { display: flex; }
.kinds button, .all button { border-radius: 0; margin-left: -1px; }
.kinds button:first-child, .all button:first-child { border-radius: 8px 0 0 8px; }
.kinds button:last-child, .all button:last-child { border-radius: 0 8px 8px 0; }
[aria-pressed=true] { background: var(--accent-soft); color: var(--accent); }
#found:empty { display: none; }
.entry { position: relative; padding: 0 0 10px 26px; }
.rail { position: absolute; left: 6px; top: 0; bottom: 0; width: 1.5px; background: var(--rail); }
.dot { position: absolute; left: .75px; top: 20px; width: 12px; height: 12px; border-radius: 50%; background: var(--paper); border: 2px solid var(--rail); }
.current > .dot { background: var(--added); border-color: var(--added); }
.alarm > .dot { background: var(--removed); border-color: var(--removed); }
.stranger { padding: 14px 20px; } .stranger strong { color: var(--removed); }
.revision > summary { display: grid; grid-template-columns: 56px 1fr auto; align-items: center; gap: 4px 16px; padding: 12px 20px; cursor: pointer; list-style: none; border-radius: 12px; scroll-margin: 24px; }
.revision > summary::-webkit-details-marker { display: none; }
.revision > summary:hover .number { color: var(--accent); }
.number { font-size: 20px; font-weight: 620; letter-spacing: -.02em; }
.number::after { content: ""; display: inline-block; width: 6px; height: 6px; margin: 0 0 3px 9px; border: solid var(--soft); border-width: 0 1.5px 1.5px 0; transform: rotate(-45deg); }
[open] > summary > .number::after { transform: rotate(45deg); margin-bottom: 5px; }
.happened { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; min-width: 0; }
.when { text-align: right; white-space: nowrap; } .when time { font-weight: 560; } .when .note { margin-left: 10px; }
.chip { padding: 1px 9px; border-radius: 99px; font-size: 12px; font-weight: 560; color: var(--soft); border: 1px solid var(--rail); }
.chip.current { color: var(--added); background: var(--added-soft); border-color: transparent; }
.chip.pinned { color: var(--updated); background: var(--updated-soft); border-color: transparent; }
.chip.alarm { color: var(--removed); background: var(--removed-soft); border-color: transparent; }
.counts { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 14px; }
.counts .added { color: var(--added); } .counts .updated { color: var(--updated); } .counts .removed { color: var(--removed); }
.bar { width: 72px; height: 6px; border-radius: 3px; overflow: hidden; }
.bar path { stroke-width: 6; stroke: var(--soft); }
.bar .added { stroke: var(--added); } .bar .updated { stroke: var(--updated); } .bar .removed { stroke: var(--removed); }
.body { padding: 4px 20px 20px; border-top: 1px solid var(--line); }
.facts { display: flex; flex-wrap: wrap; gap: 4px 28px; padding: 12px 0; font-size: 13px; }
.facts div { display: flex; gap: 8px; } .facts dt { color: var(--soft); } .facts code { font-size: 12px; }
.group { margin-top: 18px; }
.body { content-visibility: auto; contain-intrinsic-size: auto 480px; }
.group-name { font-size: 13px; font-weight: 600; }
.change { margin-top: 8px; padding: 10px 14px; border-radius: 8px; border-left: 3px solid; scroll-margin: 24px; }
.change.added { border-color: var(--added); background: var(--added-soft); }
.change.updated { border-color: var(--updated); background: var(--updated-soft); }
.change.removed { border-color: var(--removed); background: var(--removed-soft); }
.change .note, .change .type, .change .hidden-value, .change .nothing, .change dt { color: var(--ink); opacity: .78; }
.sign { display: inline-block; width: 16px; font-weight: 700; }
.change.added .sign { color: var(--added); } .change.updated .sign { color: var(--updated); } .change.removed .sign { color: var(--removed); }
.name { font-weight: 650; } .id { font-size: 12px; opacity: .78; }
.change dl { margin: 6px 0 0 16px; }
.change dl > div { display: grid; grid-template-columns: minmax(110px, 200px) 1fr; gap: 2px 16px; padding: 3px 0; font-size: 14px; }
.more { margin: 6px 0 0 16px; } .more dl { margin-left: 0; } .more summary, .long summary { color: inherit; }
.to { margin: 0 8px; opacity: .78; }
del { text-decoration-color: color-mix(in srgb, var(--removed) 60%, transparent); text-decoration-thickness: 1px; }
del:has(.hidden-value, .nothing) { text-decoration: none; } ins { text-decoration: none; font-weight: 600; }
.words { display: flex; flex-wrap: wrap; gap: 2px 12px; }
.words ins { color: var(--added); } .words del { color: var(--removed); }
.rest { margin-top: 14px; }
`;

const narrow = `
@media (max-width: 860px) { .tiles, main .types.types { grid-template-columns: repeat(2, 1fr); }
  .tiles > div:nth-child(3) { border-left: 0; } .tiles > div:nth-child(n+3) { border-top: 1px solid var(--line); } }
@media (max-width: 600px) { body { padding: 28px 16px 40px; } h1 { font-size: 34px; } .mark { margin-bottom: 20px; }
  .tiles > div { padding: 12px 14px; } .tiles strong { font-size: 16px; } .plot svg { height: 150px; } .chart { padding: 16px 14px 12px; }
  .entry { padding-left: 20px; } .revision > summary { grid-template-columns: auto 1fr; padding: 12px 14px; } .when { grid-column: 1 / -1; text-align: left; white-space: normal; }
  .body { padding: 4px 14px 16px; } .change { padding: 10px; } .change dl, .more { margin-left: 0; } .change dl > div { grid-template-columns: 1fr; } }
`;

const paper = `
@media print { :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --rail: #aaa; --lift: none;
    --accent: #2334a0; --accent-soft: #eef; --added: #0b5c31; --added-soft: #fff; --updated: #6b4500; --updated-soft: #fff; --removed: #8f1b12; --removed-soft: #fff; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } .skip, .tools, .scrub, .figures { display: none; }
  .types li, .change, .tiles { break-inside: avoid; } h2, h3, summary, .group-name { break-after: avoid; } a { text-decoration: none; color: inherit; } }
`;

export const style = [colours, text, figures, revisions, narrow, paper].join('');
