import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bundleClient } from './bundle.ts';
import { fuse, type OfficialNode, requireOfficialNode, UnusableNode } from './official-node.ts';

const run = promisify(execFile);
// As a command: what it says of sections without a name, which harms nothing, is shown where it fails only.
const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');

export interface BinaryOptions {
  /** An official Node of the platform that the binary is for, which is this machine's. */
  readonly node: string;
  /** Where the binary goes. */
  readonly output: string;
}

/**
 * Makes one executable of the `lifeboat` command and a Node (Node’s manual: single executable applications),
 * for machines that have no Node. It appears at `output` whole, and after it has started once.
 *
 * @returns what it runs on
 * @throws UnusableNode
 */
export async function buildBinary({ node, output }: BinaryOptions): Promise<OfficialNode> {
  const official = await readOfficialNode(node);
  await mkdir(dirname(output), { recursive: true });
  // Beside the output: a rename does not lead to another file system.
  const directory = await mkdtemp(join(dirname(output), '.lifeboat-'));
  try {
    const unfinished = join(directory, 'lifeboat');
    await copyFile(node, unfinished);
    await chmod(unfinished, 0o755);
    const application = await prepareApplication(node, directory);
    await run(process.execPath, [
      ...[postject, unfinished, 'NODE_SEA_BLOB', application],
      ...['--sentinel-fuse', fuse],
    ]);
    await run(unfinished, ['--version']);
    await rename(unfinished, output);
  } finally {
    await rm(directory, { recursive: true });
  }
  return official;
}

async function readOfficialNode(node: string): Promise<OfficialNode> {
  try {
    const official = requireOfficialNode(await readFile(node));
    if (official.architecture !== process.arch) {
      // The bundle's compiled code goes into the binary, and only that Node can make it.
      throw new UnusableNode(
        `it is for ${official.architecture}, and this machine is ${process.arch}: build on a machine of the target’s kind`,
      );
    }
    const { stdout } = await run(node, ['--print', 'process.versions.node']);
    const [major = 0, minor = 0] = stdout.split('.').map(Number);
    if (major < 20 || (major === 20 && minor < 18)) {
      throw new UnusableNode(`it is Node ${stdout.trim()}: 20.18 is the oldest`);
    }
    return official;
  } catch (error) {
    throw new UnusableNode(
      `${node} cannot become the binary: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** @returns the file that Node loads as the application: the bundle, and what compiling it gave */
async function prepareApplication(node: string, directory: string): Promise<string> {
  const [main, output, settings] = ['lifeboat.cjs', 'application', 'settings.json'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  await bundleClient(main);
  await writeFile(
    settings,
    JSON.stringify({ main, output, disableExperimentalSEAWarning: true, useCodeCache: true }),
  );
  await run(node, ['--experimental-sea-config', settings]);
  return output;
}
