import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFile, bundlesFolder, functionEntries } from '../lib/functions/function-bundle.ts';
import { bundleEntry, bundleFunction } from './bundle.ts';
import { projectRoot } from './project-root.ts';

/**
 * `npm run build`: the functions that a deployment uploads, the runtime that the local system runs them in,
 * and the command line as one file that needs nothing but Node 20.18 or newer. Everything that needs them
 * builds first, so it is quick and says only what changed.
 */
const commandLine = join(projectRoot, 'dist/lifeboat.mjs');

const bundles = [
  ...functionEntries.map((name) => [bundleFunction, name, join(bundlesFolder, name, bundleFile)] as const),
  [bundleEntry, 'simulators/aws/lambda-runtime.ts', join(projectRoot, 'dist/simulators/lambda-runtime.mjs')],
  [bundleEntry, 'cli/lifeboat.ts', commandLine],
] as const;

await Promise.all(
  bundles.map(async ([bundle, entry, file]) => {
    if (await bundle(entry, file)) {
      // Standard output belongs to the command that follows, for example `npm start -- --json`.
      process.stderr.write(`built ${file}\n`);
    }
  }),
);
// The entry's own first line makes it executable.
await chmod(commandLine, 0o755);
