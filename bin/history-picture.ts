import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { historyPage } from '../cli/history-page/page.ts';
import { sampleHistory } from './sample-history.ts';

/**
 * Takes docs/history.png: the page of `lifeboat history --html`, of a history that is made up. After a change
 * of the page run `test/browser/with-chromium.sh npx tsx bin/history-picture.ts` on a machine with the fonts
 * that it names first (Debian's fonts-inter and fonts-jetbrains-mono).
 */
const picture = 'docs/history.png';

const size = { width: 1120, height: 1480 };

export async function takePicture(browser: Browser): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-picture-'));
  try {
    const file = join(directory, 'history.html');
    await writeFile(file, historyPage(sampleHistory(), { release: '0.1.0', maxCheckAgeMs: 15 * 60_000 }));
    const page = await browser.newPage({ viewport: size, colorScheme: 'light' });
    await page.goto(pathToFileURL(file).href);
    const png = await page.screenshot();
    await page.close();
    return png;
  } finally {
    await rm(directory, { recursive: true });
  }
}

if (process.argv[1] !== undefined && process.argv[1] === import.meta.filename) {
  const { CHROMIUM } = process.env;
  if (!CHROMIUM) {
    throw new Error('CHROMIUM names no browser: run it by test/browser/with-chromium.sh');
  }
  const browser = await chromium.launch({ executablePath: CHROMIUM });
  try {
    await writeFile(join(import.meta.dirname ?? '', '..', picture), await takePicture(browser));
  } finally {
    await browser.close();
  }
}
