import { constants } from 'node:fs';
import { access, type FileHandle, lstat, open, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { nameForeignError, readErrorCode } from '../error-code.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { RandomSource } from '../random-source.ts';
import { StandbyError } from './errors.ts';

/** A file that is being received. What stands at its place stays until the new one is complete. */
export interface OutputFile {
  /** @throws StandbyError `output` */
  write(piece: Uint8Array): Promise<void>;
  /**
   * Puts it in its place, at once and whole.
   *
   * @throws StandbyError `output`
   */
  complete(): Promise<void>;
  /** Leaves nothing of it. It never fails. */
  abandon(): Promise<void>;
}

/** Begins the file at its place. @throws StandbyError `output` */
export type OpenOutput = () => Promise<OutputFile>;

export interface OutputPlace {
  readonly output: string;
  /** A temporary file that is older belongs to a run that was killed. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Names the temporary file. */
  readonly random: RandomSource;
}

/** Opens a file on disk, with mode 0600, under a temporary name in the directory of `output`. */
export async function openOutputFile(place: OutputPlace): Promise<OutputFile> {
  const { output, random } = place;
  await requireOutputPlace(output);
  await removeAbandoned(place);
  const temporary = temporaryPath(output, random);
  const file = await requireWritten(output, openForOwner(temporary));
  return {
    write: (piece) => requireWritten(output, file.writeFile(piece)),
    complete: () => requireWritten(output, completeFile(file, temporary, output)),
    async abandon() {
      await ignoreErrors(file.close());
      await ignoreErrors(rm(temporary, { force: true }));
    },
  };
}

/** Opens a new file with mode 0600, whatever the umask says. */
async function openForOwner(path: string): Promise<FileHandle> {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const file = await open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600);
  await file.chmod(0o600);
  return file;
}

async function completeFile(file: FileHandle, temporary: string, output: string): Promise<void> {
  await file.sync();
  await file.close();
  await rename(temporary, output);
}

/**
 * Makes sure that a file can stand there, in place of nothing, of a file, or of a link to one, which is
 * replaced and not followed: somebody else may have put it there. A device would be replaced as well, and
 * `/dev/stdout` by a file of secrets.
 *
 * @throws StandbyError `output`
 */
export async function requireOutputPlace(output: string): Promise<void> {
  const found = await requireWritten(
    output,
    stat(output).catch((error: unknown) => {
      if (readErrorCode(error) !== 'ENOENT') {
        throw error;
      }
      return undefined;
    }),
  );
  if (found?.isDirectory() === true) {
    throw new StandbyError('output', `${output} is a directory: name a file in it`);
  }
  if ((found !== undefined && !found.isFile()) || (await leadsToDevice(output))) {
    throw new StandbyError(
      'output',
      `${output} is a device, a pipe or a socket: name a file (for lifeboat fetch, - is standard output)`,
    );
  }
  await requireWritten(output, access(dirname(output), constants.W_OK | constants.X_OK));
}

/** The system's own names. `/dev/shm` and what is mounted below `/dev` has files as other folders. */
const systemName = /^\/(dev\/[^/]+|dev\/fd\/.+|proc\/.+|sys\/.+)$/;
/** Linux follows no more links than this (path_resolution(7)). */
const mostLinks = 40;

/**
 * Whether a path is one of the system's own names, or a link to one: `/dev/stdout` looks like a file where it
 * was redirected to one, and the name is everybody's.
 */
async function leadsToDevice(output: string): Promise<boolean> {
  let path = output;
  for (let links = 0; links < mostLinks; links += 1) {
    if (systemName.test(path)) {
      return true;
    }
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) {
      return false;
    }
    path = resolve(dirname(path), target);
  }
  return false;
}

/** Beside the file, so that it can be put in its place at once. */
function temporaryPath(output: string, random: RandomSource): string {
  return join(dirname(output), `.${basename(output)}.${random.uuid()}`);
}

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/**
 * What killed runs left would fill the disk. A file that is younger may be another run's, which is still at
 * work; one of another name (`.config.json.bak`) is a neighbour's.
 */
async function removeAbandoned({ output, timeoutMs, clock }: OutputPlace): Promise<void> {
  const writtenBeforeMs = clock.now().getTime() - timeoutMs;
  const base = basename(output).replace(/[^\w-]/g, '\\$&');
  // Earlier releases received a file for an import under a temporary name of its own.
  const temporary = new RegExp(`^(\\.${base}\\.${uuid}|\\.\\.${base}\\.${uuid}\\.${uuid})$`);
  // A directory that cannot be read is named when the file is written.
  const names = await readdir(dirname(output)).catch(() => []);
  for (const name of names.filter((each) => temporary.test(each))) {
    const path = join(dirname(output), name);
    const file = await lstat(path).catch(() => undefined);
    if (file?.isFile() && file.mtimeMs < writtenBeforeMs) {
      // It may belong to another user.
      await ignoreErrors(rm(path, { force: true }));
    }
  }
}

async function requireWritten<Result>(output: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    const code = nameForeignError(error);
    throw new StandbyError(
      'output',
      `${output} cannot be written (${code}): check directory, owner and free space`,
      { cause: error },
    );
  }
}
