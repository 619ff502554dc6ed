import { isNativeError } from 'node:util/types';
import { createGunzip } from 'node:zlib';
import { nameForeignError } from '../error-code.ts';
import { computeConfigHash } from './config-hash.ts';
import { ConfigFileWriter, type DeclarativeConfigFile, TableHash } from './declarative-config.ts';
import { badFrame, ControlPlaneError, tooLarge } from './errors.ts';
import { type FrameEnvelope, mendEmptyLists } from './frame-content.ts';
import { FrameScanner } from './frame-scanner.ts';

/** A frame that was checked to its last byte. */
export interface CheckedFrame extends Omit<FrameEnvelope, 'scalars' | 'emptyListBraces'> {
  /** The control plane's md5 over the configuration before it is down-converted; ours, where it has none. */
  readonly configHash: string;
  /** When the control plane built it; when it came, where the frame has no time. */
  readonly builtAt: Date;
  /** Whether the frame says when it was built. */
  readonly hasTimestamp: boolean;
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

interface FrameLimits {
  /** A frame that inflates to more is refused (a gzip bomb has a ratio of 1,000). */
  readonly maxJsonBytes: number;
  /** Ends all work on the frame, also what is asked of it later. @default nothing ends it */
  readonly signal?: AbortSignal | undefined;
}

export interface FrameReading extends FrameLimits {
  /**
   * Whether to make the file while the frame is checked. That is a third faster if the file is needed, and
   * wasted if nothing has changed.
   */
  readonly makeFile: boolean;
  /** When the frame came. @default a frame that has no time of its own is refused */
  readonly receivedAt?: Date | undefined;
}

// Pieces of this size keep the scanner in the processor's cache and the event loop responsive.
const pieceBytes = 256 * 1024;

/**
 * Inflates a frame piece by piece; memory stays at a few pieces whatever the frame's size.
 *
 * @param frame gzip, as the control plane sends it
 * @throws ControlPlaneError `bad-frame` when it is no gzip, is cut short, or has bytes behind its end;
 * `too-large`
 */
async function* inflateFrame(
  frame: Uint8Array,
  { maxJsonBytes, signal }: FrameLimits,
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: pieceBytes });
  let jsonBytes = 0;
  gunzip.end(frame);
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      if (signal?.aborted === true) {
        throw new ControlPlaneError(
          'cancelled',
          `the export ended while it read a frame of ${frame.length} bytes: its time was up. Give the function more of a processor ` +
            '(memoryMiB) where that is too little for the configuration',
        );
      }
      jsonBytes += piece.length;
      if (jsonBytes > maxJsonBytes) {
        throw tooLarge(
          `the control plane sent a frame that inflates to more than ${Math.floor(maxJsonBytes / 2 ** 20)} MiB: raise the setting ` +
            'maxFrameMiB, which allows 16 times as much, and memoryMiB with it',
        );
      }
      yield piece;
    }
  } catch (error) {
    if (isNativeError(error) && 'errno' in error) {
      throw badFrame(`it is not a complete gzip (${nameForeignError(error)})`, { cause: error });
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
 * @throws ControlPlaneError `bad-frame` or `too-large`; `cancelled` when the signal ends it
 */
export async function readFrame(
  frame: Uint8Array,
  { makeFile, receivedAt, ...limits }: FrameReading,
): Promise<CheckedFrame> {
  const madeMeanwhile = makeFile ? new ConfigFileWriter() : undefined;
  const scanned = await scan(frame, limits, madeMeanwhile);
  const { envelope, jsonBytes, tableSha256 } = scanned;
  const { scalars, emptyListBraces, ...content } = envelope;
  const builtAt = content.builtAt ?? receivedAt;
  if (builtAt === undefined) {
    throw badFrame('it has no timestamp');
  }
  const table = () => inflateTable(frame, limits, envelope);
  const configHash =
    content.configHash ?? (await computeConfigHash({ pieces: table, entities: content.entities, scalars }));
  // A writer ends one file; a second one (after a conflict, with another revision in its comment) takes
  // another pass.
  let writer = madeMeanwhile;
  return {
    ...content,
    configHash,
    builtAt,
    hasTimestamp: content.builtAt !== undefined,
    frameBytes: frame.length,
    jsonBytes,
    tableSha256,
    table,
    async file(comment) {
      let current = writer;
      writer = undefined;
      if (current === undefined) {
        current = new ConfigFileWriter();
        await scan(frame, limits, current);
      }
      return current.end(comment);
    },
  };
}

async function scan(
  frame: Uint8Array,
  limits: FrameLimits,
  writer: ConfigFileWriter | undefined,
): Promise<Pick<CheckedFrame, 'jsonBytes' | 'tableSha256'> & { readonly envelope: FrameEnvelope }> {
  const scanner = new FrameScanner();
  // A writer hashes the same bytes anyway.
  const table = writer ?? new TableHash();
  let jsonBytes = 0;
  for await (const piece of inflateFrame(frame, limits)) {
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
  limits: FrameLimits,
  { tableStart, tableEnd, emptyListBraces }: FrameEnvelope,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const piece of inflateFrame(frame, limits)) {
    mendEmptyLists(piece, offset, emptyListBraces);
    const content = piece.subarray(Math.max(0, tableStart - offset), Math.max(0, tableEnd - offset));
    offset += piece.length;
    if (content.length > 0) {
      yield content;
    }
  }
}
