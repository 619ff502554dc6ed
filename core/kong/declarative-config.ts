import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type FrameSummary, inflateFrame } from './frame.ts';

/** A file that a data plane can load, compressed for the vault; hashes and size are those of the uncompressed file. */
export interface DeclarativeConfigFile {
  readonly gzip: Buffer;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Hexadecimal; a node that loaded the file shows it as its `configuration_hash`. */
  readonly md5: string;
  readonly sizeBytes: number;
}

/**
 * Makes the declarative config file of a frame: the config table as the control plane sent it, and a root `_comment` for the person
 * who finds the file on a node (the one field besides the entities that Kong's loader leaves alone).
 *
 * @param frame the gzip'd frame, which `inspectFrame` has found good
 * @param summary what it found
 */
export async function declarativeConfigFile(
  frame: Uint8Array,
  summary: FrameSummary,
  comment: string,
): Promise<DeclarativeConfigFile> {
  const sha256 = createHash('sha256');
  const md5 = createHash('md5');
  let sizeBytes = 0;
  const compressed: Buffer[] = [];

  async function* file(): AsyncGenerator<Buffer> {
    for await (const piece of fileContent(frame, summary, comment)) {
      sha256.update(piece);
      md5.update(piece);
      sizeBytes += piece.length;
      yield piece;
    }
  }

  await pipeline(Readable.from(file()), createGzip(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      compressed.push(piece);
    }
  });
  return { gzip: Buffer.concat(compressed), sha256: sha256.digest('hex'), md5: md5.digest('hex'), sizeBytes };
}

async function* fileContent(
  frame: Uint8Array,
  summary: FrameSummary,
  comment: string,
): AsyncGenerator<Buffer> {
  // The table is never empty (it has at least its format version), so that the comma is always right.
  yield Buffer.from(`{"_comment":${JSON.stringify(comment)},`);
  const start = summary.tableStart + 1;
  let offset = 0;
  for await (const piece of inflateFrame(frame, summary.jsonBytes)) {
    const content = piece.subarray(
      Math.max(0, start - offset),
      Math.max(0, Math.min(piece.length, summary.tableEnd - offset)),
    );
    if (content.length > 0) {
      yield content;
    }
    offset += piece.length;
  }
}
