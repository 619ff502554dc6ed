import { isNativeError } from 'node:util/types';
import { createGunzip } from 'node:zlib';
import { badFrame, type FrameEnvelope, FrameScanner } from './frame-scanner.ts';

/** What a full check of a frame found. */
export interface FrameSummary extends FrameEnvelope {
  /** Size of the inflated frame. */
  readonly jsonBytes: number;
}

// Pieces of this size keep the scanner in the processor's cache and the event loop responsive.
const pieceBytes = 256 * 1024;

/**
 * Inflates a frame piece by piece; memory stays at a few pieces whatever the frame's size.
 *
 * @param frame gzip, as the control plane sends it
 * @param maxJsonBytes a frame that inflates to more is refused (a gzip bomb has a ratio of 1,000)
 * @throws ControlPlaneError `bad-frame` when it is no gzip, is cut short, has bytes behind its end, or is too big
 */
export async function* inflateFrame(frame: Uint8Array, maxJsonBytes: number): AsyncGenerator<Buffer> {
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
      throw badFrame(`it is no whole gzip (${error.message})`, { cause: error });
    }
    throw error;
  }
  if (gunzip.bytesWritten !== frame.length) {
    throw badFrame(`there are ${frame.length - gunzip.bytesWritten} bytes behind its gzip`);
  }
}

/**
 * Checks a frame completely, without keeping its content.
 *
 * @throws ControlPlaneError `bad-frame`
 */
export async function inspectFrame(frame: Uint8Array, maxJsonBytes: number): Promise<FrameSummary> {
  const scanner = new FrameScanner();
  let jsonBytes = 0;
  for await (const piece of inflateFrame(frame, maxJsonBytes)) {
    scanner.write(piece);
    jsonBytes += piece.length;
  }
  return { ...scanner.end(), jsonBytes };
}
