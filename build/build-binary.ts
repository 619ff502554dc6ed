import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { buildBinary } from './binary.ts';
import { UnusableNode } from './official-node.ts';
import { projectRoot } from './project-root.ts';

/** `npm run build:binary`: the command line as one executable, for machines that have no Node. */
const program = new Command('npm run build:binary --')
  .description('Makes one executable of the lifeboat command, for Linux with the GNU C library.')
  .option('--node <file>', 'an official Node of the target’s platform', process.execPath)
  .option('--output <file>', 'where the executable goes', join(projectRoot, 'dist/lifeboat'))
  .parse();
const { node, output } = program.opts<{ node: string; output: string }>();

try {
  const file = resolve(output);
  const { architecture, glibc } = await buildBinary({ node: resolve(node), output: file });
  const megabytes = Math.round((await stat(file)).size / 1e6);
  process.stderr.write(
    `built ${file}: ${megabytes} MB, for Linux on ${architecture} with glibc ${glibc} or newer\n`,
  );
} catch (error) {
  if (!(error instanceof UnusableNode)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
