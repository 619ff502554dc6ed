/** The page of a history in a real Chromium: `npm run test:browser`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { takePicture } from '../../bin/history-picture.ts';
import { sampleHistory } from '../../bin/sample-history.ts';
import { historyPage } from '../../cli/history-page/page.ts';
import { hostileHistory } from '../cli/history-page/hostile-history.ts';

const facts = { release: '0.1.0', maxCheckAgeMs: 15 * 60_000 };
/** A busy machine takes its time. */
const patienceMs = 120_000;
/** As 60 columns of a phone. */
const phone = { width: 360, height: 740 };

let directory: string;
let browser: Browser;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-browser-'));
  browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? 'chromium' });
  await Promise.all([
    writeFile(fileOf('sample'), historyPage(sampleHistory(), facts)),
    writeFile(fileOf('hostile'), historyPage(hostileHistory(), facts)),
  ]);
});

afterAll(async () => {
  await browser.close();
  await rm(directory, { recursive: true });
});

const fileOf = (name: string) => join(directory, `${name}.html`);

interface Opened {
  readonly page: Page;
  /** Whatever the page asked for, said or failed at. */
  readonly heard: string[];
}

async function open(name: string, options: BrowserContextOptions = {}, fragment = ''): Promise<Opened> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(patienceMs);
  const heard: string[] = [];
  page.on('request', (request) => heard.push(request.url()));
  page.on('console', (message) => heard.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => heard.push(String(error)));
  page.on('dialog', (dialog) => heard.push(`dialog: ${dialog.message()}`));
  await page.goto(`${pathToFileURL(fileOf(name)).href}${fragment}`);
  return { page, heard };
}

/**
 * What axe finds, with all that can be opened open, and what it could not judge of contrast. The policy holds
 * for the page, and not for axe.
 */
async function findFaults(page: Page): Promise<readonly object[]> {
  await page.getByRole('button', { name: 'Open all' }).click();
  // What is not on the screen is not laid out, and not judged.
  const height = await page.evaluate<number>('document.documentElement.scrollHeight');
  await page.setViewportSize({ width: 1280, height: height + 1000 });
  await page.evaluate(axe.source);
  const { violations, incomplete } = await page.evaluate<axe.AxeResults>(
    "axe.run({ resultTypes: ['violations', 'incomplete'] })",
  );
  const describe = ({ id, nodes }: axe.Result) =>
    nodes.map(({ html, any }) => ({ id, html, data: any[0]?.data }));
  const unjudged = incomplete
    .filter(({ id }) => id === 'color-contrast')
    .flatMap(describe)
    // An arrow is no text to axe, and hidden from readers.
    .filter(({ html }) => !html.includes('aria-hidden="true"'));
  return [...violations.flatMap(describe), ...unjudged].slice(0, 5);
}

const isOpen = async (page: Page, id: string) => (await page.locator(`#${id}`).getAttribute('open')) !== null;
const focusedRevision = (page: Page) => page.locator('details:has(> summary:focus)').getAttribute('id');

