import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FileAtRest {
  readonly path: string;
  readonly isDirectory: boolean;
  /** Permission bits. */
  readonly mode: number;
}

/** Everything in a directory, and the directory itself. */
export async function everythingIn(directory: string): Promise<readonly FileAtRest[]> {
  const entries = await readdir(directory, { recursive: true });
  return Promise.all(
    [directory, ...entries.map((entry) => join(directory, entry))].map(async (path) => {
      const found = await stat(path);
      return { path, isDirectory: found.isDirectory(), mode: found.mode & 0o777 };
    }),
  );
}

/** Paths of the files that hold one of these texts or bytes. */
export async function filesWith(
  directory: string,
  wanted: readonly (string | Buffer)[],
): Promise<readonly string[]> {
  const files = (await everythingIn(directory)).filter(({ isDirectory }) => !isDirectory);
  const contents = await Promise.all(
    files.map(async ({ path }) => ({ path, content: await readFile(path) })),
  );
  return contents
    .filter(({ content }) => wanted.some((text) => content.includes(text)))
    .map(({ path }) => path);
}
