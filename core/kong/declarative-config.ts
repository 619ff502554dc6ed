import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createGzip } from 'node:zlib';

/**
 * A file that a data plane can load, compressed for the vault; hashes and size are those of the uncompressed
 * file.
 */
export interface DeclarativeConfigFile {
  readonly gzip: Buffer;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Hexadecimal; a node that loaded the file shows it as its `configuration_hash`. */
  readonly md5: string;
  readonly sizeBytes: number;
}

/** Hashes a config table while it comes in. */
export class TableHash {
  readonly #sha256 = createHash('sha256');

  /** @param piece of the table, from its opening brace on, its closing one left out */
  write(piece: Uint8Array): void {
    this.#sha256.update(piece);
  }

  /** Of the whole table, closing brace included; once all before it is written. */
  tableSha256(): string {
    return this.#sha256.copy().update('}').digest('hex');
  }
}

/**
 * Makes the declarative config file of a config table while the table comes in. The file is the table as the
 * control plane sent it, and a root `_comment` for the person who finds it on a node (the one field besides
 * the entities that Kong's loader leaves alone). The comment stands at the end, because it is known only
 * after the rest was hashed and compressed.
 */
export class ConfigFileWriter {
  readonly #gzip = createGzip();
  readonly #sha256 = createHash('sha256');
  readonly #md5 = createHash('md5');
  readonly #compressed: Buffer[] = [];
  #sizeBytes = 0;
  #drained: Promise<unknown> | undefined;

  constructor() {
    this.#gzip.on('data', (piece: Buffer) => this.#compressed.push(piece));
  }

  /** @param piece of the table, from its opening brace on, its closing one left out */
  async write(piece: Uint8Array): Promise<void> {
    this.#sha256.update(piece);
    this.#md5.update(piece);
    this.#sizeBytes += piece.length;
    // One piece may be under way: zlib's thread compresses it while the next one is read, checked and hashed.
    await this.#drained;
    this.#drained = this.#gzip.write(piece) ? undefined : once(this.#gzip, 'drain');
  }

  /** Hash of the table as it came, once all of it but its closing brace is written. */
  tableSha256(): string {
    return this.#sha256.copy().update('}').digest('hex');
  }

  /** Completes the file; to be called once. */
  async end(comment: string): Promise<DeclarativeConfigFile> {
    // The table is never empty (it has at least its format version), so that the comma is always right.
    await this.write(Buffer.from(`,"_comment":${JSON.stringify(comment)}}`));
    const ended = once(this.#gzip, 'end');
    this.#gzip.end();
    await ended;
    return {
      gzip: Buffer.concat(this.#compressed),
      sha256: this.#sha256.digest('hex'),
      md5: this.#md5.digest('hex'),
      sizeBytes: this.#sizeBytes,
    };
  }
}
