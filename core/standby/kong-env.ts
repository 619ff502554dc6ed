import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The settings that Kong runs with, the defaults among them: `kong prepare` and `kong start` write them
 * (kong/cmd/utils/prefix_handler.lua).
 */
export const kongEnvPath = (prefix: string) => join(prefix, '.kong_env');

/**
 * One of the settings that Kong runs with.
 *
 * @returns undefined where it is not set, and where they cannot be read, as before Kong's first start
 */
export async function readKongSetting(prefix: string, name: string): Promise<string | undefined> {
  const text = await readFile(kongEnvPath(prefix), 'latin1').catch(() => '');
  // The last line of a name counts, as for Kong.
  const line = text.split('\n').findLast((each) => new RegExp(`^\\s*${name}\\s*=`).test(each));
  const value = line?.slice(line.indexOf('=') + 1).trim();
  return value === '' ? undefined : value;
}
