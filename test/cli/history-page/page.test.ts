import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { sampleHistory } from '../../../bin/sample-history.ts';
import type { History } from '../../../cli/history-page/history.ts';
import { historyPage } from '../../../cli/history-page/page.ts';
import { hostileHistory, longTag } from './hostile-history.ts';

const facts = { release: '0.1.0', maxCheckAgeMs: 15 * 60_000 };
const sample = historyPage(sampleHistory(), facts);
const hostile = historyPage(hostileHistory(), facts);

const between = (page: string, tag: string) =>
  [...page.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, text = '']) => text);
/** Without style and script, which are ours. */
const bodyOf = (page: string) => page.replace(/<(style|script)>.*?<\/\1>/gs, '');
const wordsOf = (page: string) =>
  bodyOf(page)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');

describe.each([
  ['an ordinary history', sample],
  ['a hostile one', hostile],
])('the page of %s', (_what, page) => {
  it('lets run what stands in it, by its hash, and nothing else', () => {
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
    const [style, ...styles] = between(page, 'style');
    const [script, ...scripts] = between(page, 'script');

    const hash = (text = '') => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src ${hash(style)}`,
      `script-src ${hash(script)}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect([...styles, ...scripts]).toEqual([]);
    // What stands before the policy is not held to it.
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<title>'));
  });

  it('names nothing that would be loaded, and has neither handlers nor styles in attributes', () => {
    const tags = [...bodyOf(page).matchAll(/<([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/gi)];
    const attributes = tags.flatMap(([, , text = '']) => [...text.matchAll(/([a-z-]+)(?:="([^"]*)")?/gi)]);

    expect(tags.length).toBeGreaterThan(300);
    expect(
      attributes.filter(([, name = '']) => /^(on.*|style|src|srcset|action|data|background)$/i.test(name)),
    ).toEqual([]);
    expect(
      attributes.filter(([, name, value = '']) => name === 'href' && !/^#[a-z0-9]+$/.test(value)),
    ).toEqual([]);
    expect(page).not.toMatch(/@import|url\(/);
  });

  it('has of tags only its own, each one closed', () => {
    const names = [...bodyOf(page).matchAll(/<(\/?)([^\s>]*)/g)].map(
      ([, close, name = '']) => `${close}${name}`,
    );
    const own =
      'a article bdi body button code dd del details div dl dt footer h1 h2 h3 h4 head header html ins label li main ol output p section span strong summary svg table tbody td th thead time title tr ul path circle';
    const alone = new Set(['!doctype', 'meta', 'input', 'path', 'circle']);
    const opened = names.filter((name) => !name.startsWith('/') && !alone.has(name)).sort();

    expect(
      names.filter((name) => !alone.has(name) && !own.split(' ').includes(name.replace('/', ''))),
    ).toEqual([]);
    expect(
      names
        .filter((name) => name.startsWith('/'))
        .map((name) => name.slice(1))
        .sort(),
    ).toEqual(opened);
  });

  it('has each id once, and links to none that is not there', () => {
    const ids = [...bodyOf(page).matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    const linked = [...bodyOf(page).matchAll(/ (?:href="#|for="|aria-labelledby=")([^"]*)"/g)].map(
      ([, id]) => id,
    );

    expect(new Set(ids).size).toBe(ids.length);
    expect(linked.filter((id) => !ids.includes(id))).toEqual([]);
  });
});

describe('names that somebody chose', () => {
  it('are text, whatever they look like', () => {
    const body = bodyOf(hostile);

    expect(body).toContain('&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;');
    expect(body).toContain('&quot;&gt;&lt;svg onload=alert(1)&gt;');
    expect(body).toContain('&#39; onmouseover=&#39;alert(1)');
    // What looks escaped stays what it was.
    expect(body).toContain('&amp;lt;script&amp;gt;');
  });

  it('cannot turn the direction of what stands beside them, nor hide in it', () => {
    expect(
      [...hostile].filter((each) => /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(each) && each !== '\n'),
    ).toEqual([]);
    expect(hostile).toContain('\\u202etxt.exe\\u2066 \\u0000\\u001b[2J');
  });

  it('of 10,000 characters are shown in part, and wholly to who asks', () => {
    expect(hostile).toContain(`<bdi class="value">${longTag}</bdi>`);
    expect(hostile).toMatch(
      /<summary>[^\n]*x{60}…<\/bdi> <span class="note">10,0\d\d characters<\/span><\/summary>/,
    );
  });
});

describe('the page', () => {
  it('says of each revision what it changed, entity by entity and field by field', () => {
    const words = wordsOf(sample);

    expect(words).toContain('Revision 42 current 1 added 2 changed 1 removed 16:04');
    expect(words).toContain('changed: service checkout');
    expect(words).toContain('host before: checkout.internal → after: checkout-v2.internal');
    expect(words).toContain('tags team-shop removed: canary added: pci');
    expect(words).toContain('client_certificate before: (set) → after: (changed)');
    expect(words).toContain('Revision 38 content of 36');
  });

  it('says what it does not say', () => {
    expect(wordsOf(sample)).toContain('Only the newest 20 revisions were compared.');
    expect(wordsOf(sample)).toContain('Nothing before it is kept, to compare it with.');
    expect(wordsOf(hostile)).toContain('29,980 more are not listed here: lifeboat diff 39 40 lists all.');
    expect(wordsOf(hostile)).toContain('It could not be compared with revision 40:');
  });

  it('marks what is held, pinned, not ours, and what stands there a second time', () => {
    const words = wordsOf(hostile);

    expect(words).toContain('Held for 2 hours. What the control plane has now is not published:');
    expect(words).toContain('Publishing Held');
    expect(words).toContain('Needs attention');
    expect(words).toContain('Not ours, and in the file’s place.');
    expect(words).toMatch(/Revision 42 pinned 3 added/);
    expect(words).toContain('Revision 40 stands here again published before');
    expect(words).toContain('Kept 25 revisions and 1 not ours');
  });

  it('draws counts as steps that end with the page’s moment', () => {
    const [, total = ''] = /<path class="line" d="([^"]*)"/.exec(sample) ?? [];

    expect(total).toMatch(/^M0 [\d.]+(H\d+V[\d.]+){23}H1000$/);
    expect(sample).toContain(
      'aria-label="Entities in all, from 413 in revision 19 to 517 in revision 42; 523 at most"',
    );
  });

  const without = (versions: History['versions']): History => ({
    ...sampleHistory(),
    versions,
    comparisons: new Map(),
  });

  it.each([
    ['nothing', [], 'Nothing was published yet.'],
    ['one revision', sampleHistory().versions.slice(-1), 'the oldest that is kept'],
    [
      'strangers alone',
      [{ isOwn: false, versionId: 'v1', what: 'not signed' } as const],
      'Of no day that is known',
    ],
  ])('of %s is a page, too', (_what, versions, sentence) => {
    const page = historyPage(without(versions), facts);

    expect(wordsOf(page)).toContain(sentence);
    expect(bodyOf(page)).not.toMatch(/NaN|undefined|Infinity|Invalid/);
  });

  it('keeps clocks that disagree inside the drawing', () => {
    const [newest, ...older] = sampleHistory().versions.flatMap((each) => (each.isOwn ? [each] : []));
    const ahead = newest && { ...newest, exportedAt: new Date('2026-12-24T00:00:00Z') };
    const page = historyPage(without(ahead === undefined ? [] : [ahead, ...older]), facts);

    expect(
      [...page.matchAll(/data-x="(-?\d+)"/g)].map(([, x]) => Number(x)).filter((x) => x < 0 || x > 1000),
    ).toEqual([]);
  });
});
