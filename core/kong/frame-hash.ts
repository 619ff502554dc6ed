import { createGunzip } from 'node:zlib';
import { ConfigHashFinder } from './config-hash-finder.ts';
import type { FrameDigest } from './frame-tap.ts';

// What has been inflated and searched waits for the garbage collector. With larger pieces that would be more
// than the listener's memory has room for; with smaller ones each costs more than the search.
const pieceBytes = 32 * 1024;

/**
 * Finds the hash in a frame while the frame comes. Neither the frame nor its content is kept, so that 128 MB
 * of memory are enough for any configuration.
 */
export class FrameHash {
  readonly #gunzip = createGunzip({ chunkSize: pieceBytes });
  readonly #finder = new ConfigHashFinder();
  readonly #ended: Promise<void>;
  #jsonBytes = 0;
  #isBroken = false;

  /** @param maxJsonBytes what a frame inflates to and is more is not looked at */
  constructor(maxJsonBytes: number) {
    const gunzip = this.#gunzip;
    this.#ended = new Promise((resolve) => gunzip.once('close', resolve));
    gunzip.on('data', (piece: Buffer) => {
      this.#jsonBytes += piece.length;
      this.#isBroken = this.#jsonBytes > maxJsonBytes;
      this.#finder.write(piece);
      if (this.#finder.found !== undefined || this.#isBroken) {
        gunzip.destroy();
      }
    });
    gunzip.on('error', () => {
      this.#isBroken = true;
    });
  }

  /** Takes the next bytes of the frame; resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#gunzip.destroyed && !this.#gunzip.write(bytes)) {
      const drained = new Promise<void>((resolve) => this.#gunzip.once('drain', resolve));
      await Promise.race([drained, this.#ended]);
    }
  }

  /** The hash; undefined for a frame without one, and for one that cannot be read. */
  async end(): Promise<string | undefined> {
    if (!this.#gunzip.destroyed) {
      this.#gunzip.end();
      await this.#ended;
    }
    return this.#isBroken ? undefined : this.#finder.end();
  }

  /** The rest of the frame will not come. */
  abandon(): void {
    this.#gunzip.destroy();
  }
}

/** A frame's hash in place of the frame: 32 hexadecimal digits, or nothing. */
export function frameHashDigest(maxJsonBytes: number): FrameDigest {
  const hash = new FrameHash(maxJsonBytes);
  return {
    write: (bytes) => hash.write(bytes),
    end: async () => Buffer.from((await hash.end()) ?? ''),
    abandon: () => hash.abandon(),
  };
}
