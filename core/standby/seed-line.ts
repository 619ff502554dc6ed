import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { nameForeignError, readErrorCode } from '../error-code.ts';
import { StandbyError } from '../fetch/errors.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import { kongEnvPath } from './kong-env.ts';
import type { SeedLine } from './seed-ports.ts';

export interface SeedLinePlace {
  readonly prefix: string;
  readonly file: string;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** @default 100 */
  readonly settleMs?: number | undefined;
}

/** A file that was changed longer ago than this is at rest. */
const recentMs = 1_000;
/** Kong removes the file and writes it anew at once. */
const absentLooks = 10;
const absentPauseMs = 50;
const mostTries = 10;

/**
 * The line in `<prefix>/.kong_env` of a Kong on this machine. The file is changed in place only, so that
 * nothing of what Kong writes into it is lost, whenever it does.
 *
 * Kong (2.8 to 3.9, kong/cmd/utils/prefix_handler.lua, write_env_file) unlinks the file, creates an empty
 * one, opens that again (`w+`) and writes 4,096-byte blocks, then the rest. What we hold open is the old
 * file, where nothing that we do matters, or one whose writing began. Two rules keep the second one safe:
 *
 * - The line is appended, in one write, to a file at rest alone: Kong would write its rest over it.
 * - It is taken out where it stands whole, and only there: by `#` over its first byte, or by cutting it off
 *   where nothing follows. What Kong has written since has no such line.
 */
export function kongEnvSeedLine({ prefix, file, clock, settleMs = 100 }: SeedLinePlace): SeedLine {
  const path = kongEnvPath(prefix);
  const line = seedLine(file);
  const isThere = async () => findLines((await readIfThere(path)) ?? '', line).isThere;
  return {
    async add() {
      for (let tries = 1; !(await isThere()); tries += 1) {
        const atRest = await awaitRest(path, clock, settleMs);
        attempt(
          () => appendLine(path, line, atRest),
          tries,
          (error) => cannotWrite(path, error),
        );
      }
    },
    isThere,
    async remove() {
      for (let tries = 1, absent = 0; absent < absentLooks; ) {
        const text = await readIfThere(path);
        if (text === undefined) {
          // Kong is writing it anew; or the node is gone, and its prefix too.
          absent += 1;
          await clock.sleep(absentPauseMs);
        } else if (findLines(text, line).isThere) {
          attempt(
            () => takeOut(path, line),
            tries,
            (error) => cannotRemove(path, file, error),
          );
          tries += 1;
        } else {
          break;
        }
      }
      // Of releases that replaced the file: it may hold what Kong keeps secret.
      await ignoreErrors(rm(`${path}.lifeboat`, { force: true }));
    },
    async refuseUsersOwn() {
      const { others } = findLines(await readEnvironment(path), line);
      const own = /^[ \t]*(declarative_config(?:_string)?)[ \t]*=/m.exec(others)?.[1];
      if (own !== undefined) {
        throw new StandbyError(
          'kong',
          `${path} has a ${own} that Lifeboat did not write and does not change: remove that setting (KONG_${own.toUpperCase()}), ` +
            'or do not run standby on this node',
        );
      }
    },
  };
}

