import { Duplex } from 'node:stream';

/** What takes a frame piece by piece, and has something shorter to say when it is complete. */
export interface FrameDigest {
  /** Resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<Uint8Array>;
  /** The rest of the frame will not come. */
  abandon(): void;
}

export interface FrameTapOptions {
  readonly makeDigest: () => FrameDigest;
  /** Larger frames are left to the WebSocket, which refuses them. */
  readonly maxFrameBytes: number;
}

interface Message {
  readonly opcode: number;
  readonly digest: FrameDigest;
  bytes: number;
}

const continuation = 0;
const text = 1;
const binary = 2;
const firstControlOpcode = 8;
const headEnd = Buffer.from('\r\n\r\n');
// Node's own limit for the head of an HTTP answer.
const longestHeadBytes = 16 * 1024;

/**
 * Stands between a WebSocket and its socket, and gives it a digest of each message in place of the message
 * (RFC 6455 section 5). The WebSocket would keep a message until it is complete, and then copy it, which
 * takes twice its size in memory. All else goes through as it is; so does what breaks the protocol, for the
 * WebSocket to refuse.
 */
export class FrameTap extends Duplex {
  readonly #socket: Duplex;
  readonly #options: FrameTapOptions;
  #place: 'head' | 'frame header' | 'payload' | 'the rest' = 'head';
  /** The head or the header, as far as it has come. */
  #begun: Buffer = Buffer.alloc(0);
  #payloadLeft = 0;
  /** Where the payload belongs; undefined for a control frame. */
  #message: Message | undefined;
  #isControl = false;
  #isLast = false;
  #wake: () => void = () => undefined;

  constructor(socket: Duplex, options: FrameTapOptions) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#options = options;
    void this.#readAll();
  }

  override _read(): void {
    this.#wake();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, callback);
  }

  override _final(callback: () => void): void {
    this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#message?.digest.abandon();
    this.#socket.destroy();
    this.#wake();
    callback(error);
  }

  async #readAll(): Promise<void> {
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        await this.#readChunk(chunk);
      }
      this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  async #readChunk(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (rest.length > 0 && !this.destroyed) {
      switch (this.#place) {
        case 'head':
          rest = await this.#readHead(rest);
          break;
        case 'frame header':
          rest = await this.#readHeader(rest);
          break;
        case 'payload':
          rest = await this.#readPayload(rest);
          break;
        case 'the rest':
          await this.#pass(rest);
          return;
      }
    }
  }

  /** The answer to the upgrade. */
  async #readHead(chunk: Buffer): Promise<Buffer> {
    const known = this.#begun.length;
    this.#begun = Buffer.concat([this.#begun, chunk]);
    const end = this.#begun.indexOf(headEnd);
    if (end < 0 && this.#begun.length <= longestHeadBytes) {
      return Buffer.alloc(0);
    }
    const head = end < 0 ? this.#begun : this.#begun.subarray(0, end + headEnd.length);
    const isUpgraded = end >= 0 && /^HTTP\/1\.1 101 /.test(head.toString('latin1', 0, 13));
    this.#place = isUpgraded ? 'frame header' : 'the rest';
    this.#begun = Buffer.alloc(0);
    await this.#pass(head);
    return chunk.subarray(head.length - known);
  }

  async #readHeader(chunk: Buffer): Promise<Buffer> {
    const known = this.#begun.length;
    const begun = Buffer.concat([this.#begun, chunk.subarray(0, 10 - known)]);
    const headerBytes = begun.length < 2 ? 2 : countHeaderBytes(begun);
    if (begun.length < headerBytes) {
      this.#begun = begun;
      return Buffer.alloc(0);
    }
    this.#begun = Buffer.alloc(0);
    await this.#beginFrame(begun.subarray(0, headerBytes));
    return chunk.subarray(headerBytes - known);
  }

  async #beginFrame(header: Buffer): Promise<void> {
    const [first = 0, second = 0] = header;
    const opcode = first & 0x0f;
    const payloadBytes = readPayloadLength(header);
    const isContinued = this.#message !== undefined;
    this.#isControl = opcode >= firstControlOpcode;
    const fits =
      this.#isControl || (opcode === continuation ? isContinued : opcode <= binary && !isContinued);
    const isTooLarge =
      !this.#isControl && (this.#message?.bytes ?? 0) + payloadBytes > this.#options.maxFrameBytes;
    // A reserved bit, or a mask, which servers must not have.
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0 || !fits || isTooLarge) {
      this.#place = 'the rest';
      await this.#pass(isTooLarge ? makeHeader(binary, this.#options.maxFrameBytes + 1) : header);
      return;
    }
    this.#place = 'payload';
    this.#payloadLeft = payloadBytes;
    this.#isLast = (first & 0x80) !== 0;
    if (this.#isControl) {
      await this.#pass(header);
    } else if (opcode !== continuation) {
      this.#message = { opcode, digest: this.#options.makeDigest(), bytes: 0 };
    }
    await this.#endPayload();
  }

  async #readPayload(chunk: Buffer): Promise<Buffer> {
    const piece = chunk.subarray(0, this.#payloadLeft);
    this.#payloadLeft -= piece.length;
    if (this.#isControl) {
      await this.#pass(piece);
    } else if (this.#message !== undefined) {
      this.#message.bytes += piece.length;
      await this.#message.digest.write(piece);
    }
    await this.#endPayload();
    return chunk.subarray(piece.length);
  }

  async #endPayload(): Promise<void> {
    if (this.#payloadLeft > 0) {
      return;
    }
    this.#place = 'frame header';
    const message = this.#message;
    if (!this.#isControl && this.#isLast && message !== undefined) {
      const digest = await message.digest.end();
      this.#message = undefined;
      await this.#pass(makeHeader(message.opcode, message.opcode === text ? 0 : digest.length));
      await this.#pass(message.opcode === text ? Buffer.alloc(0) : digest);
    }
  }

  /** Hands it on; resolves when there is room for more. */
  async #pass(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0 && !this.destroyed && !this.push(bytes)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** With the first two bytes of a header one knows how long it is. */
function countHeaderBytes([, second = 0]: Buffer): number {
  const length = second & 0x7f;
  return length === 127 ? 10 : length === 126 ? 4 : 2;
}

function readPayloadLength(header: Buffer): number {
  const length = (header[1] ?? 0) & 0x7f;
  return length === 127
    ? Number(header.readBigUInt64BE(2))
    : length === 126
      ? header.readUInt16BE(2)
      : length;
}

/** The header of a whole message, unmasked. */
function makeHeader(opcode: number, payloadBytes: number): Buffer {
  const first = 0x80 | opcode;
  if (payloadBytes < 126) {
    return Buffer.from([first, payloadBytes]);
  }
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  return header;
}
