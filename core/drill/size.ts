/** Whether Kong has room for a configuration. */

/** A step of a drill. */
export interface SizeCheck {
  readonly check: 'size';
  readonly outcome: 'passed' | 'failed';
  readonly fault?: 'size';
  readonly detail: string;
}

/**
 * Of an entity in Kong's store, beside its content: keys by id, name and whatever else Kong finds it by, and
 * half-full pages. Measured with Kong 3.9.1 (docs/kong.md, "What a table takes").
 */
const bytesBesideContent = 2048;
/** What Kong stores of an entity has names and nulls, and takes whole pages where it is large. */
const storedBytesPerByte = 2;

/** What a configuration takes in a data plane's store, bytes: `lmdb_map_size` bounds that, not the file. */
export function estimateStoredBytes(sizeBytes: number, entities: number): number {
  return storedBytesPerByte * sizeBytes + bytesBesideContent * entities;
}

/**
 * Kong replaces its whole table in one transaction, in which LMDB keeps the pages of before: there is room
 * for what takes half of the map.
 */
export function checkSize(
  { sizeBytes, entities }: { readonly sizeBytes: number; readonly entities: number },
  lmdbMapBytes: number,
): SizeCheck {
  const storedBytes = estimateStoredBytes(sizeBytes, entities);
  const percent = Math.ceil((storedBytes / lmdbMapBytes) * 100);
  const isRoomy = storedBytes * 2 <= lmdbMapBytes;
  const mib = Math.round(lmdbMapBytes / 2 ** 20);
  return {
    check: 'size',
    ...(isRoomy ? { outcome: 'passed' } : { outcome: 'failed', fault: 'size' }),
    detail: isRoomy
      ? `It takes about ${percent} % of lmdb_map_size (${mib} MiB).`
      : `It takes about ${percent} % of lmdb_map_size (${mib} MiB), and Kong needs that twice while it takes a new one: raise lmdb_map_size on data planes.`,
  };
}
