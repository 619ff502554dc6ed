import type { ConfigFileName } from '../vault/config-file-name.ts';
import { findOwnKeys, type OwnKeys, type VaultReading } from '../vault/own-keys.ts';
import { checkRevision, type OwnRevision, readIfAllowed } from '../vault/standing.ts';

/** What people are told of a revision: what its signature says, and no word of its content. */
export interface DescribedRevision {
  readonly revision: number;
  /** Names the stored version, whatever is published later. */
  readonly versionId: string;
  readonly builtAt: Date;
  readonly exportedAt: Date;
  /** Count by type, and `total`. */
  readonly entities: Readonly<Record<string, number>>;
  readonly sizeBytes: number;
  /** Of the whole file. */
  readonly sha256: string;
  readonly pinned: boolean;
  readonly rollbackOf?: number;
}

/** A version of a file. */
export type ListedVersion =
  | (DescribedRevision & { readonly isOwn: true })
  /** `what` ends "it is …". */
  | { readonly isOwn: false; readonly versionId: string; readonly what: string };

export interface RevisionsPage {
  /** The newest first. */
  readonly versions: readonly ListedVersion[];
  /** The last one of this page, where more come. */
  readonly next: string | undefined;
}

/** Of more versions than this no list is read. */
const mostVersions = 1_000;
const readAtOnce = 10;

export function describeRevision({ manifest, versionId }: OwnRevision): DescribedRevision {
  const { revision, builtAt, exportedAt, entities, size, sha256, pinned = false, rollbackOf } = manifest;
  return {
    ...{ revision, versionId, builtAt, exportedAt, entities, sizeBytes: size, sha256, pinned },
    ...(rollbackOf === undefined ? {} : { rollbackOf }),
  };
}

/**
 * Lists the versions of a file, the newest first, and says of each whether it is ours.
 *
 * @param after the version that the page before ended with
 * @returns undefined where that one is gone
 * @throws VaultError
 */
export async function listRevisions(
  parts: VaultReading,
  name: ConfigFileName,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<RevisionsPage | undefined> {
  const [all, keys] = await Promise.all([
    parts.vault.versionIds(name, mostVersions),
    findOwnKeys(parts.signer, parts),
  ]);
  const begin = after === undefined ? 0 : all.indexOf(after) + 1;
  if (after !== undefined && begin === 0) {
    return undefined;
  }
  const wanted = all.slice(begin, begin + limit);
  const versions: ListedVersion[] = [];
  for (let next = 0; next < wanted.length; next += readAtOnce) {
    const ids = wanted.slice(next, next + readAtOnce);
    versions.push(...(await Promise.all(ids.map((id) => describeVersion(parts, name, keys, id)))));
  }
  return { versions, next: begin + limit < all.length ? wanted.at(-1) : undefined };
}

async function describeVersion(
  parts: VaultReading,
  name: ConfigFileName,
  keys: OwnKeys,
  versionId: string,
): Promise<ListedVersion> {
  const version = await readIfAllowed(parts.vault, name, versionId);
  if (version === undefined) {
    return { isOwn: false, versionId, what: 'gone, or under a key that may not be used any more' };
  }
  const checked = await checkRevision(parts, name, keys, version);
  if ('doubt' in checked) {
    return { isOwn: false, versionId, what: 'signed with a key that could not be asked for' };
  }
  return 'own' in checked
    ? { isOwn: true, ...describeRevision(checked.own) }
    : { isOwn: false, versionId, what: checked.what };
}
