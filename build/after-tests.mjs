import { readdirSync, rmSync } from 'node:fs';

/** What tools keep on purpose for their next run. */
const CACHE = /^(tsx-\d+|node-compile-cache|jest_\w+)$/;

/**
 * After Jest's last test: removes the run's temporary directory. What tests have left there fails the run by
 * its exit code; an error thrown here would lose Jest's `--outputFile`.
 */
// biome-ignore lint/style/noDefaultExport: Jest asks for one.
export default function removeRunDirectory() {
  const directory = process.env.TMPDIR;
  const left = readdirSync(directory).filter((name) => !CACHE.test(name));
  rmSync(directory, { recursive: true, force: true });
  if (left.length > 0) {
    console.error(`\nThese stayed behind in the temporary directory: ${left.join(', ')}.`);
    process.exitCode = 1;
  }
}
