import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { kongEnvPath, readKongSetting } from '../../../core/standby/kong-env.ts';
import { removeEverything, temporaryDirectory } from '../../simulators/kong/running-kong.ts';

afterEach(removeEverything);

describe('a setting of Kong', () => {
  it.each<readonly [string, string, string | undefined]>([
    [
      'as Kong writes it',
      'role = data_plane\nstatus_listen = 127.0.0.1:8100, [::1]:8101 ssl\n',
      '127.0.0.1:8100, [::1]:8101 ssl',
    ],
    ['whose last line counts', 'status_listen = off\nstatus_listen=0.0.0.0:1', '0.0.0.0:1'],
    ['with an = in its value', 'status_listen = a=b\n', 'a=b'],
    ['that is empty', 'status_listen =\n', undefined],
    ['that only a longer name has', 'old_status_listen = 1\nstatus_listen_x = 2\n', undefined],
    ['in a comment', '# status_listen = off\n', undefined],
  ])('%s', async (_what, text, expected) => {
    const prefix = await temporaryDirectory();
    await writeFile(kongEnvPath(prefix), text);

    expect(await readKongSetting(prefix, 'status_listen')).toBe(expected);
  });

  it('is not known before Kong was started', async () => {
    expect(await readKongSetting(await temporaryDirectory(), 'status_listen')).toBeUndefined();
  });
});
