import { readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

/** Caches of tools, and what CDK writes for the apps of test/lib, which has no end of its own. */
const EXPECTED = /^(tsx-\d+|node-compile-cache|lifeboat-apps-\w+)$/;

/**
 * After Jest's last test: removes the run's temporary directory. What tests have left there fails the run by
 * its exit code; an error thrown here would lose Jest's `--outputFile`.
 */
// biome-ignore lint/style/noDefaultExport: Jest asks for one.
export default function removeRunDirectory() {
  const directory = process.env.TMPDIR;
  const left = readdirSync(directory).filter((name) => !EXPECTED.test(name));
  rmSync(directory, { recursive: true, force: true });
  // In watch mode another run begins in this process.
  process.env.TMPDIR = dirname(directory);
  if (left.length > 0) {
    console.error(`\nThese stayed behind in the temporary directory: ${left.join(', ')}.`);
    process.exitCode = 1;
  }
}
