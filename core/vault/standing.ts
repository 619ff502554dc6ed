import { createHash } from 'node:crypto';
import { type ConfigFileName, configFileKey } from './config-file-name.ts';
import type { ConfigVault, Revision, VersionStatus } from './config-vault.ts';
import { VaultError } from './errors.ts';
import {
  lastReachableRevision,
  type Manifest,
  readUnverifiedManifest,
  signingKeyId,
  verifyManifest,
} from './manifest.ts';
import { findOwnKeys, type OwnKeys, type VaultReading } from './own-keys.ts';
import { isFileOfManifest } from './published-content.ts';

/** A revision that this deployment has signed for this file, and that the stored object is bound to. */
export interface OwnRevision {
  readonly etag: string;
  readonly versionId: string;
  /** The manifest as it is stored. */
  readonly signedManifest: string;
  readonly manifest: Manifest;
  /**
   * Why it is published anew even where nothing has changed: it is signed with a retired key, encrypted with
   * a previous one, or its manifest does not say what is stored.
   */
  readonly isOutOfForm: boolean;
}

/** In a file's place: what this deployment has not published as the last, or nothing where something was. */
export interface ForeignObject {
  /** To be replaced; undefined where nothing is there. */
  readonly etag: string | undefined;
  readonly signedManifest: string | undefined;
  /** What is wrong with it, as the end of "it held …". */
  readonly what: string;
}

/** What stands in a file's place. */
export type Standing =
  | { readonly is: 'nothing' }
  | { readonly is: 'own'; readonly own: OwnRevision }
  | { readonly is: 'foreign'; readonly foreign: ForeignObject; readonly newestOwn: OwnRevision | undefined }
  /**
   * A key of ours that cannot be asked for may have signed it. Nothing is put back in its place; what is
   * served is published over it, after the newest own one.
   */
  | {
      readonly is: 'unjudged';
      readonly etag: string;
      /** Undefined where the last check has noted none, or a later one: then it may be the last good file. */
      readonly newestOwn: OwnRevision | undefined;
      /** Why the key could not be asked for. */
      readonly because: unknown;
    };

/** What the last check noted of a file. */
type Noted = Pick<VersionStatus, 'revision' | 'versionId'>;

/** So many versions are looked through for the newest own one. A bucket keeps 30, and younger ones. */
const searchedVersions = 100;

/**
 * Looks at what stands in a file's place, and whether it is ours: signed with one of our keys, for this
 * control plane and version, bound to the stored bytes, and no older than the last check has noted.
 *
 * @param noted what the last check noted of this file
 * @param reading what stands there, where it is being read already
 * @throws VaultError when that cannot be told, the key that signs now included: nothing is called foreign
 * then
 */
export async function findStanding(
  parts: VaultReading,
  name: ConfigFileName,
  noted: Noted | undefined,
  reading: Promise<Revision | undefined> = parts.vault.current(name),
): Promise<Standing> {
  const [current, keys] = await Promise.all([reading, findOwnKeys(parts.signer, parts)]);
  if (current === undefined) {
    const newestOwn = await findNewestOwn(parts, name, keys, noted);
    return noted === undefined && newestOwn === undefined
      ? { is: 'nothing' }
      : { is: 'foreign', newestOwn, foreign: { ...nothing, what: 'nothing any more: it was deleted' } };
  }
  const checked = await checkRevision(parts, name, keys, current);
  if ('doubt' in checked) {
    const { newest } = await searchHistory(parts, name, keys, noted);
    const isNewest =
      noted !== undefined && newest !== undefined && newest.manifest.revision >= noted.revision;
    return {
      is: 'unjudged',
      etag: current.etag,
      newestOwn: isNewest ? newest : undefined,
      because: checked.doubt,
    };
  }
  if ('own' in checked) {
    const { own } = checked;
    if (noted === undefined || own.manifest.revision >= noted.revision) {
      return { is: 'own', own };
    }
  }
  const what =
    'own' in checked
      ? `revision ${checked.own.manifest.revision} although revision ${noted?.revision} was published after it`
      : checked.what;
  return {
    is: 'foreign',
    foreign: { etag: current.etag, signedManifest: current.manifest, what },
    newestOwn: await findNewestOwn(parts, name, keys, noted),
  };
}

