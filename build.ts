import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { lambdaBundling } from './lib/bundling.ts';

/** `npm run build`: the command line as one file that needs nothing but Node 20.18 or newer. */
const outfile = join(import.meta.dirname ?? '.', 'dist/lifeboat.mjs');
const { banner, mainFields, ...options } = lambdaBundling;

await build({
  ...options,
  mainFields: [...mainFields],
  // The entry's own first line makes it executable.
  banner: { js: banner },
  entryPoints: [join(import.meta.dirname ?? '.', 'cli/lifeboat.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  logLevel: 'error',
});
await chmod(outfile, 0o755);
process.stdout.write(`${outfile}\n`);