function seedLine(file: string): string {
  const path = resolve(file);
  // Kong would take # for a comment and a final \ for a continued line (kong/conf_loader, Penlight's
  // config.read).
  if (/[#\\\p{Cc}]|\s$/u.test(path)) {
    throw new StandbyError(
      'kong',
      `Kong’s settings cannot contain the path ${JSON.stringify(path)}: choose a path without # and \\`,
    );
  }
  // Latin-1 like the text around it: each character is a byte.
  return `declarative_config = ${Buffer.from(path).toString('latin1')}`;
}

interface FoundLines {
  readonly isThere: boolean;
  /** Where each begins that Kong would read; bytes. */
  readonly offsets: readonly number[];
  /** Where the file's end begins that is ours alone, what was taken out before included; bytes. */
  readonly endOffset: number;
  /** The text without them. */
  readonly others: string;
}

/** @param text as Latin-1, which keeps every byte, whatever the user's settings hold */
function findLines(text: string, line: string): FoundLines {
  const offsets: number[] = [];
  const others: string[] = [];
  let endOffset = 0;
  for (let offset = 0, next = 0; offset < text.length; offset = next) {
    const end = text.indexOf('\n', offset);
    next = end < 0 ? text.length : end + 1;
    const each = text.slice(offset, end < 0 ? undefined : end);
    if (each === line) {
      offsets.push(offset);
    } else if (each !== takenOut(line)) {
      others.push(each);
      endOffset = next;
    }
  }
  return { isThere: offsets.length > 0, offsets, endOffset, others: others.join('\n') };
}

const takenOut = (line: string) => `#${line.slice(1)}`;

/**
 * Waits while Kong may be writing the file: it takes several steps, a moment apart.
 *
 * @returns what tells the file, as it was found at rest, from any other
 * @throws StandbyError `kong` when there is none, or it may not be looked at
 */
async function awaitRest(path: string, clock: SeedLinePlace['clock'], settleMs: number): Promise<string> {
  let before: string | undefined;
  for (let absent = 0; ; ) {
    const found = await stat(path).catch((error: unknown) => {
      absent += 1;
      if (readErrorCode(error) !== 'ENOENT' || absent >= absentLooks) {
        throw cannotRead(path, error);
      }
      return undefined;
    });
    absent = found === undefined ? absent : 0;
    const now = found && identify(found);
    // A disk's clock need not be ours.
    const isRecent = found === undefined || Math.abs(clock.now().getTime() - found.mtimeMs) < recentMs;
    if (now !== undefined && (!isRecent || now === before)) {
      return now;
    }
    before = now;
    await clock.sleep(found === undefined ? absentPauseMs : settleMs);
  }
}

function identify({ ino, size, mtimeMs }: Pick<Stats, 'ino' | 'size' | 'mtimeMs'>): string {
  return `${ino} ${size} ${mtimeMs}`;
}

/**
 * Opens what is there, and never creates it: an empty one of ours would stand in Kong's way. Does nothing to
 * a file that is not the one that was at rest.
 */
function appendLine(path: string, line: string, atRest: string): void {
  const file = openSync(path, constants.O_RDWR | constants.O_APPEND);
  try {
    const found = fstatSync(file);
    if (identify(found) !== atRest) {
      return;
    }
    const { size } = found;
    const last = Buffer.alloc(1);
    const isWhole = size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 0x0a);
    const added = Buffer.from(`${isWhole ? '' : '\n'}${line}\n`, 'latin1');
    const written = writeSync(file, added);
    if (written < added.length) {
      // A disk that is full takes what fits. Half a path must not stay.
      cutOff(file, size, added.toString('latin1', 0, written));
      throw Object.assign(new Error('no space left for the line'), { code: 'ENOSPC' });
    }
  } finally {
    closeSync(file);
  }
}

/** All at once, without a pause in which Kong could write. */
function takeOut(path: string, line: string): void {
  const file = openSync(path, constants.O_RDWR);
  try {
    const text = readFileSync(file, 'latin1');
    const { offsets, endOffset } = findLines(text, line);
    const isAtEnd = offsets.some((offset) => offset >= endOffset);
    const isCut = isAtEnd && cutOff(file, endOffset, text.slice(endOffset));
    for (const offset of offsets) {
      if ((offset < endOffset || !isCut) && hasText(file, offset, line)) {
        writeSync(file, '#', offset);
      }
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Cuts off a file's end if it is this text still.
 *
 * @returns false also where the disk does not let it: one that is full and keeps snapshots may still change a
 * byte
 */
function cutOff(file: number, offset: number, text: string): boolean {
  if (fstatSync(file).size !== offset + text.length || !hasText(file, offset, text)) {
    return false;
  }
  try {
    ftruncateSync(file, offset);
    return true;
  } catch {
    return false;
  }
}

function hasText(file: number, offset: number, text: string): boolean {
  const bytes = Buffer.alloc(text.length);
  return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, offset)) === text;
}

async function readEnvironment(path: string): Promise<string> {
  return readFile(path, 'latin1').catch((error: unknown) => {
    throw cannotRead(path, error);
  });
}

/** @returns undefined when there is none, as for a moment whenever Kong writes it */
async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'latin1').catch((error: unknown) => {
    if (readErrorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw cannotRead(path, error);
  });
}

/** A file that is gone at this moment is tried again: Kong is writing it anew. */
function attempt(work: () => void, tries: number, refine: (error: unknown) => StandbyError): void {
  try {
    work();
    if (tries >= mostTries) {
      throw Object.assign(new Error('the file changes all the time'), { code: 'EBUSY' });
    }
  } catch (error) {
    if (readErrorCode(error) !== 'ENOENT' || tries >= mostTries) {
      throw refine(error);
    }
  }
}

function cannotRead(path: string, error: unknown): StandbyError {
  return new StandbyError(
    'kong',
    `${path} cannot be read (${nameForeignError(error)}): check the prefix (KONG_PREFIX), and run this as Kong’s user`,
    { cause: error },
  );
}

function cannotWrite(path: string, error: unknown): StandbyError {
  const code = nameForeignError(error);
  const advice: Readonly<Record<string, string>> = {
    ENOSPC: 'free space on its disk',
    EDQUOT: 'raise the quota of Kong’s user',
    EROFS: 'its disk is read-only, so mount Kong’s prefix writable',
    EBUSY: 'Kong writes it all the time, so look at what starts or reloads it',
  };
  return new StandbyError(
    'kong',
    `${path} cannot be written (${code}): ${advice[code] ?? 'run this as Kong’s user, which may write it'}`,
    { cause: error },
  );
}

function cannotRemove(path: string, file: string, error: unknown): StandbyError {
  return new StandbyError(
    'kong',
    `the line "declarative_config = ${resolve(file)}" could not be removed from ${path} (${nameForeignError(error)}): remove it ` +
      'before Kong’s next reload, and before you delete the file',
    { cause: error },
  );
}
