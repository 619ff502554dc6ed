import { type FileHandle, open } from 'node:fs/promises';

/** Its `code` says which: as Node's errors have it. */
class LargeFileError extends Error {
  readonly code = 'EFBIG';
}

/**
 * Reads a file of which nobody knows what it is: a device may have no end.
 *
 * @throws Error with Node's code; `EFBIG` for more than `maxBytes`
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<string> {
  return (await readWholeFile(path, maxBytes)).toString('utf8');
}

/** As `readSmallFile`, its bytes. */
export async function readWholeFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    return await readUpTo(file, maxBytes);
  } finally {
    await file.close();
  }
}

async function readUpTo(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(64 * 1024);
  const parts: Buffer[] = [];
  for (let size = 0; ; ) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) {
      return Buffer.concat(parts);
    }
    size += bytesRead;
    if (size > maxBytes) {
      throw new LargeFileError(`it has more than ${maxBytes} bytes`);
    }
    parts.push(Buffer.from(buffer.subarray(0, bytesRead)));
  }
}
