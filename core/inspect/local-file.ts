import { constants } from 'node:buffer';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { nameForeignError } from '../error-code.ts';
import { readWholeFile } from '../read-small-file.ts';
import type { FileOpener } from './entity-pairs.ts';

/** No text can be longer, and to check JSON it is made one. Bytes. */
export const largestLocalFileBytes = constants.MAX_STRING_LENGTH;

/** A configuration on this machine: as it is on the disk, and inflated. */
export interface LocalFile {
  readonly path: string;
  readonly stored: Uint8Array;
  readonly isGzip: boolean;
  /** Undefined where the gzip is damaged or cut off, or inflates to more than can be read. */
  readonly content: Uint8Array | undefined;
  /** Why there is no content, as the end of "it is …". */
  readonly damage: string | undefined;
  /** Hexadecimal, of the content. */
  readonly sha256: string | undefined;
}

/**
 * Reads a file that may be anything. It is read once: it may vanish or change at any moment.
 *
 * @throws Error with Node's code: `ENOENT`, `EISDIR`, …; `EFBIG` for more than `largestLocalFileBytes`
 */
export async function readLocalFile(path: string): Promise<LocalFile> {
  const stored = await readWholeFile(path, largestLocalFileBytes);
  const isGzip = stored[0] === 0x1f && stored[1] === 0x8b;
  const { content, damage } = isGzip ? await inflate(stored) : { content: stored, damage: undefined };
  const sha256 = content && createHash('sha256').update(content).digest('hex');
  return { path, stored, isGzip, content, damage, sha256 };
}

async function inflate(stored: Uint8Array): Promise<Pick<LocalFile, 'content' | 'damage'>> {
  try {
    const content = await promisify(gunzip)(stored, { maxOutputLength: largestLocalFileBytes });
    return { content, damage: undefined };
  } catch (error) {
    const code = nameForeignError(error);
    const damage =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `gzip that inflates to more than ${largestLocalFileBytes} bytes`
        : `gzip that is damaged or cut off (${code})`;
    return { content: undefined, damage };
  }
}

const pieceBytes = 2 ** 18;

/** Opens a content as the files of the vault are opened, in pieces. */
export function openContent(content: Uint8Array): FileOpener {
  return async function* pieces() {
    for (let from = 0; from < content.length; from += pieceBytes) {
      yield content.subarray(from, from + pieceBytes);
    }
  };
}

/**
 * Whether a file is a configuration in the form that Lifeboat publishes.
 *
 * @returns what it is instead, as the end of "it is …"; undefined where it has this form
 */
export function nameOtherForm({ content, damage }: LocalFile): string | undefined {
  if (content === undefined) {
    return damage;
  }
  if (content.length === 0) {
    return 'empty';
  }
  const text = decodeUtf8(content);
  if (text === undefined) {
    return 'no text: its bytes are not UTF-8';
  }
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    // Without a word of it: a parser's message quotes its input.
    return /^\s*(?:#.*\s+)*(?:---|_format_version\s*:)/.test(text.slice(0, 4096))
      ? 'YAML, which people write for Kong: Lifeboat publishes and reads JSON'
      : 'no valid JSON: it may be cut off';
  }
  return nameOtherRoot(root);
}

function decodeUtf8(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}

function nameOtherRoot(root: unknown): string | undefined {
  if (!isObject(root) || !('_format_version' in root)) {
    return 'JSON, and no configuration of Kong: it has no _format_version';
  }
  // Kong's exporter writes it: passwords are hashed already, and nothing is nested.
  if (root['_transform'] !== false) {
    return 'a configuration that was written for `kong config db_import` or deck, not one that Kong has exported (its _transform is not false)';
  }
  const isListed = Object.entries(root).every(
    ([name, list]) => name.startsWith('_') || (Array.isArray(list) && list.every(isObject)),
  );
  return isListed ? undefined : 'no configuration of Kong: its entities do not stand in lists';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
