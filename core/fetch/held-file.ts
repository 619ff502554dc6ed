import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nameForeignError } from '../error-code.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { RandomSource } from '../random-source.ts';
import { StandbyError } from './errors.ts';
import type { OpenOutput } from './output-file.ts';

/** What was received, for this process alone: without a name, and gone when the process is. */
export interface HeldFile {
  /** @throws StandbyError `output` */
  write(piece: Uint8Array): Promise<void>;
  /**
   * All of it, from its beginning.
   *
   * @throws StandbyError `output`
   */
  read(): AsyncIterable<Uint8Array>;
  /** Leaves nothing of it. It never fails. */
  close(): Promise<void>;
}

/**
 * Holds a file on disk that nobody else can open: it may be larger than the memory.
 *
 * @param directory whose disk has room for it
 * @throws StandbyError `output`
 */
export async function holdFile(directory: string, random: Pick<RandomSource, 'uuid'>): Promise<HeldFile> {
  const { O_CREAT, O_EXCL, O_RDWR } = constants;
  const path = join(directory, `.lifeboat.${random.uuid()}`);
  const file = await requireHeld(directory, open(path, O_CREAT | O_EXCL | O_RDWR, 0o600));
  try {
    await requireHeld(directory, rm(path));
  } catch (error) {
    await ignoreErrors(file.close());
    throw error;
  }
  return {
    write: (piece) => requireHeld(directory, file.writeFile(piece)),
    async *read() {
      const pieces = file.createReadStream({ autoClose: false, start: 0, highWaterMark: 2 ** 20 });
      const next = pieces[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await requireHeld(directory, next.next());
        if (done === true) {
          return;
        }
        yield value as Buffer;
      }
    },
    close: () => ignoreErrors(file.close()),
  };
}

/**
 * An output that gets its first byte when all of it was received and verified, and not before: a pipe cannot
 * be put back.
 *
 * @param directory where it is held until then
 * @param deliver takes the pieces of the whole file
 */
export function holdUntilComplete(
  directory: string,
  random: Pick<RandomSource, 'uuid'>,
  deliver: (pieces: AsyncIterable<Uint8Array>) => Promise<void>,
): OpenOutput {
  return async () => {
    const held = await holdFile(directory, random);
    return {
      write: held.write,
      async complete() {
        await deliver(held.read());
        await held.close();
      },
      abandon: held.close,
    };
  };
}

async function requireHeld<Result>(directory: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new StandbyError(
      'output',
      `the file cannot be held in ${directory} until it is verified (${nameForeignError(error)}): check its owner and free space, or name another one (TMPDIR)`,
      { cause: error },
    );
  }
}
