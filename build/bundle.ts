import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from './project-root.ts';

/**
 * Bundles an entry into one ES module with the AWS SDK in it, so that what runs is what the lock file says,
 * and a cold start reads one file.
 *
 * @returns whether the file has changed; the same bytes are not written again
 */
export async function bundleEntry(entry: string, outfile: string): Promise<boolean> {
  const { outputFiles } = await build({
    entryPoints: [join(projectRoot, entry)],
    outfile,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minify: true,
    mainFields: ['module', 'main'],
    // ws is CommonJS and requires Node's own modules.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) {
    throw new Error(`esbuild made nothing of ${entry}`);
  }
  return replaceFile(outfile, bundle.contents);
}

/** Replaces a file atomically: another process may be reading it, for example a synth. */
async function replaceFile(file: string, contents: Uint8Array): Promise<boolean> {
  const before = await readFile(file).catch(() => undefined);
  if (before?.equals(contents) === true) {
    return false;
  }
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, file);
  return true;
}
