import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string | undefined;

/** A folder for what targets must write into files; it goes with the process, or sooner. */
export function findScratchFolder(): string {
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'lifeboat-fuzz-'));
    process.once('exit', removeScratchFolder);
  }
  return folder;
}

/** A process of the test runner lives on when its tests are over. */
export function removeScratchFolder(): void {
  if (folder !== undefined) {
    rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  }
}
