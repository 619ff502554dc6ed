import { ControlPlaneError } from './errors.ts';
import { FrameScanner } from './frame-scanner.ts';

// The file is what a frame has for its table, and a comment.
const before = Buffer.from('{"type":"reconfigure","config_table":');
const behind = Buffer.from('}');

/**
 * Checks a declarative config file completely, as a frame's table is checked when it comes, without building
 * an object of it.
 *
 * @param file uncompressed, in pieces
 * @returns how many entities it has by type; undefined where it is no such file
 */
export async function countFileEntities(
  file: AsyncIterable<Uint8Array>,
): Promise<Readonly<Record<string, number>> | undefined> {
  const scanner = new FrameScanner(['_comment']);
  try {
    scanner.write(Buffer.from(before));
    for await (const piece of file) {
      scanner.write(piece);
    }
    scanner.write(Buffer.from(behind));
    return scanner.end().entities;
  } catch (error) {
    if (error instanceof ControlPlaneError && error.code === 'bad-frame') {
      return undefined;
    }
    throw error;
  }
}