describe.each(['sample', 'hostile'])('the page of the %s history', (name) => {
  it('asks nobody for anything, says nothing on the console, and runs nothing of what it shows', async () => {
    const { page, heard } = await open(name);
    await page.getByRole('button', { name: 'Open all' }).click();
    await page.getByRole('searchbox').fill('service');
    await page.getByRole('slider').press('ArrowLeft');

    expect(heard).toEqual([pathToFileURL(fileOf(name)).href]);
    expect(await page.locator('img, body script ~ *, iframe, svg[onload]').count()).toBe(0);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('has no fault that axe knows, in %s', async (colorScheme) => {
    const { page } = await open(name, { colorScheme });

    expect(await findFaults(page)).toEqual([]);
    await page.close();
  });

  it('is no wider than a phone', async () => {
    const { page } = await open(name, { viewport: phone });
    await page.getByRole('button', { name: 'Open all' }).click();

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(phone.width);
    await page.close();
  });
});

describe('the keyboard', () => {
  it('reaches whatever can be used, in the order of the page', async () => {
    const { page } = await open('sample');
    const usable = await page.evaluate<number>(`{
      const each = [...document.querySelectorAll('a, button, input, summary, [tabindex]')];
      const shown = each.filter((element) => element.checkVisibility());
      shown.forEach((element, index) => element.setAttribute('data-stop', index));
      shown.length;
    }`);
    const reached: (string | null)[] = [];
    for (let step = 0; step < usable; step += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string | null>("document.activeElement.getAttribute('data-stop')"));
    }

    expect(usable).toBeGreaterThan(30);
    expect(reached).toEqual(Array.from({ length: usable }, (_, index) => String(index)));
    await page.close();
  });

  it('goes from revision to revision by arrows, and opens and closes them', async () => {
    const { page } = await open('sample');
    await page.locator('#r42 > summary').focus();

    await page.keyboard.press('ArrowDown');
    expect(await focusedRevision(page)).toBe('r41');
    await page.keyboard.press('ArrowRight');
    expect(await isOpen(page, 'r41')).toBe(true);
    await page.keyboard.press('ArrowLeft');
    expect(await isOpen(page, 'r41')).toBe(false);
    await page.keyboard.press('End');
    expect(await focusedRevision(page)).toBe('r19');
    await page.keyboard.press('ArrowDown');
    expect(await focusedRevision(page)).toBe('r19');
    await page.keyboard.press('Home');
    expect(await focusedRevision(page)).toBe('r42');
    await page.close();
  });

  it('looks at another moment in the drawings, and goes to its revision', async () => {
    const { page } = await open('sample');

    await page.getByRole('slider').press('Home');
    expect(await page.locator('#scrubbed').textContent()).toMatch(/^Revision 19 · .* · 413 entities$/);
    expect(await page.locator('[data-figure]').first().textContent()).toBe('212');
    await page.getByRole('link', { name: 'Show it' }).press('Enter');
    expect(await focusedRevision(page)).toBe('r19');
    await page.close();
  });
});

describe('a reader', () => {
  it('finds an entity by name, and shows kinds or not', async () => {
    const { page } = await open('sample');
    await page.getByRole('searchbox').fill('rate-limiting');
    const changes = page.locator('.change:visible');
    expect(new Set(await changes.locator('.name').allTextContents())).toEqual(new Set(['rate-limiting']));
    expect(await page.locator('#found').textContent()).toMatch(/^\d+ changes found$/);

    await page.getByRole('button', { name: 'Changed' }).click();
    expect(await changes.count()).toBe(0);
    await page.getByRole('searchbox').fill('');
    await page.getByRole('button', { name: 'Open all' }).click();
    expect(await page.locator('.change.added:visible').count()).toBeGreaterThan(0);
    expect(await page.locator('.change.updated:visible').count()).toBe(0);
    await page.close();
  });

  it('is led to a revision by a link', async () => {
    const { page } = await open('sample', {}, '#r30');

    expect(await isOpen(page, 'r30')).toBe(true);
    await page.close();
  });

  it('without scripts reads the same, without what would do nothing', async () => {
    const { page } = await open('sample', { javaScriptEnabled: false });

    expect(await page.getByRole('button').count()).toBe(0);
    await page.locator('#r41 > summary').click();
    expect(await page.locator('#r41 .change').first().isVisible()).toBe(true);
    await page.close();
  });

  it('prints what is open, dark on white, without tools', async () => {
    const { page } = await open('sample', { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });

    expect(await page.locator('#tools').isVisible()).toBe(false);
    expect(await page.locator('#r42 .change').first().isVisible()).toBe(true);
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
    expect((await page.pdf()).subarray(0, 5).toString()).toBe('%PDF-');
    await page.close();
  });
});

describe('the picture in the documents', () => {
  it('can be taken', async () => {
    const png = await takePicture(browser);

    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1120, 1480]);
    // One colour alone would be a few kB.
    expect(png.length).toBeGreaterThan(50_000);
  });
});
