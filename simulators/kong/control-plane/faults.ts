/** Ways in which a cluster endpoint can go wrong, for tests of its readers. */
import type { Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { WebSocket } from 'ws';

/** What one connection suffers instead of its first frame. */
export type Fault =
  /**
   * The upgrade succeeds and nothing ever comes, as from a control plane whose database is down
   * (docs/kong.md#a-data-plane-without-its-control-plane).
   */
  | 'hang-after-upgrade'
  /** The gzip stream ends in its middle. */
  | 'truncated-gzip'
  /** A frame of 16 MiB and one byte, Kong's `cluster_max_payload` and one byte. */
  | 'oversized-frame'
  /** A few MiB that inflate to 14 GiB of zeros. */
  | 'gzip-bomb'
  /** A message that is no `reconfigure`. */
  | 'foreign-type'
  /** A `reconfigure` whose table has an unknown `_format_version`. */
  | 'foreign-format'
  /** The right message, neither compressed nor binary. */
  | 'text-frame'
  /** A frame that announces more bytes than follow; then the connection ends. */
  | 'half-frame'
  /** The WebSocket is closed right after the upgrade. */
  | 'close-at-once'
  /** The right frame, no faster than this. */
  | SlowFrame
  /** The right frame, so much later. */
  | LateFrame;

export interface SlowFrame {
  readonly bytesPerSecond: number;
}

export interface LateFrame {
  readonly lateMs: number;
}

export interface Faults {
  /** The next connection without a fault of its own suffers this one. */
  inject(fault: Fault): void;
  clear(): void;
}

export interface FaultQueue extends Faults {
  /** The fault of a connection that was just made. */
  takeNext(): Fault | undefined;
}

export function createFaultQueue(): FaultQueue {
  const waiting: Fault[] = [];
  return {
    inject: (fault) => {
      waiting.push(fault);
    },
    clear: () => {
      waiting.length = 0;
    },
    takeNext: () => waiting.shift(),
  };
}

const mebibyte = 1024 * 1024;

/** Gzip members one after the other are one gzip file (RFC 1952, section 2.2). */
function gzipBomb(): Buffer {
  const zeros = gzipSync(Buffer.alloc(16 * mebibyte));
  return Buffer.concat(Array.from({ length: 896 }, () => zeros));
}

/** Header of an unmasked, final binary frame with a 64-bit length (RFC 6455, section 5.2). */
function binaryFrameHeader(lengthBytes: number): Buffer {
  const header = Buffer.alloc(10);
  header[0] = 0x82;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(lengthBytes), 2);
  return header;
}

/** Ten times a second, and a byte at a time where that is less often than it may. */
function sendSlowly(socket: Duplex, frame: Buffer, { bytesPerSecond }: SlowFrame): void {
  const pieceBytes = Math.max(1, Math.floor(bytesPerSecond / 10));
  socket.write(binaryFrameHeader(frame.length));
  let sent = 0;
  const timer = setInterval(
    () => {
      socket.write(frame.subarray(sent, sent + pieceBytes));
      sent += pieceBytes;
      if (sent >= frame.length) {
        clearInterval(timer);
      }
    },
    (1000 * pieceBytes) / bytesPerSecond,
  );
  socket.once('close', () => clearInterval(timer));
}

/** Nothing, where the client has left by then. */
function sendLate(websocket: WebSocket, frame: Buffer, { lateMs }: LateFrame): void {
  const timer = setTimeout(() => websocket.send(frame), lateMs);
  websocket.once('close', () => clearTimeout(timer));
}

function gzipJson(message: unknown): Buffer {
  return gzipSync(JSON.stringify(message));
}

/**
 * @param socket the connection below the WebSocket
 * @param frame what the connection would have been sent, gzip
 * @param message the same, as it is before compression
 */
export function misbehave(
  fault: Fault,
  connection: {
    readonly websocket: WebSocket;
    readonly socket: Duplex;
    readonly frame: Buffer;
    readonly message: Readonly<Record<string, unknown>>;
  },
): void {
  const { websocket, socket, frame, message } = connection;
  if (typeof fault === 'object') {
    if ('lateMs' in fault) {
      sendLate(websocket, frame, fault);
    } else {
      sendSlowly(socket, frame, fault);
    }
    return;
  }
  switch (fault) {
    case 'hang-after-upgrade':
      return;
    case 'truncated-gzip':
      websocket.send(frame.subarray(0, frame.length >> 1));
      return;
    case 'oversized-frame':
      websocket.send(Buffer.alloc(16 * mebibyte + 1, frame));
      return;
    case 'gzip-bomb':
      websocket.send(gzipBomb());
      return;
    case 'foreign-type':
      websocket.send(gzipJson({ ...message, type: 'sync.v2.notify_new_version' }));
      return;
    case 'foreign-format':
      websocket.send(gzipJson({ ...message, config_table: { _format_version: '0.9', _transform: false } }));
      return;
    case 'text-frame':
      websocket.send(JSON.stringify(message));
      return;
    case 'half-frame':
      socket.end(Buffer.concat([binaryFrameHeader(frame.length), frame.subarray(0, frame.length >> 1)]));
      return;
    case 'close-at-once':
      websocket.close();
      return;
  }
}
