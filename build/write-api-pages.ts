import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPackage } from '@microsoft/api-extractor-model';
import { makeApiPages } from './api-pages.ts';
import { replaceFile } from './bundle.ts';
import { projectRoot } from './project-root.ts';

/** Where the pages are. */
export const apiPagesFolder = join(projectRoot, 'docs/api');

/** Makes docs/api/ what the comments say, and says what has changed. */
export async function writeApiPages(api: ApiPackage): Promise<void> {
  await mkdir(apiPagesFolder, { recursive: true });
  const pages = makeApiPages(api);
  for (const name of await readdir(apiPagesFolder)) {
    if (!pages.has(name)) {
      await rm(join(apiPagesFolder, name));
    }
  }
  for (const [name, text] of pages) {
    const file = join(apiPagesFolder, name);
    if (await replaceFile(file, text)) {
      process.stderr.write(`wrote ${file}\n`);
    }
  }
}
