import { createHash } from 'node:crypto';
import { isNativeError } from 'node:util/types';
import { createGunzip } from 'node:zlib';
import type { ControlPlaneConfiguration } from '../kong/control-plane.ts';
import { IdentityFinder } from '../kong/database-identity.ts';
import { readEntities } from '../kong/entity-reader.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import { fingerprintTable } from '../kong/table-fingerprint.ts';
import { countEntities, type Manifest } from './manifest.ts';
import type { Measure } from './plausibility.ts';

/** How a published file stands to what the control plane serves. */
export type Comparison = 'same' | 'other';

/**
 * Compares a published file with the table that a control plane serves, by content
 * (core/kong/table-fingerprint.ts). Both are inflated piece by piece.
 *
 * @param gzip the file as the vault has it, verified
 * @throws ControlPlaneError `cancelled` when the signal ends it; nothing is known then
 */
export async function compareWithPublished(
  configuration: Pick<ControlPlaneConfiguration, 'table'>,
  gzip: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  const published = await fingerprintTable(untilAborted(inflateFile(gzip), signal));
  const served = await fingerprintTable(untilAborted(configuration.table(), signal));
  return served === published ? 'same' : 'other';
}

/**
 * Counts what a published file holds, and says which database it was read from.
 *
 * @returns undefined where the file is not the one that the manifest was signed for
 * @throws ControlPlaneError `cancelled` when the signal ends it
 */
export async function measurePublished(
  { gzip, manifest }: { readonly gzip: Uint8Array; readonly manifest: Manifest },
  signal: AbortSignal | undefined,
): Promise<Measure | undefined> {
  if (!(await isFileOfManifest(gzip, manifest, signal))) {
    return undefined;
  }
  const counts = new Map<string, number>();
  const finder = new IdentityFinder();
  for await (const rows of readEntities(untilAborted(inflateFile(gzip), signal))) {
    for (const row of rows) {
      counts.set(row.type, (counts.get(row.type) ?? 0) + 1);
      finder.look(row);
    }
  }
  return { entities: countEntities(Object.fromEntries(counts)), identity: finder.identity() };
}

/** Whether a compressed file inflates to what its manifest was signed for. */
export async function isFileOfManifest(
  gzip: Uint8Array,
  { sha256, size }: Manifest,
  signal?: AbortSignal | undefined,
): Promise<boolean> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const piece of untilAborted(inflateFile(gzip), signal)) {
      sizeBytes += piece.length;
      // What somebody else put there may inflate without end.
      if (sizeBytes > size) {
        return false;
      }
      hash.update(piece);
    }
  } catch (error) {
    // It is no gzip, or half of one.
    if (isNativeError(error) && 'errno' in error) {
      return false;
    }
    throw error;
  }
  return hash.digest('hex') === sha256;
}

/** A published file in pieces. */
export function inflateFile(gzip: Uint8Array): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  gunzip.end(gzip);
  return gunzip as AsyncIterable<Buffer>;
}

/** Passes pieces on until the export's time is up. */
export async function* untilAborted(
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    if (signal?.aborted === true) {
      throw new ControlPlaneError(
        'cancelled',
        'the export ended while it compared the served configuration with the published one: its time was up',
      );
    }
    yield piece;
  }
}
