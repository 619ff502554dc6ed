import { ConfigFileWriter, type DeclarativeConfigFile } from '../kong/declarative-config.ts';
import { inflateFile, untilAborted } from './published-content.ts';

/** It holds a comment, of less than 400 bytes, and what closes the file. */
const heldBackBytes = 1024;
const commentStart = ',"_comment":';

/**
 * Makes the file of another revision from a published one: the same table under another comment, so that no
 * two revisions have the same bytes.
 *
 * @param gzip a published file, verified
 */
export async function restoreFile(
  gzip: Uint8Array,
  comment: string,
  signal: AbortSignal | undefined,
): Promise<DeclarativeConfigFile & { readonly tableSha256: string }> {
  const writer = new ConfigFileWriter();
  let heldBack: Buffer = Buffer.alloc(0);
  for await (const piece of untilAborted(inflateFile(gzip), signal)) {
    const known = Buffer.concat([heldBack, piece]);
    const passed = Math.max(0, known.length - heldBackBytes);
    heldBack = known.subarray(passed);
    if (passed > 0) {
      await writer.write(known.subarray(0, passed));
    }
  }
  const comma = heldBack.lastIndexOf(commentStart);
  await writer.write(heldBack.subarray(0, comma === -1 ? heldBack.lastIndexOf('}') : comma));
  const tableSha256 = writer.tableSha256();
  return { ...(await writer.end(comment)), tableSha256 };
}
