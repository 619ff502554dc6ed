import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleEntry } from './bundle.ts';
import { projectRoot } from './project-root.ts';

/** `npm run build`: the command line as one file that needs nothing but Node 20.18 or newer. */
const outfile = join(projectRoot, 'dist/lifeboat.mjs');

await bundleEntry('cli/lifeboat.ts', outfile);
// The entry's own first line makes it executable.
await chmod(outfile, 0o755);
process.stdout.write(`${outfile}\n`);
