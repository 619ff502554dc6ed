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

/** One file that runs by itself, and what is in it. */
export interface Bundle {
  readonly code: string;
  /** As JSON, with paths from the root of the repository. The code does not name it. */
  readonly sourceMap: string;
  /** Files that something of is in it, by their paths from the root of the repository. */
  readonly sources: readonly string[];
}

/**
 * Bundles a function as a deployment uploads it: it takes credentials from its environment, and from nowhere
 * else.
 *
 * @param name of its file in `lambdas/`
 */
export function makeFunctionBundle(name: string): Promise<Bundle> {
  const instead = join(projectRoot, 'build/no-credentials.ts');
  return makeBundle({
    entryPoints: [join(projectRoot, `lambdas/${name}.ts`)],
    alias: Object.fromEntries(otherCredentials.map((source) => [source, instead])),
  });
}

/** Writes a function's bundle. @returns whether the file has changed; the same bytes are not written again */
export async function bundleFunction(name: string, outfile: string): Promise<boolean> {
  return replaceFile(outfile, (await makeFunctionBundle(name)).code);
}

/**
 * Bundles an entry into one ES module with the AWS SDK in it, so that what runs is what the lock file says,
 * and a cold start reads one file.
 *
 * @returns whether the file has changed
 */
export async function bundleEntry(entry: string, outfile: string): Promise<boolean> {
  const { code } = await makeBundle({ entryPoints: [join(projectRoot, entry)] });
  return replaceFile(outfile, code);
}

/**
 * Bundles the `lifeboat` command into one CommonJS file, for Node and for the binary alike. What it takes of
 * the AWS SDK is in it as text, and compiled when it is first needed: to read it took half of each start.
 */
export async function makeClientBundle(): Promise<Bundle> {
  const sdk = await bundleSdk(clientSdk);
  const client = await makeBundle({
    ...commonJs,
    entryPoints: [join(projectRoot, 'cli/lifeboat.ts')],
    plugins: [loadLater(sdk.code)],
  });
  return { ...client, sources: [...client.sources, ...sdk.sources] };
}

/** Writes the client's bundle. @returns whether the file has changed */
export async function bundleClient(outfile: string): Promise<boolean> {
  return replaceFile(outfile, (await makeClientBundle()).code);
}

/**
 * Bundles the constructs into one CommonJS file, which `import` and `require` take alike. CDK stays outside:
 * an app and its constructs must share one.
 */
export function makeConstructsBundle(): Promise<Bundle> {
  return makeBundle({
    ...commonJs,
    entryPoints: [join(projectRoot, 'lib/index.ts')],
    external: ['aws-cdk-lib', 'constructs'],
    define: { 'import.meta.dirname': '__dirname' },
    // Stack traces of somebody's synth name functions, and lines that can be read.
    minify: false,
    keepNames: true,
  });
}

/** What the client uses of the AWS SDK once it asks AWS. Another name fails the build. */
const clientSdk = {
  '@aws-sdk/client-cloudformation': ['CloudFormationClient', 'DescribeStacksCommand'],
  '@aws-sdk/client-cloudwatch': ['CloudWatchClient', 'DescribeAlarmsCommand'],
  '@aws-sdk/client-kms': ['GetPublicKeyCommand', 'KMSClient', 'SignCommand'],
  '@aws-sdk/client-secrets-manager': [
    'GetSecretValueCommand',
    'PutSecretValueCommand',
    'SecretsManagerClient',
  ],
  '@aws-sdk/credential-provider-node': ['defaultProvider'],
  '@smithy/signature-v4': ['SignatureV4'],
} as const;

// Inside a binary `import()` finds nothing, not even Node's own modules.
const commonJs = { format: 'cjs', banner: {}, supported: { 'dynamic-import': false } } as const;

function bundleSdk(packages: Readonly<Record<string, readonly string[]>>): Promise<Bundle> {
  const exported = Object.entries(packages).map(
    ([name, exports]) => `export { ${exports.join(', ')} } from '${name}';`,
  );
  return makeBundle({ ...commonJs, stdin: { contents: exported.join('\n'), resolveDir: projectRoot } });
}

/** Makes a bundle into a module that is compiled when it is first imported. */
function loadLater(code: string): Plugin {
  const contents = `
    import { compileFunction } from 'node:vm';
    const module = { exports: {} };
    const parameters = ['module', 'exports', 'require'];
    const run = compileFunction(${JSON.stringify(code)}, parameters, { filename: 'lifeboat-sdk.cjs' });
    run(module, module.exports, require);
    export const { ${Object.values(clientSdk).flat().join(', ')} } = module.exports;`;
  return {
    name: 'load later',
    setup({ onResolve, onLoad }) {
      const names = Object.keys(clientSdk).map((name) => name.replaceAll('/', '\\/'));
      onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, () => ({
        path: 'sdk',
        namespace: 'later',
      }));
      // It would be in the bundle a second time, with all that it needs, and be read at each start.
      onResolve({ filter: /^@aws-sdk\/client-|^@aws-sdk\/credential-provider-/ }, ({ path }) => ({
        errors: [{ text: `${path} is loaded at the client's start: add what is used of it to clientSdk` }],
      }));
      onLoad({ filter: /./, namespace: 'later' }, () => ({ contents }));
    },
  };
}

async function makeBundle(options: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    write: false,
    outfile: join(projectRoot, 'bundle'),
    absWorkingDir: projectRoot,
    bundle: true,
    metafile: true,
    sourcemap: 'external',
    // The sources are in the repository, and their packages where the lock file says.
    sourcesContent: false,
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
  const textOf = (name: string) => {
    const file = outputFiles?.find(({ path }) => path === join(projectRoot, name));
    if (file === undefined) {
      throw new Error('esbuild made nothing of what it was given');
    }
    return file.text;
  };
  return {
    code: textOf('bundle'),
    sourceMap: textOf('bundle.map'),
    sources: Object.entries(metafile?.outputs['bundle']?.inputs ?? {})
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  };
}

/** Replaces a file atomically: another process may be reading it, for example a synth. */
export async function replaceFile(file: string, text: string): Promise<boolean> {
  const contents = Buffer.from(text);
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
