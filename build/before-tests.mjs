import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Builds before Jest runs any test, so that `npx jest` tests what the sources say. Plain JavaScript: Jest
 * loads it without tsx.
 */
// biome-ignore lint/style/noDefaultExport: Jest asks for one.
export default function buildBeforeTests() {
  const build = fileURLToPath(new URL('build.ts', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', build], { stdio: ['ignore', 'ignore', 'inherit'] });
}
