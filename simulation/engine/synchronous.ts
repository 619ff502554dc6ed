import { KeyObject, verify } from 'node:crypto';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { Transform, type TransformCallback } from 'node:stream';

/**
 * Makes the work that Node gives to its threads synchronous in this process: which thread is done first is
 * chance that no seed rules. The results are the same.
 *
 * @returns undoes it
 */
export function makeThreadWorkSynchronous(): () => void {
  // Named imports of the built-in module follow after syncBuiltinESMExports.
  const zlib = createRequire(import.meta.url)('node:zlib') as typeof import('node:zlib');
  const { gzipSync, gunzipSync, createGzip, createGunzip } = zlib;
  const whole = (convert: (input: Buffer) => Buffer) => () => new WholeTransform(convert);
  Object.defineProperties(zlib, {
    createGzip: { value: whole((input) => gzipSync(input)), configurable: true },
    createGunzip: { value: whole((input) => gunzipSync(input)), configurable: true },
  });
  syncBuiltinESMExports();

  const { subtle } = globalThis.crypto;
  const verifyInThread = subtle.verify;
  subtle.verify = async (algorithm, key, signature, data) => {
    if (typeof algorithm === 'string' || algorithm.name !== 'ECDSA') {
      throw new TypeError('only ECDSA is checked here');
    }
    return verify(
      'sha256',
      bytesOf(data),
      { key: KeyObject.from(key as never), dsaEncoding: 'ieee-p1363' },
      bytesOf(signature),
    );
  };
  return () => {
    Object.defineProperties(zlib, {
      createGzip: { value: createGzip },
      createGunzip: { value: createGunzip },
    });
    syncBuiltinESMExports();
    subtle.verify = verifyInThread;
  };
}

/** Converts its whole input at once when it ends, as a stream of `node:zlib` with the same counters. */
class WholeTransform extends Transform {
  readonly #pieces: Buffer[] = [];
  readonly #convert: (input: Buffer) => Buffer;
  bytesWritten = 0;

  constructor(convert: (input: Buffer) => Buffer) {
    super();
    this.#convert = convert;
  }

  override _transform(piece: Buffer, _encoding: string, done: TransformCallback): void {
    this.#pieces.push(piece);
    this.bytesWritten += piece.length;
    done();
  }

  override _flush(done: TransformCallback): void {
    try {
      done(null, this.#convert(Buffer.concat(this.#pieces)));
    } catch (error) {
      done(error as Error);
    }
  }
}

function bytesOf(source: ArrayBufferView | ArrayBuffer): Buffer {
  return ArrayBuffer.isView(source)
    ? Buffer.from(source.buffer, source.byteOffset, source.byteLength)
    : Buffer.from(source);
}
