import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Before Jest runs any test: builds, so that `npx jest` tests what the sources say, and gives the run a
 * temporary directory of its own, which `after-tests.mjs` looks through. Plain JavaScript: Jest loads it
 * without tsx.
 */
// biome-ignore lint/style/noDefaultExport: Jest asks for one.
export default function prepareTests() {
  const build = fileURLToPath(new URL('build.ts', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', build], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.env.TMPDIR = createRunDirectory();
  // What a process of the run starts with it has from here.
  process.execArgv.push('--import', new URL('keep-worker-data.mjs', import.meta.url).href);
}

/** The path of a new directory for one run. Readable by everybody: servers under test drop their rights. */
function createRunDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-tests-'));
  chmodSync(directory, 0o755);
  // The cache of tsx stays where it is, or each run compiles everything again.
  const cache = join(tmpdir(), `tsx-${process.getuid()}`);
  mkdirSync(cache, { recursive: true });
  symlinkSync(cache, join(directory, basename(cache)));
  return directory;
}
