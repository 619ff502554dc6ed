import { once } from 'node:events';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** Without an effect on the body: S3 keeps `aws-chunked` of how an object was uploaded. */
const idle = new Set(['', 'identity', 'aws-chunked']);

// Each piece goes to another thread and back, and into the file by itself: of Node's own 16 kB there are so
// many that they take more time than the work.
const options = { chunkSize: 256 * 1024 };

const inflaters: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: () => createGunzip(options),
  'x-gzip': () => createGunzip(options),
  deflate: () => createInflate(options),
  br: () => createBrotliDecompress(options),
};

/**
 * A body as it was before the encodings that a Content-Encoding header lists (RFC 9110, 8.4), by whomever:
 * proxies encode anew, and some decode a body and leave its header.
 *
 * @throws Error for an encoding that is not known here, or what the body itself fails with
 */
export async function decodeBody(body: Readable, contentEncoding: string | undefined): Promise<Readable> {
  const encodings = (contentEncoding ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .filter((each) => !idle.has(each));
  let decoded = body;
  for (const encoding of encodings.toReversed()) {
    const inflate = inflaters[encoding];
    if (inflate === undefined) {
      throw new Error(
        `it is encoded as ${/^[a-z0-9-]{1,20}$/.test(encoding) ? encoding : 'something unknown'}, which a proxy on the way may have done, ` +
          'and which is not read here',
      );
    }
    if (await isPlain(decoded)) {
      break;
    }
    // Whichever of the two fails, or is given up, takes the other with it; the loop over the body is told.
    decoded = pipeline(decoded, inflate(), () => undefined);
  }
  return decoded;
}

/** What we ask for is a JSON object, XML or a JWS. Nothing that is compressed begins like these. */
const plainBeginnings = new Set([...'{<e'].map((character) => character.charCodeAt(0)));

async function isPlain(body: Readable): Promise<boolean> {
  for (;;) {
    const start: Buffer | null = body.read();
    if (start !== null) {
      body.unshift(start);
      return plainBeginnings.has(start[0] ?? 0);
    }
    if (body.readableEnded) {
      return true;
    }
    await moved(body);
  }
}

/** Waits until there is something to read, or the end. @throws what the body fails with, or failed with */
async function moved(body: Readable): Promise<void> {
  // What is over tells nobody a second time: waiting for it, a process would end as if all were done.
  if (body.destroyed) {
    throw body.errored ?? new Error('the connection was closed before the body began');
  }
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    await Promise.race(['readable', 'end', 'close'].map((event) => once(body, event, { signal })));
  } finally {
    // A listener that stays would keep the stream from flowing.
    waiting.abort();
  }
}
