import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { FrameTap } from '../../../core/kong/frame-tap.ts';

const upgraded = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n');
const maxFrameBytes = 70_000;

/** A frame as servers send it (RFC 6455 section 5.2). */
function frame(firstByte: number, payload: Uint8Array, maskBit = 0): Buffer {
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = firstByte;
  header[1] = maskBit | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (header.length === 4) {
    header.writeUInt16BE(length, 2);
  } else if (header.length === 10) {
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}

const bytes = (length: number) => Buffer.alloc(length, 'x');
const binary = (payload: Uint8Array) => frame(0x82, payload);
const digestOf = (length: number) => binary(Buffer.from(`${length} bytes`));
const ping = frame(0x89, Buffer.from('ping'));
const close = frame(0x88, Buffer.from([0x03, 0xe8]));

/** What comes out of the tap when this comes in, in pieces of that size. */
async function tapped(incoming: Buffer, pieceBytes: number): Promise<Buffer> {
  const [near, far] = duplexPair();
  const tap = new FrameTap(near, { maxFrameBytes, makeDigest: countingDigest });
  const out = buffer(tap);
  for (let at = 0; at < incoming.length; at += pieceBytes) {
    far.write(incoming.subarray(at, at + pieceBytes));
  }
  far.end();
  return out;
}

function countingDigest() {
  let length = 0;
  return {
    async write(piece: Uint8Array) {
      length += piece.length;
    },
    end: async () => Buffer.from(`${length} bytes`),
    abandon: () => undefined,
  };
}

const refused = Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\n\x82\x01no');

describe('a tap on a WebSocket', () => {
  it.each([
    ['a short message', [binary(bytes(5))], [digestOf(5)]],
    ['an empty message', [binary(bytes(0))], [digestOf(0)]],
    ['one of 125 bytes', [binary(bytes(125))], [digestOf(125)]],
    ['one of 126 bytes', [binary(bytes(126))], [digestOf(126)]],
    ['one of 65,535 bytes', [binary(bytes(65_535))], [digestOf(65_535)]],
    ['one of 65,536 bytes', [binary(bytes(65_536))], [digestOf(65_536)]],
    ['the largest that is taken', [binary(bytes(maxFrameBytes))], [digestOf(maxFrameBytes)]],
    ['two messages', [binary(bytes(5)), binary(bytes(6))], [digestOf(5), digestOf(6)]],
    [
      'a message in three frames, with a ping between them',
      [frame(0x02, bytes(5)), frame(0x00, bytes(6)), ping, frame(0x80, bytes(7))],
      [ping, digestOf(18)],
    ],
    ['a close frame', [binary(bytes(5)), close], [digestOf(5), close]],
    ['a text, without what it says', [frame(0x81, bytes(5))], [frame(0x81, bytes(0))]],
  ])('makes a digest of %s, however the bytes come', async (_, incoming, expected) => {
    const all = Buffer.concat([upgraded, ...incoming]);

    for (const pieceBytes of [1, 2, 3, 7, 64, all.length].filter((size) => all.length / size < 2_000)) {
      expect(await tapped(all, pieceBytes)).toEqual(Buffer.concat([upgraded, ...expected]));
    }
  });

  const announced = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x71]);

  it.each([
    ['a message that is too large', binary(bytes(maxFrameBytes + 1)), announced],
    [
      'a message that is too large with its second frame',
      Buffer.concat([frame(0x02, bytes(maxFrameBytes)), frame(0x80, bytes(1))]),
      announced,
    ],
  ])('leaves %s to the WebSocket, which refuses it by its length', async (_, incoming, expected) => {
    const out = await tapped(Buffer.concat([upgraded, incoming]), 1_000);

    expect(out.subarray(upgraded.length, upgraded.length + expected.length)).toEqual(expected);
  });

  it.each([
    ['an answer that is no upgrade', refused],
    ['a compressed message', Buffer.concat([upgraded, frame(0xc2, bytes(5)), binary(bytes(6))])],
    ['a masked message', Buffer.concat([upgraded, frame(0x82, bytes(5), 0x80), binary(bytes(6))])],
    ['the end of a message that never began', Buffer.concat([upgraded, frame(0x80, bytes(5))])],
    ['an unknown kind of message', Buffer.concat([upgraded, frame(0x83, bytes(5))])],
    ['an answer without an end', Buffer.alloc(40_000, 'HTTP/1.1 101 ')],
  ])('lets %s pass as it is', async (_, incoming) => {
    expect(await tapped(incoming, 3)).toEqual(incoming);
  });

  it('lets what is sent pass as it is', async () => {
    const [near, far] = duplexPair();
    const tap = new FrameTap(near, {
      maxFrameBytes,
      makeDigest: countingDigest,
    });
    const sent = buffer(far);

    tap.write(binary(bytes(5)));
    tap.end();

    expect(await sent).toEqual(binary(bytes(5)));
  });

  it('takes no more of a frame than its digest has room for', async () => {
    const [near, far] = duplexPair();
    let goOn: () => void = () => undefined;
    const tap = new FrameTap(near, {
      maxFrameBytes: 2 ** 30,
      makeDigest: () => ({
        write: () =>
          new Promise<void>((resolve) => {
            goOn = resolve;
          }),
        end: async () => Buffer.from('done'),
        abandon: () => undefined,
      }),
    });
    tap.resume();
    far.write(upgraded);
    let written = 0;
    while (written < 64 && far.write(binary(bytes(65_536)))) {
      written += 1;
      await new Promise(setImmediate);
    }

    goOn();
    expect(written).toBeLessThan(8);
    tap.destroy();
  });

  it('gives up the digest and the socket with the connection', async () => {
    const [near, far] = duplexPair();
    let isAbandoned = false;
    const tap = new FrameTap(near, {
      maxFrameBytes,
      makeDigest: () => ({
        ...countingDigest(),
        abandon: () => {
          isAbandoned = true;
        },
      }),
    });
    tap.resume();
    far.write(Buffer.concat([upgraded, binary(bytes(500)).subarray(0, 100)]));
    await new Promise(setImmediate);

    tap.destroy();
    await new Promise(setImmediate);

    expect(isAbandoned).toBe(true);
    expect(near.destroyed).toBe(true);
  });
});
