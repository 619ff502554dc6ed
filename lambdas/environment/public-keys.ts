import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import { commaSeparated } from './fields.ts';

/** Comma-separated public keys, see `packPublicKey`. */
export const packedPublicKeys = commaSeparated(
  v.pipe(v.string(), v.regex(/^[\w-]+$/, 'a public key in base64url is expected')),
);

/** Writes a public key as a short text: a function's whole environment has 4 KB. */
export function packPublicKey(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64url');
}

/** Reads what `packPublicKey` wrote. */
export function unpackPublicKey(packed: string): Uint8Array {
  return Buffer.from(packed, 'base64url');
}
