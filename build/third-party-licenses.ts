import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { projectRoot } from './project-root.ts';

/** A package that something of is in what is published. */
export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** As its package.json says it (SPDX). */
  readonly license: string;
  /** Its licence and notices, whole. */
  readonly texts: readonly string[];
}

/** Licences whose code may be part of a file under Apache-2.0, with their texts beside it. */
const permitted = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0']);

/**
 * Of these, licences that need no text of the package's own: one is in our LICENSE, the others ask for none.
 */
const withoutText = new Set(['0BSD', 'Apache-2.0', 'MIT-0']);

/** Thrown for code that must not be published, or whose terms are not known. */
export class LicenseError extends Error {
  override readonly name = 'LicenseError';
}

/**
 * The packages that bundles are made of.
 *
 * @param sources - files of bundles, by their paths from the root of the repository
 * @throws LicenseError for a licence that is not among those permitted, or whose text the package lacks
 */
export async function listThirdParties(sources: readonly string[]): Promise<readonly ThirdParty[]> {
  const folders = new Set(
    sources.flatMap((source) => /^(.*\/)?node_modules\/(@[^/]+\/)?[^/]+/.exec(source)?.[0] ?? []),
  );
  const parties = await Promise.all(
    [...folders].map((folder) => readThirdParty(resolve(projectRoot, folder))),
  );
  // A package may be there twice, in one version.
  const byName = new Map(parties.map((each) => [`${each.name}@${each.version}`, each]));
  return [...byName.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
}

async function readThirdParty(folder: string): Promise<ThirdParty> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (!permitted.has(license)) {
    throw new LicenseError(
      `${name} ${version} is under ${license}, which must not be published with Lifeboat: bundle something else, or add the licence to build/third-party-licenses.ts`,
    );
  }
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)(\.|-|$)/i.test(file));
  if (files.length === 0 && !withoutText.has(license)) {
    throw new LicenseError(
      `${name} ${version} comes without the text of its licence (${license}), which must be published with it`,
    );
  }
  const texts = await Promise.all(files.sort().map((file) => readFile(join(folder, file), 'utf8')));
  return { name, version, license, texts: texts.map((text) => text.replaceAll('\r\n', '\n').trim()) };
}

/** The file that goes with the bundles. A text that several packages have stands there once. */
export function formatThirdParties(parties: readonly ThirdParty[]): string {
  const byText = new Map<string, string[]>();
  for (const { name, version, license, texts } of parties) {
    const text = texts.length === 0 ? `(no text of its own)` : texts.join('\n\n');
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  return `${[
    'Lifeboat is under Apache-2.0 (see LICENSE). Its compiled files contain code of these packages:',
    ...[...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}`),
  ].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
