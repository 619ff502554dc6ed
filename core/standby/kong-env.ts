import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readErrorCode } from '../error-code.ts';
import { StandbyError } from '../fetch/errors.ts';

/**
 * The settings that Kong runs with, the defaults among them: `kong prepare` and `kong start` write them
 * (kong/cmd/utils/prefix_handler.lua).
 */
export const kongEnvPath = (prefix: string) => join(prefix, '.kong_env');

/** Of nginx's master. */
export const pidFilePath = (prefix: string) => join(prefix, 'pids/nginx.pid');

/**
 * One of the settings that Kong runs with.
 *
 * @returns undefined where it is not set, and before Kong's first start
 * @throws StandbyError `kong` when the settings are there and cannot be read
 */
export async function readKongSetting(prefix: string, name: string): Promise<string | undefined> {
  const path = kongEnvPath(prefix);
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    const code = readErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return '';
    }
    throw new StandbyError('kong', `${path} is there and cannot be read (${code}): run this as Kong’s user`, {
      cause: error,
    });
  });
  return settingIn(text, name);
}

/**
 * The same for whoever can do without.
 *
 * @returns undefined also where the settings cannot be read
 */
export function findKongSetting(prefix: string, name: string): Promise<string | undefined> {
  return readKongSetting(prefix, name).catch((error: unknown) => {
    if (error instanceof StandbyError) {
      return undefined;
    }
    throw error;
  });
}

/**
 * Whether a setting is on. Kong takes `on` and `true` for it (kong/conf_loader/parse.lua), and writes a
 * boolean of its own as `true`, whatever it was given (docs/kong.md#a-data-plane-without-its-control-plane).
 */
export async function isKongSettingOn(prefix: string, name: string): Promise<boolean> {
  return ['on', 'true'].includes((await findKongSetting(prefix, name)) ?? '');
}

/**
 * @param text of `.kong_env`
 * @returns undefined where it is not set
 */
function settingIn(text: string, name: string): string | undefined {
  // The last line of a name counts, as for Kong.
  const line = text.split('\n').findLast((each) => new RegExp(`^\\s*${name}\\s*=`).test(each));
  const value = line?.slice(line.indexOf('=') + 1).trim();
  return value === '' ? undefined : value;
}
