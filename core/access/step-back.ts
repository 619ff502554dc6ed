import type { Clock } from '../clock.ts';
import type { Problem } from '../problem.ts';
import { type ConfigFileName, configFileKey } from '../vault/config-file-name.ts';
import { VaultError } from '../vault/errors.ts';

/** A version of a published file, and the revision before it, as its manifest names that. */
export interface FoundVersion {
  readonly versionId: string;
  /** Undefined where the manifest names none, or there is no manifest. */
  readonly previousVersionId: string | undefined;
}

/**
 * Looks a version of a published file up; the current one where `versionId` is undefined.
 *
 * @returns undefined where there is no such version (any more)
 * @throws VaultError `unavailable`
 */
export type FindVersion = (
  name: ConfigFileName,
  versionId: string | undefined,
  signal: AbortSignal,
) => Promise<FoundVersion | undefined>;

/**
 * How far before the current revision a grant may reach. A data plane whose Kong has refused a file asks for
 * the one before that, and meanwhile an early publication and the one that follows it may have come.
 */
export const stepsBack = 3;

/** Of all look-ups of a grant together: the function has 10 s, and a data plane waits for as long. */
const lookUpMs = 4_000;

/**
 * Why there is no grant of this version of the file; undefined where there may be one. It defends against a
 * stolen credential of a data plane: each manifest names the version before its own, so that one could walk
 * through all that is kept, and old files hold secrets that were replaced since. Manifests are not verified
 * here. Who can put one into the vault could as well put the old file itself there.
 *
 * @param versionId a well-formed one
 */
export async function refuseOlder(
  { findVersion, clock }: { readonly findVersion: FindVersion; readonly clock: Clock },
  name: ConfigFileName,
  versionId: string,
): Promise<Problem | undefined> {
  try {
    return (await isWithinReach(findVersion, name, versionId, clock.deadline(lookUpMs)))
      ? undefined
      : {
          status: 404,
          title: 'No version to step back to',
          detail:
            `This versionId is neither that of the current revision of ${configFileKey(name)} nor one of the ${stepsBack} before it. ` +
            'Ask without versionId for the current one; people get an older one with "lifeboat fetch --revision".',
        };
  } catch (error) {
    if (!(error instanceof VaultError)) {
      throw error;
    }
    return {
      status: 503,
      title: 'The vault could not be asked',
      detail: `${error.message}. Ask again, or without versionId for the current revision.`,
    };
  }
}

async function isWithinReach(
  findVersion: FindVersion,
  name: ConfigFileName,
  versionId: string,
  signal: AbortSignal,
): Promise<boolean> {
  let found = await findVersion(name, undefined, signal);
  if (found?.versionId === versionId) {
    return true;
  }
  for (let step = 1; found?.previousVersionId !== undefined; step += 1) {
    if (found.previousVersionId === versionId) {
      return true;
    }
    if (step === stepsBack) {
      return false;
    }
    found = await findVersion(name, found.previousVersionId, signal);
  }
  return false;
}
