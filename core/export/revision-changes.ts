import type { ConfigFileName } from '../vault/config-file-name.ts';
import type { ConfigVault } from '../vault/config-vault.ts';
import type { Publication } from '../vault/publish.ts';
import { inflateFile } from '../vault/published-content.ts';
import { type Changes, changesBetween } from './changes.ts';

/** Comparing takes about as long as exporting. Above this size that is too long for a line in a log. */
const largestComparedBytes = 64 * 2 ** 20;

/**
 * What a revision changed against the one that it replaced; undefined for the first one, and for files too
 * large to compare here.
 *
 * @throws VaultError when the replaced one cannot be read
 */
export async function revisionChanges(
  vault: ConfigVault,
  name: ConfigFileName,
  { manifest, gzip, replacedVersionId }: Extract<Publication, { readonly outcome: 'published' }>,
): Promise<Changes | undefined> {
  if (replacedVersionId === undefined || manifest.size > largestComparedBytes) {
    return undefined;
  }
  const replaced = await vault.content(name, replacedVersionId);
  return changesBetween(
    () => inflateFile(replaced),
    () => inflateFile(gzip),
  );
}
