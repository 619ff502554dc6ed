import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The functions, by the name of their file in `lambdas/`. */
export const functionEntries = ['webhook', 'export', 'presign', 'inspect', 'listen'] as const;

export type FunctionEntry = (typeof functionEntries)[number];

/**
 * Where `npm run build` puts a folder for each function. In the package this file is part of `dist/lib/`,
 * from which the way is the same.
 */
export const bundlesFolder = join(import.meta.dirname, '../../dist/functions');

/** The one file in a function's folder. */
export const bundleFile = 'index.mjs';

/** Thrown at synth, when the functions were not bundled beforehand. */
export class MissingBundleError extends Error {
  override readonly name = 'MissingBundleError';
}

/**
 * The folder that a deployment uploads as a function's code.
 *
 * @param bundles - the folder of all functions
 * @throws MissingBundleError
 */
export function findFunctionBundle(entry: FunctionEntry, bundles: string = bundlesFolder): string {
  const folder = join(bundles, entry);
  const file = join(folder, bundleFile);
  if (!existsSync(file)) {
    throw new MissingBundleError(`the ${entry} function has no bundle (${file}): run \`npm run build\``);
  }
  return folder;
}