const nothing = { etag: undefined, signedManifest: undefined };

/** @throws VaultError where no version is known to be ours, and one of them may be */
async function findNewestOwn(...history: Parameters<typeof searchHistory>): Promise<OwnRevision | undefined> {
  const { newest, doubt } = await searchHistory(...history);
  if (newest === undefined && doubt !== undefined) {
    throw doubt;
  }
  return newest;
}

/** The own version with the highest number: what was put back on top of it has a lower one. */
async function searchHistory(
  parts: VaultReading,
  name: ConfigFileName,
  keys: OwnKeys,
  noted: Noted | undefined,
): Promise<{ readonly newest: OwnRevision | undefined; readonly doubt: unknown }> {
  let newest: OwnRevision | undefined;
  let doubt: unknown;
  const nearest = await parts.vault.versionIds(name, searchedVersions);
  // Whoever stores enough of his own pushes ours beyond these, but not out of the status.
  const beyond = [noted?.versionId ?? []].flat().filter((versionId) => !nearest.includes(versionId));
  for (const versionId of [...nearest, ...beyond]) {
    const version = await readIfAllowed(parts.vault, name, versionId);
    const checked = version && (await checkRevision(parts, name, keys, version));
    if (checked !== undefined && 'own' in checked) {
      const { own } = checked;
      if (newest === undefined || own.manifest.revision > newest.manifest.revision) {
        newest = own;
      }
      if (noted !== undefined && own.manifest.revision >= noted.revision) {
        break;
      }
    } else if (checked !== undefined && 'doubt' in checked) {
      doubt ??= checked.doubt;
    }
  }
  return { newest, doubt };
}

/** Of more versions than this no list is read. Nearer ones are found first. */
const searchedHistory = 1_000;
const readAtOnce = 10;

/** A revision that was asked for by its number. */
export type FoundRevision =
  | { readonly own: OwnRevision }
  /** Something says that it is this one, and is not ours; as the end of "it is …". */
  | { readonly what: string };

/**
 * Finds an own revision in a file's history by its number.
 *
 * @param current the number of the newest own one
 * @returns undefined where none has this number (any more)
 * @throws VaultError
 */
export async function findRevision(
  parts: VaultReading,
  name: ConfigFileName,
  revision: number,
  current: number,
): Promise<FoundRevision | undefined> {
  const { vault, signer } = parts;
  const [versionIds, keys] = await Promise.all([
    vault.versionIds(name, searchedHistory),
    findOwnKeys(signer, parts),
  ]);
  let refused: FoundRevision | undefined;
  const nearestFirst = sortByDistance(versionIds, current - revision);
  for (let next = 0; next < nearestFirst.length; next += readAtOnce) {
    const versions = await Promise.all(
      nearestFirst.slice(next, next + readAtOnce).map((id) => readIfAllowed(vault, name, id)),
    );
    for (const version of versions) {
      if (version !== undefined && claimedRevision(version) === revision) {
        const checked = await checkRevision(parts, name, keys, version);
        if ('own' in checked) {
          return checked;
        }
        if ('doubt' in checked) {
          throw checked.doubt;
        }
        refused = checked;
      }
    }
  }
  return refused;
}

/** Mostly the versions of an object are numbered without a gap. */
function sortByDistance(versionIds: readonly string[], place: number): readonly string[] {
  return versionIds
    .map((versionId, index) => ({ versionId, distance: Math.abs(index - place) }))
    .sort((one, other) => one.distance - other.distance)
    .map(({ versionId }) => versionId);
}

/** The number that a version's manifest says, unchecked: good to know where to look, and for nothing else. */
export function claimedRevision({ manifest }: Pick<Revision, 'manifest'>): number | undefined {
  try {
    return manifest === undefined ? undefined : readUnverifiedManifest(manifest).revision;
  } catch {
    return undefined;
  }
}

