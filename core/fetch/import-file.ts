import { StandbyError } from './errors.ts';
import type { OpenOutput } from './output-file.ts';

/**
 * What `kong migrations bootstrap` has made in the new database: an import of a second one is refused
 * (docs/kong.md#a-data-plane-without-its-control-plane).
 */
const droppedKeys = new Set(['workspaces', 'parameters']);

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const [space, digitZero, digitNine] = [0x20, 0x30, 0x39];

/** Takes members out of the root object of a JSON text that is known to be valid, while it comes. */
export class ImportFilter {
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #expectsKey = false;
  #key: number[] | undefined;
  #name = '';
  #isKept = false;
  #hasMember = false;
  #workspaces = 0;
  /** The last byte outside of strings that is no space. */
  #previous = 0;
  #entityKey: number[] | undefined;
  #isAtTtl = false;
  #expiring = 0;

  /** How many workspaces it has met. */
  get workspaces(): number {
    return this.#workspaces;
  }

  /** How many entities it has met that end by themselves: keys with a ttl. */
  get expiring(): number {
    return this.#expiring;
  }

  /** The part of a chunk that stays. */
  filter(chunk: Uint8Array): Buffer {
    const parts: Uint8Array[] = [];
    let keptFrom = this.#isKept ? 0 : -1;
    const endKept = (index: number) => {
      if (keptFrom >= 0) {
        parts.push(chunk.subarray(keptFrom, index));
      }
      keptFrom = -1;
      this.#isKept = false;
    };
    for (let index = 0; index < chunk.length; index += 1) {
      const byte = chunk[index] ?? 0;
      if (this.#inString) {
        this.#key?.push(byte);
        this.#entityKey?.push(byte);
        if (this.#endsString(byte)) {
          this.#endEntityKey();
          const kept = this.#key === undefined ? undefined : this.#endKey();
          if (kept !== undefined) {
            parts.push(kept);
            keptFrom = index + 1;
            this.#isKept = true;
          }
        }
      } else if (byte === quote) {
        this.#inString = true;
        this.#key = this.#depth === 1 && this.#expectsKey ? [byte] : undefined;
        this.#entityKey =
          this.#depth === 3 && (this.#previous === openBrace || this.#previous === comma)
            ? [byte]
            : undefined;
      } else if (byte === openBrace || byte === openBracket) {
        this.#open(byte, parts);
      } else if (byte === closeBrace || byte === closeBracket) {
        this.#depth -= 1;
        if (this.#depth === 0) {
          endKept(index);
          parts.push(Buffer.from('}'));
        }
      } else if (byte === comma && this.#depth === 1) {
        endKept(index);
        this.#expectsKey = true;
      } else if (this.#isAtTtl && this.#depth === 3 && byte >= digitZero && byte <= digitNine) {
        this.#isAtTtl = false;
        this.#expiring += 1;
      }
      if (byte > space && !this.#inString) {
        this.#previous = byte;
      }
    }
    if (keptFrom >= 0) {
      parts.push(chunk.subarray(keptFrom));
    }
    return Buffer.concat(parts);
  }

  #endsString(byte: number): boolean {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return false;
    }
    this.#isEscaped = byte === backslash;
    this.#inString = byte !== quote;
    return !this.#inString;
  }

  #endEntityKey(): void {
    if (this.#entityKey !== undefined) {
      this.#isAtTtl = Buffer.from(this.#entityKey).toString('latin1') === '"ttl"';
      this.#entityKey = undefined;
    }
  }

  /** The beginning of a member that stays. */
  #endKey(): Buffer | undefined {
    const key = Buffer.from(this.#key ?? []);
    this.#key = undefined;
    this.#expectsKey = false;
    this.#name = String(JSON.parse(key.toString('utf8')));
    if (droppedKeys.has(this.#name)) {
      return undefined;
    }
    const begin = this.#hasMember ? Buffer.concat([Buffer.from(','), key]) : key;
    this.#hasMember = true;
    return begin;
  }

  #open(byte: number, parts: Uint8Array[]): void {
    if (this.#depth === 0) {
      parts.push(Buffer.from('{'));
      this.#expectsKey = true;
    } else if (this.#depth === 2 && this.#name === 'workspaces' && byte === openBrace) {
      this.#workspaces += 1;
    }
    this.#depth += 1;
  }
}

/**
 * Writes a verified file so that `kong config db_import` takes it into a new database. In bounded memory,
 * whatever the size.
 *
 * @returns how many entities in it will not end by themselves any more: an import drops their ttl
 * @throws StandbyError `verification` for several workspaces, `output` where it cannot be written
 */
export async function writeForImport(
  verified: AsyncIterable<Uint8Array>,
  openOutput: OpenOutput,
): Promise<number> {
  const file = await openOutput();
  try {
    const filter = new ImportFilter();
    for await (const piece of verified) {
      await file.write(filter.filter(piece));
      // Without its workspace an entity would end up in another one, beside those that it must not meet.
      if (filter.workspaces > 1) {
        throw new StandbyError(
          'verification',
          'the file has several workspaces, which an import would throw into one: restore the control plane’s database from its backup',
        );
      }
    }
    await file.complete();
    return filter.expiring;
  } catch (error) {
    await file.abandon();
    throw error;
  }
}
