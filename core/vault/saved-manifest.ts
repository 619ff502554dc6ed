import * as v from 'valibot';
import { signingKeyId } from './manifest.ts';

/** What is kept beside a fetched file, so that it can be verified without the vault. */
export interface SavedManifest {
  /** A compact JWS, as the vault has it. All that it says of the file stands in it, signed. */
  readonly signedManifest: string;
  /** The key that it names: the thumbprint of the public one (RFC 7638). */
  readonly keyId: string;
}

/** A manifest has less than 2 kB. */
export const largestSavedManifestBytes = 16 * 1024;

const savedManifest = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ signedManifest: v.string(), keyId: v.optional(v.string()) }),
);

/** Where the manifest of a fetched file is saved: beside it. */
export function savedManifestPath(file: string): string {
  return `${file}.manifest.json`;
}

/** @throws VaultError `manifest` when it is no JWS */
export function formatSavedManifest(signedManifest: string): string {
  const saved: SavedManifest = { signedManifest, keyId: signingKeyId(signedManifest) };
  return `${JSON.stringify(saved, undefined, 2)}\n`;
}

/** @returns the signed text, unchecked; undefined for what is no saved manifest */
export function readSavedManifest(text: string): string | undefined {
  const read = v.safeParse(savedManifest, text);
  return read.success ? read.output.signedManifest : undefined;
}
