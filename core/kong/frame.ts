import { isNativeError } from 'node:util/types';
import { createGunzip } from 'node:zlib';
import { ConfigFileWriter, type DeclarativeConfigFile, TableHash } from './declarative-config.ts';
import { badFrame } from './errors.ts';
import type { FrameEnvelope } from './frame-content.ts';
import { FrameScanner } from './frame-scanner.ts';

/** A frame that was checked to its last byte. */
export interface CheckedFrame extends FrameEnvelope {
  /** Size of the frame as it came, compressed. */
  readonly frameBytes: number;
  /** Size of the inflated frame. */
  readonly jsonBytes: number;
  /** Of the config table's bytes as they came: equal bytes are an equal configuration. Hexadecimal. */
  readonly tableSha256: string;
  /** The config table as it came, in pieces. */
  table(): AsyncIterable<Uint8Array>;
  /** The frame's declarative config file, with this comment in it. */
  file(comment: string): Promise<DeclarativeConfigFile>;
}

export interface FrameReading {
  /** A frame that inflates to more is refused (a gzip bomb has a ratio of 1,000). */
  readonly maxJsonBytes: number;
  /**
   * Whether to make the file while the frame is checked. That is a third faster if the file is needed, and
   * wasted if nothing has changed.
   */
  readonly makeFile: boolean;
}

// Pieces of this size keep the scanner in the processor's cache and the event loop responsive.
const pieceBytes = 256 * 1024;

/**
 * Inflates a frame piece by piece; memory stays at a few pieces whatever the frame's size.
 *
 * @param frame gzip, as the control plane sends it
 * @throws ControlPlaneError `bad-frame` when it is no gzip, is cut short, has bytes behind its end, or is
 * too big
 */
async function* inflateFrame(frame: Uint8Array, maxJsonBytes: number): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: pieceBytes });
  let jsonBytes = 0;
  gunzip.end(frame);
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      jsonBytes += piece.length;
      if (jsonBytes > maxJsonBytes) {
        throw badFrame(`it inflates to more than ${maxJsonBytes} bytes`);
      }
      yield piece;
    }
  } catch (error) {
    if (isNativeError(error) && 'errno' in error) {
      throw badFrame(`it is not a complete gzip (${error.message})`, { cause: error });
    }
    throw error;
  }
  if (gunzip.bytesWritten !== frame.length) {
    throw badFrame(`there are ${frame.length - gunzip.bytesWritten} bytes behind its gzip`);
  }
}

/**
 * Checks a frame completely without holding its inflated content. In memory are the frame as it was received
 * and, once made, the compressed file.
 *
 * @throws ControlPlaneError `bad-frame`
 */
export async function readFrame(
  frame: Uint8Array,
  { maxJsonBytes, makeFile }: FrameReading,
): Promise<CheckedFrame> {
  const madeMeanwhile = makeFile ? new ConfigFileWriter() : undefined;
  const { envelope, jsonBytes, tableSha256 } = await scan(frame, maxJsonBytes, madeMeanwhile);
  // A writer ends one file; a second one (after a conflict, with another revision in its comment) takes
  // another pass.
  let writer = madeMeanwhile;
  return {
    ...envelope,
    frameBytes: frame.length,
    jsonBytes,
    tableSha256,
    table: () => inflateTable(frame, maxJsonBytes, envelope),
    async file(comment) {
      let current = writer;
      writer = undefined;
      if (current === undefined) {
        current = new ConfigFileWriter();
        await scan(frame, maxJsonBytes, current);
      }
      return current.end(comment);
    },
  };
}

async function scan(
  frame: Uint8Array,
  maxJsonBytes: number,
  writer: ConfigFileWriter | undefined,
): Promise<Pick<CheckedFrame, 'jsonBytes' | 'tableSha256'> & { readonly envelope: FrameEnvelope }> {
  const scanner = new FrameScanner();
  // A writer hashes the same bytes anyway.
  const table = writer ?? new TableHash();
  let jsonBytes = 0;
  for await (const piece of inflateFrame(frame, maxJsonBytes)) {
    const content = scanner.write(piece);
    jsonBytes += piece.length;
    if (content.length > 0) {
      await table.write(content);
    }
  }
  return { envelope: scanner.end(), jsonBytes, tableSha256: table.tableSha256() };
}

async function* inflateTable(
  frame: Uint8Array,
  maxJsonBytes: number,
  { tableStart, tableEnd }: FrameEnvelope,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const piece of inflateFrame(frame, maxJsonBytes)) {
    const content = piece.subarray(Math.max(0, tableStart - offset), Math.max(0, tableEnd - offset));
    offset += piece.length;
    if (content.length > 0) {
      yield content;
    }
  }
}
