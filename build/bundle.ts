import { join } from 'node:path';
import { build } from 'esbuild';
import { lambdaBundling } from '../lib/functions/bundling.ts';
import { projectRoot } from './project-root.ts';

/** Bundles an entry as the deployment does. */
export async function bundleEntry(entry: string, outfile: string): Promise<void> {
  const { banner, ...options } = lambdaBundling;
  await build({
    ...options,
    mainFields: [...options.mainFields],
    banner: { js: banner },
    entryPoints: [join(projectRoot, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    logLevel: 'error',
  });
}
