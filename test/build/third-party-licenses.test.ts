import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatThirdParties, LicenseError, listThirdParties } from '../../build/third-party-licenses.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-licenses-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** A package as npm installs it. @returns the path of a file in it */
async function install(name: string, license: string, texts: Readonly<Record<string, string>> = {}) {
  const own = join(folder, 'node_modules', name);
  await mkdir(own, { recursive: true });
  await writeFile(join(own, 'package.json'), JSON.stringify({ name, version: '1.0.0', license }));
  for (const [file, text] of Object.entries(texts)) {
    await writeFile(join(own, file), text);
  }
  return join(own, 'dist/index.js');
}

describe('the licences of what is published', () => {
  it.each(['AGPL-3.0', 'GPL-2.0-or-later', 'MPL-2.0', 'UNLICENSED'])('are not %s', async (license) => {
    const file = await install('strict', license, { LICENSE: 'text' });

    await expect(listThirdParties([file])).rejects.toThrow(
      new LicenseError(
        `strict 1.0.0 is under ${license}, which must not be published with Lifeboat: bundle something else, or add the licence to build/third-party-licenses.ts`,
      ),
    );
  });

  it('have their text where they ask for it', async () => {
    const file = await install('textless', 'MIT');

    await expect(listThirdParties([file])).rejects.toThrow(
      new LicenseError(
        'textless 1.0.0 comes without the text of its licence (MIT), which must be published with it',
      ),
    );
  });

  it('are listed once for each package, with its notices, and equal texts once', async () => {
    const sources = [
      'core/names.ts',
      await install('@scope/one', 'MIT', { 'LICENSE.md': 'Permission\r\nis granted' }),
      join(folder, 'node_modules/@scope/one/dist/other.js'),
      await install('two', 'MIT', { LICENCE: 'Permission\nis granted\n' }),
      await install('apache', 'Apache-2.0'),
      await install('with-notice', 'Apache-2.0', {
        NOTICE: 'by somebody',
        LICENSE: 'Apache',
        'README.md': 'no',
      }),
    ];

    const text = formatThirdParties(await listThirdParties(sources));

    expect(text.split(/\n\n-+\n\n/).slice(1)).toEqual([
      '@scope/one 1.0.0 (MIT)\ntwo 1.0.0 (MIT)\n\nPermission\nis granted',
      'apache 1.0.0 (Apache-2.0)\n\n(no text of its own)',
      'with-notice 1.0.0 (Apache-2.0)\n\nApache\n\nby somebody\n',
    ]);
  });
});
