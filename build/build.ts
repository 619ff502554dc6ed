import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFile, bundlesFolder, functionEntries } from '../lib/functions/function-bundle.ts';
import { bundleClient, bundleEntry, bundleFunction } from './bundle.ts';
import { projectRoot } from './project-root.ts';

/**
 * `npm run build`: the functions that a deployment uploads, the runtime that the local system runs them in,
 * and the command line as one file that needs nothing but Node 20.18 or newer. Everything that needs them
 * builds first, so it is quick and says only what changed.
 */
const commandLine = join(projectRoot, 'dist/lifeboat.cjs');

const runtime = join(projectRoot, 'dist/simulators/lambda-runtime.mjs');
const bundles: readonly (readonly [file: string, bundle: (file: string) => Promise<boolean>])[] = [
  ...functionEntries.map(
    (name) => [join(bundlesFolder, name, bundleFile), (file: string) => bundleFunction(name, file)] as const,
  ),
  [runtime, (file) => bundleEntry('simulators/aws/lambda-runtime.ts', file)],
  [commandLine, bundleClient],
];

await Promise.all(
  bundles.map(async ([file, bundle]) => {
    if (await bundle(file)) {
      // Standard output belongs to the command that follows, for example `npm start -- --json`.
      process.stderr.write(`built ${file}\n`);
    }
  }),
);
// The entry's own first line makes it executable.
await chmod(commandLine, 0o755);