/** Undefined where a version is gone, or may not be read: it is under a key that is not ours now. */
export async function readIfAllowed(
  vault: ConfigVault,
  name: ConfigFileName,
  versionId: string,
): Promise<Revision | undefined> {
  try {
    return await vault.version(name, versionId);
  } catch (error) {
    if (error instanceof VaultError && error.code === 'denied') {
      return undefined;
    }
    throw error;
  }
}

/**
 * Whether a stored version is ours: signed with one of our keys, for this file, and bound to the stored
 * bytes.
 *
 * @throws VaultError when that cannot be told
 */
export async function checkRevision(
  { vault }: Pick<VaultReading, 'vault'>,
  name: ConfigFileName,
  { keys, missing }: OwnKeys,
  revision: Revision,
): Promise<FoundRevision | { readonly doubt: unknown }> {
  const { etag, versionId, manifest: signedManifest } = revision;
  if (signedManifest === undefined) {
    return { what: 'an object without a manifest' };
  }
  let manifest: Manifest;
  let keyId: string;
  try {
    keyId = signingKeyId(signedManifest);
    if (missing.length > 0 && !keys.some((key) => key.keyId === keyId)) {
      // It may be that key's.
      return { doubt: missing[0] };
    }
    manifest = await verifyManifest(signedManifest, keys);
  } catch (error) {
    if (error instanceof VaultError && error.code === 'manifest') {
      return { what: 'an object whose manifest none of our keys has signed' };
    }
    throw error;
  }
  if (manifest.revision > lastReachableRevision) {
    return { what: `revision ${manifest.revision}, which no number of exports reaches` };
  }
  if (configFileKey(manifest) !== configFileKey(name)) {
    return { what: `the file of ${configFileKey(manifest)}` };
  }
  if (!revision.isServedAsPublished) {
    return { what: 'a file that readers would not get as it was published (its encoding, or an archive)' };
  }
  const binding = await checkBinding(vault, name, revision, manifest);
  return binding === 'other'
    ? { what: 'a file that is not the one that its manifest was signed for' }
    : {
        own: {
          etag,
          versionId,
          signedManifest,
          manifest,
          isOutOfForm: binding === 'not said' || keyId !== keys[0].keyId || !revision.isUnderCurrentKey,
        },
      };
}

/**
 * Whether the stored bytes are those that the manifest was signed for. S3 says their hash; where it does not
 * (it was stored in parts, or by something that sends no such checksum), they are read.
 */
async function checkBinding(
  vault: ConfigVault,
  name: ConfigFileName,
  { versionId, storedSha256, storedBytes, isUnderCurrentKey }: Revision,
  manifest: Manifest,
): Promise<'bound' | 'not said' | 'other'> {
  if (manifest.storedSha256 !== undefined && storedSha256 !== undefined) {
    return manifest.storedSha256 === storedSha256 ? 'bound' : 'other';
  }
  if (storedBytes !== undefined && storedBytes > largestGzipOf(manifest.size)) {
    // What somebody else put there may be larger than the export's memory.
    return 'other';
  }
  let gzip: Uint8Array;
  try {
    gzip = await vault.content(name, versionId);
  } catch (error) {
    if (!isUnderCurrentKey && error instanceof VaultError && error.code === 'denied') {
      // The key that it is under is not to be used any more. A new revision replaces it.
      return 'not said';
    }
    throw error;
  }
  if (manifest.storedSha256 === undefined) {
    return (await isFileOfManifest(gzip, manifest)) ? 'not said' : 'other';
  }
  return manifest.storedSha256 === hashStored(gzip) ? 'bound' : 'other';
}

/**
 * What does not compress grows by 5 bytes in each block, of some 16 kB at least, and by a header (RFC 1951,
 * 3.2.4; RFC 1952).
 */
function largestGzipOf(sizeBytes: number): number {
  return sizeBytes + Math.ceil(sizeBytes / 1000) + 1024;
}

/** What a manifest's `storedSha256` is of a compressed file. */
export function hashStored(gzip: Uint8Array): string {
  return createHash('sha256').update(gzip).digest('hex');
}
