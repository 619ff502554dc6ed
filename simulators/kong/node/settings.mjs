import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Reads `.kong_env` as kong/conf_loader does: the last line of a name counts; `#` begins a comment, `\#` does
 * not.
 */
export function readSettings(prefix) {
  const lines = readFileSync(join(prefix, '.kong_env'), 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^\s*([a-z0-9_]+)\s*=\s*(.*?)\s*(?:(?<!\\)#.*)?$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value.replaceAll('\\#', '#')]];
    }),
  );
}
