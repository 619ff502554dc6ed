import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { projectRoot } from './project-root.ts';

// Where the SDK looks for credentials after the environment: profiles, single sign-on, a process, a token,
// container and instance. It loads each only when it comes to it, but Node reads all of the bundle at a cold
// start, and the modules of its own that they need: a fifth of the webhook's time, for what Lambda never has.
const otherCredentials = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/credential-provider-imds',
];

/**
 * Bundles a function as a deployment uploads it: it takes credentials from its environment, and from nowhere
 * else.
 *
 * @param name of its file in `lambdas/`
 * @returns whether the file has changed
 */
export function bundleFunction(name: string, outfile: string): Promise<boolean> {
  const instead = join(projectRoot, 'build/no-credentials.ts');
  return bundle(`lambdas/${name}.ts`, outfile, {
    alias: Object.fromEntries(otherCredentials.map((source) => [source, instead])),
  });
}

/**
 * Bundles an entry into one ES module with the AWS SDK in it, so that what runs is what the lock file says,
 * and a cold start reads one file.
 *
 * @returns whether the file has changed; the same bytes are not written again
 */
export function bundleEntry(entry: string, outfile: string): Promise<boolean> {
  return bundle(entry, outfile, {});
}

async function bundle(
  entry: string,
  outfile: string,
  { alias = {} }: Pick<BuildOptions, 'alias'>,
): Promise<boolean> {
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
    alias,
    // ws is CommonJS and requires Node's own modules.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  const [bundled] = outputFiles;
  if (bundled === undefined) {
    throw new Error(`esbuild made nothing of ${entry}`);
  }
  return replaceFile(outfile, bundled.contents);
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
