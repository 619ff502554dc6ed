/** The Kong that a rehearsal boots, chosen before anything is begun. */
import { canLoad } from '../../core/kong/version-choice.ts';
import { findKong, readKongVersion } from '../../simulators/kong/kong-node.ts';

/** One that fits, or why there is none. */
export type RehearsedKong = { readonly path: string } | { readonly missing: string };

/**
 * Chooses the Kong that was named, or the one on PATH.
 *
 * @param named has to fit; undefined for the one on PATH, without which a rehearsal does
 * @param fileVersion the data-plane version that the file is made for
 * @param directory for what Kong prints
 * @throws Error when the named one is not there, does not run, or could not load the file
 */
export async function chooseKong(
  named: string | undefined,
  fileVersion: string,
  directory: string,
): Promise<RehearsedKong> {
  const path = await findKong(named);
  if (path === undefined) {
    return { missing: 'there is none on PATH (name one: npm start -- --kong PATH)' };
  }
  const trouble = await findTrouble(path, fileVersion, directory);
  if (trouble === undefined) {
    return { path };
  }
  if (named !== undefined) {
    throw new Error(`--kong ${named}: ${trouble}`);
  }
  return { missing: `the one on PATH, ${path}, does not fit: ${trouble} (another one: --kong PATH)` };
}

async function findTrouble(
  path: string,
  fileVersion: string,
  directory: string,
): Promise<string | undefined> {
  let version: string;
  try {
    version = await readKongVersion(path, directory);
  } catch (error) {
    return `it is asked for its version, and does not say it: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (canLoad(version, fileVersion)) {
    return undefined;
  }
  const minor = fileVersion.split('.').slice(0, 2).join('.');
  return `it is Kong ${version}, and the file is for Kong ${fileVersion}, which only Kong ${minor} from ${fileVersion} on loads: name such a one, or give --data-plane-version`;
}
