import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { nameForeignError } from '../error-code.ts';
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
  const { output, timeoutMs, clock, random } = place;
  await removeAbandoned(output, clock.now().getTime() - timeoutMs);
  const temporary = `${temporaryPrefix(output)}${random.uuid()}`;
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const file = await requireWritten(output, open(temporary, O_CREAT | O_EXCL | O_WRONLY, 0o600));
  return {
    write: (piece) => requireWritten(output, file.writeFile(piece)),
    complete: () => requireWritten(output, completeFile(file, temporary, output)),
    async abandon() {
      await ignoreErrors(file.close());
      await ignoreErrors(rm(temporary, { force: true }));
    },
  };
}

async function completeFile(file: FileHandle, temporary: string, output: string): Promise<void> {
  await file.sync();
  await file.close();
  await rename(temporary, output);
}

const temporaryPrefix = (output: string) => join(dirname(output), `.${basename(output)}.`);

/**
 * What killed runs left would fill the disk. A file that is younger may be another run's, which is still at
 * work.
 */
async function removeAbandoned(output: string, writtenBeforeMs: number): Promise<void> {
  // A directory that cannot be read is named when the file is written.
  const names = await readdir(dirname(output)).catch(() => []);
  const paths = names.map((name) => join(dirname(output), name));
  for (const path of paths.filter((each) => each.startsWith(temporaryPrefix(output)))) {
    const file = await stat(path).catch(() => undefined);
    if (file !== undefined && file.mtimeMs < writtenBeforeMs) {
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
