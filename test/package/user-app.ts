import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { apiPagesFolder } from '../../build/write-api-pages.ts';
import { inherited } from '../lib/child-app.ts';

const root = resolve('.');
const execute = promisify(execFile);
const { dependencies = {}, devDependencies } = JSON.parse(await readFile('package.json', 'utf8'));

// Nothing of the machine's account, and nothing that this run's own npm has set.
const environment = Object.fromEntries(
  Object.entries(inherited).filter(([name]) => !/^(AWS_|CDK_|npm_)/i.test(name)),
);

/** Versions of pnpm and of Node that the package is tried with. */
export const pnpm = 'pnpm@12.21.0';
export const nodeVersions = ['20.18.0', '22', '24'] as const;

/**
 * Runs a program in a folder to its end.
 *
 * @returns what it wrote to standard output
 * @throws Error with all that it wrote
 */
export async function runIn(
  folder: string,
  command: readonly string[],
  variables: NodeJS.ProcessEnv = {},
): Promise<string> {
  const [program = '', ...args] = command;
  try {
    const env = { ...environment, ...variables };
    return (await execute(program, args, { cwd: folder, env, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command.join(' ')} failed in ${folder}:\n${stdout ?? ''}\n${stderr ?? error}`);
  }
}

/** The README's own way into an app: what to run, and the stack. */
export async function readReadme() {
  const [, section = ''] = (await readFile('README.md', 'utf8')).split('### In an app of your own');
  const [own = ''] = section.split(/^##/m);
  const blocks = (language: string) =>
    [...own.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
      ([, text = '']) => text,
    );
  const [install = '', ...afterwards] = blocks('sh').flatMap((block) => block.trim().split('\n'));
  return { install, afterwards, stack: blocks('ts')[0] ?? '' };
}

// The same stack in one file, for apps that have no other.
const inOneFile = `
const app = new App();
const stack = new Stack(app, 'GatewayStack');
const lifeboat = new Lifeboat(stack, 'Lifeboat', {
  controlPlanes: { prod: { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] } },
});
const assumedBy = new aws_iam.ServicePrincipal('ec2.amazonaws.com');
lifeboat.grantBootstrap(new aws_iam.Role(stack, 'DataPlane', { assumedBy }), 'prod');
`;

/**
 * Makes an empty app as `cdk init` does, with the stack of the README, and beside it an app of ES modules
 * and one of plain JavaScript.
 *
 * @param folder - its last part is `gateway`, which names the stack
 */
export async function createApp(folder: string): Promise<void> {
  const { stack } = await readReadme();
  await mkdir(folder, { recursive: true });
  const init = ['cdk', 'init', 'app', '--language', 'typescript', '--generate-only'];
  await runIn(folder, [join(root, 'node_modules/.bin', init[0] ?? ''), ...init.slice(1)]);
  await writeFile(join(folder, 'lib/gateway-stack.ts'), stack);
  // The strictest that an app can be: the types of packages are checked, too.
  const settings = join(folder, 'tsconfig.json');
  const strict = (await readFile(settings, 'utf8')).replace('"skipLibCheck": true', '"skipLibCheck": false');
  await writeFile(settings, strict);
  await pinCdk(folder);
  await mkdir(join(folder, 'esm'));
  await writeFile(join(folder, 'esm/package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(
    join(folder, 'esm/app.ts'),
    `import { App, Stack, aws_iam } from 'aws-cdk-lib';\nimport { Lifeboat } from 'kong-lifeboat';\n${inOneFile}`,
  );
  await mkdir(join(folder, 'plain'));
  await writeFile(
    join(folder, 'plain/app.js'),
    `const { App, Stack, aws_iam } = require('aws-cdk-lib');\nconst { Lifeboat } = require('kong-lifeboat');\n${inOneFile}`,
  );
}

/** `cdk init` takes the newest CDK; templates are equal where CDK is. */
async function pinCdk(folder: string): Promise<void> {
  const file = join(folder, 'package.json');
  const json = JSON.parse(await readFile(file, 'utf8'));
  const ours = { ...dependencies, ...devDependencies };
  for (const name of ['aws-cdk-lib', 'constructs']) {
    json.dependencies[name] = ours[name];
  }
  await writeFile(file, JSON.stringify(json));
}

/** The stack of the checkout, with the feature flags of an app. */
export async function synthesizeCheckout(app: string, output: string): Promise<unknown> {
  const file = join(output, 'checkout.ts');
  const from = (path: string) => JSON.stringify(pathToFileURL(join(root, path)).href);
  await mkdir(output, { recursive: true });
  await writeFile(
    file,
    `import { App, Stack, aws_iam } from ${from('node_modules/aws-cdk-lib/index.js')};\nimport { Lifeboat } from ${from('lib/index.ts')};\n${inOneFile}`,
  );
  return synthesizeBy(app, [process.execPath, '--import', 'tsx', file], join(output, 'cdk.out'), root);
}

/**
 * Runs an app as CDK's command line does.
 *
 * @returns the template
 */
export async function synthesizeBy(
  app: string,
  command: readonly string[],
  output: string,
  folder = app,
): Promise<unknown> {
  const { context } = JSON.parse(await readFile(join(app, 'cdk.json'), 'utf8'));
  await runIn(folder, command, {
    CDK_OUTDIR: output,
    CDK_CONTEXT_JSON: JSON.stringify(context),
    // The rules for templates take ten times as long as the app, and change nothing in the template.
    CDK_VALIDATION: 'false',
  });
  return readTemplate(output);
}

export async function readTemplate(output: string): Promise<unknown> {
  return JSON.parse(await readFile(join(output, 'GatewayStack.template.json'), 'utf8'));
}

/** Where the packed file is. */
export async function pack(
  folder: string,
): Promise<{ readonly file: string; readonly paths: readonly string[] }> {
  const report = await runIn(root, ['npm', 'pack', '--json', '--pack-destination', folder]);
  const [{ filename, files }] = JSON.parse(report.slice(report.indexOf('[')));
  return {
    file: join(folder, basename(filename)),
    paths: files.map(({ path }: { readonly path: string }) => path),
  };
}

/** The pages of docs/api/ as they are, by their names. */
export async function readApiPages(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(apiPagesFolder)).sort();
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(apiPagesFolder, name), 'utf8')] as const),
    ),
  );
}

/** Whether packages can be had. */
export async function reachesRegistry(): Promise<boolean> {
  try {
    await runIn(root, ['npm', 'view', pnpm, 'version', '--fetch-retries=0', '--fetch-timeout=20000']);
    return true;
  } catch {
    return false;
  }
}
