import { createServer } from 'node:http';
import { PassThrough } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeBody } from '../../../core/fetch/content-encoding.ts';
import { describeRequestFailure, fetchDirectly, readBodyText } from '../../../core/fetch/http-client.ts';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';

const text = `{"services":[${'{"id":"a"},'.repeat(20_000)}{}]}`;
const bytes = Buffer.from(text);

describe('a body', () => {
  let answer: { readonly encoding: string; readonly sent: Uint8Array; readonly cutAfter?: number };
  let server: Awaited<ReturnType<typeof listen>>;
  beforeEach(async () => {
    server = await listen(
      createServer((_, response) => {
        const { encoding, sent, cutAfter } = answer;
        response.writeHead(200, { 'content-encoding': encoding, 'content-length': sent.length });
        if (cutAfter === undefined) {
          // The first byte alone, as a network may deliver it.
          response.write(sent.subarray(0, 1), () => response.end(sent.subarray(1)));
        } else {
          response.write(sent.subarray(0, cutAfter), () => response.destroy());
        }
      }),
      '127.0.0.1',
      0,
    );
  });
  afterEach(() => server.stop());

  const receive = async () => {
    const response = await fetchDirectly(`http://127.0.0.1:${server.port}/`);
    return (await readBodyText(response, 2 ** 20)).text;
  };

  it.each<readonly [string, Uint8Array]>([
    ['gzip', gzipSync(bytes)],
    ['x-gzip', gzipSync(bytes)],
    ['GZIP', gzipSync(bytes)],
    ['br', brotliCompressSync(bytes)],
    ['deflate', deflateSync(bytes)],
    // As S3 stores it, of an upload in signed chunks.
    ['aws-chunked,gzip', gzipSync(bytes)],
    ['aws-chunked', bytes],
    ['identity', bytes],
    // Of a proxy that has encoded what was encoded.
    ['gzip, br', brotliCompressSync(gzipSync(bytes))],
    ['gzip, gzip', gzipSync(gzipSync(bytes))],
    // Of a proxy that has decoded the body, or its outer encoding, and kept the header.
    ['gzip', bytes],
    ['br', bytes],
    ['deflate', bytes],
    ['gzip, br', bytes],
  ])('that is said to be %s is read', async (encoding, sent) => {
    answer = { encoding, sent };

    const received = await receive();

    expect(received === text).toBe(true);
  });

  it('that is empty, and said to be gzip, is empty', async () => {
    answer = { encoding: 'gzip', sent: new Uint8Array() };

    expect(await receive()).toBe('');
  });

  it.each([
    ['zstd', /^it is encoded as zstd, .*not read here$/],
    ['gzip, zstd', /encoded as zstd/],
    ['"; rm -rf', /encoded as something unknown/],
  ])('in an encoding that is not known here, %s, is named', async (encoding, words) => {
    answer = { encoding, sent: gzipSync(bytes) };

    const failure = receive().then(() => 'it did not fail', describeRequestFailure);

    expect(await failure).toMatch(words);
  });

  it.each([
    [0, 'gzip'],
    [1, 'gzip'],
    [100, 'gzip'],
    [10, 'br'],
  ])('that breaks off after %d bytes of %s fails', async (cutAfter, encoding) => {
    answer = { encoding, sent: encoding === 'br' ? brotliCompressSync(bytes) : gzipSync(bytes), cutAfter };

    const failure = receive().then(() => 'it did not fail', describeRequestFailure);

    expect(await failure).toMatch(/^(ECONNRESET|Z_BUF_ERROR|ERR_STREAM_PREMATURE_CLOSE)$/);
  });

  // A promise that nothing keeps would end the process, with exit code 0 and half a file.
  it.each<readonly [string, Error | undefined, RegExp]>([
    ['by an error', new Error('reset'), /reset/],
    ['without a word', undefined, /closed/],
  ])('that is gone %s before it is read, or while it is waited for, fails', async (_how, error, words) => {
    const [gone, going] = [new PassThrough(), new PassThrough()];
    gone.on('error', () => undefined).destroy(error);
    await new Promise((resolve) => gone.once('close', resolve));

    const waiting = decodeBody(going, 'gzip');
    going.destroy(error);

    await expect(decodeBody(gone, 'gzip')).rejects.toThrow(words);
    await expect(waiting).rejects.toThrow(words);
  });
});
