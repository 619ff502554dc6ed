import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
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

/**
 * Bundles the `lifeboat` command into one CommonJS file, for Node and for the binary alike. What it takes of
 * the AWS SDK is in it as text, and compiled when it is first needed: to read it took half of each start.
 *
 * @returns whether the file has changed
 */
export async function bundleClient(outfile: string): Promise<boolean> {
  return bundle('cli/lifeboat.ts', outfile, { ...commonJs, plugins: [await loadLater(clientSdk)] });
}

/** What the client uses of the AWS SDK once it asks AWS. Another name fails the build. */
const clientSdk = {
  '@aws-sdk/client-cloudformation': ['CloudFormationClient', 'DescribeStacksCommand'],
  '@aws-sdk/client-cloudwatch': ['CloudWatchClient', 'DescribeAlarmsCommand'],
  '@aws-sdk/client-kms': ['GetPublicKeyCommand', 'KMSClient', 'SignCommand'],
  '@aws-sdk/credential-provider-node': ['defaultProvider'],
  '@smithy/signature-v4': ['SignatureV4'],
} as const;

// Inside a binary `import()` finds nothing, not even Node's own modules.
const commonJs = { format: 'cjs', banner: {}, supported: { 'dynamic-import': false } } as const;

/** Bundles packages together, as one module that is compiled when it is first imported. */
async function loadLater(packages: Readonly<Record<string, readonly string[]>>): Promise<Plugin> {
  const exported = Object.entries(packages).map(
    ([name, exports]) => `export { ${exports.join(', ')} } from '${name}';`,
  );
  const text = await bundleText({
    ...commonJs,
    stdin: { contents: exported.join('\n'), resolveDir: projectRoot },
  });
  const contents = `
    import { compileFunction } from 'node:vm';
    const module = { exports: {} };
    const parameters = ['module', 'exports', 'require'];
    const run = compileFunction(${JSON.stringify(text)}, parameters, { filename: 'lifeboat-sdk.cjs' });
    run(module, module.exports, require);
    export const { ${Object.values(packages).flat().join(', ')} } = module.exports;`;
  return {
    name: 'load later',
    setup({ onResolve, onLoad }) {
      const names = Object.keys(packages).map((name) => name.replaceAll('/', '\\/'));
      onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, () => ({
        path: 'sdk',
        namespace: 'later',
      }));
      onLoad({ filter: /./, namespace: 'later' }, () => ({ contents }));
    },
  };
}

async function bundle(entry: string, outfile: string, options: BuildOptions): Promise<boolean> {
  const text = await bundleText({ entryPoints: [join(projectRoot, entry)], ...options });
  return replaceFile(outfile, Buffer.from(text));
}

async function bundleText(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
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
    ...options,
  });
  const [bundled] = outputFiles ?? [];
  if (bundled === undefined) {
    throw new Error('esbuild made nothing of what it was given');
  }
  return bundled.text;
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
