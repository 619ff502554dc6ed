import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFile, bundlesFolder, functionEntries } from '../lib/functions/function-bundle.ts';
import { listMaterials } from './bill-of-materials.ts';
import {
  type Bundle,
  makeClientBundle,
  makeConstructsBundle,
  makeFunctionBundle,
  replaceFile,
} from './bundle.ts';
import { makeDeclarations } from './declarations.ts';
import { projectRoot } from './project-root.ts';
import { formatThirdParties, LicenseError, listThirdParties } from './third-party-licenses.ts';
import { writeApiPages } from './write-api-pages.ts';

/**
 * `npm run build:package`, which `npm pack` begins with: everything that the package has and the repository
 * has not, and the pages of docs/api/ where they are not what the comments say. Source maps lie beside the
 * functions and not among them, because what lies among them is uploaded.
 */
const dist = join(projectRoot, 'dist');

async function buildPackage(): Promise<void> {
  const [constructs, client, declarations, ...functions] = await Promise.all([
    makeConstructsBundle(),
    makeClientBundle(),
    makeDeclarations(),
    ...functionEntries.map(makeFunctionBundle),
  ]);
  const named = new Map<string, Bundle>(
    functions.map((bundle, index) => [String(functionEntries[index]), bundle] as const),
  );
  const thirdParties = await listThirdParties(
    [constructs, client, ...functions].flatMap(({ sources }) => sources),
  );
  const commandLine = join(dist, 'lifeboat.cjs');
  const files: readonly (readonly [file: string, text: string])[] = [
    [join(dist, 'lib/index.cjs'), constructs.code],
    [join(dist, 'lib/index.d.cts'), declarations.types],
    [commandLine, client.code],
    [join(dist, 'source-maps/lifeboat.cjs.map'), client.sourceMap],
    ...[...named].flatMap(([entry, { code, sourceMap }]) => [
      [join(bundlesFolder, entry, bundleFile), code] as const,
      [join(dist, `source-maps/${entry}.mjs.map`), sourceMap] as const,
    ]),
    [join(dist, 'THIRD-PARTY-LICENSES.txt'), formatThirdParties(thirdParties)],
    [join(dist, 'sbom.cdx.json'), await listMaterials(thirdParties)],
  ];
  for (const [file, text] of files) {
    if (await replaceFile(file, text)) {
      // Standard output belongs to `npm pack`.
      process.stderr.write(`built ${file}\n`);
    }
  }
  await chmod(commandLine, 0o755);
  await writeApiPages(declarations.api);
}

try {
  await buildPackage();
} catch (error) {
  if (!(error instanceof LicenseError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
