import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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

// Of the C library's stdio: whole blocks go out at once, the rest when the file is closed.
const blockBytes = 4096;

/**
 * Writes `.kong_env` in the steps of Kong (kong/cmd/utils/prefix_handler.lua, write_env_file).
 *
 * @param {string} path
 * @param {string} text
 * @param {() => void} pause between one step and the next
 */
export function writeSettings(path, text, pause = () => undefined) {
  rmSync(path, { force: true });
  pause();
  closeSync(openSync(path, 'wx', 0o640));
  pause();
  const file = openSync(path, 'w');
  pause();
  const bytes = Buffer.from(text);
  const whole = bytes.length - (bytes.length % blockBytes);
  if (whole > 0) {
    writeSync(file, bytes, 0, whole);
    pause();
  }
  writeSync(file, bytes, whole);
  pause();
  closeSync(file);
}
