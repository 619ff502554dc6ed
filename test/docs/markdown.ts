import { readdirSync, readFileSync, statSync } from 'node:fs';

const folders = readdirSync('.', { withFileTypes: true })
  .filter(
    (entry) => entry.isDirectory() && !/^(node_modules|dist|cdk\.out.*|\.(?!github$).*)$/.test(entry.name),
  )
  .map(({ name }) => name);

/** Paths of the repository's files whose names end in one of these. Recorded fixtures are left out. */
export function listFiles(extensions: readonly string[]): readonly string[] {
  const below = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  );
  const onTop = readdirSync('.').filter((name) => statSync(name).isFile());
  return [...onTop, ...below].filter(
    (path) =>
      extensions.some((extension) => path.endsWith(extension)) &&
      !/(^|\/)(node_modules|cdk\.out[^/]*)\/|^test\/fixtures\//.test(path),
  );
}

/** Rows of the table whose header begins with these cells, as cells. */
export function tableOf(path: string, header: readonly string[]): readonly (readonly string[])[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${header.join(' | ')} |`));
  if (start === -1) {
    throw new Error(`${path} has no table that begins with | ${header.join(' | ')} |`);
  }
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines.slice(start + 2, length === -1 ? undefined : start + length).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
