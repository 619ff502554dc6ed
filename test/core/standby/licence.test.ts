import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { describeMissingLicence } from '../../../core/standby/licence.ts';
import { manifestOf } from '../../cli/published-file.ts';
import { removeEverything, temporaryDirectory } from '../../simulators/kong/running-kong.ts';

let prefix: string;
let file: string;

beforeEach(async () => {
  prefix = await temporaryDirectory();
  file = join(prefix, 'license.json');
});

afterEach(removeEverything);

const nothing = async () => undefined;
const enterprise = manifestOf({ kongVersion: '3.9.1.2' });

describe('a licence', () => {
  it('is missed for a file of Kong Enterprise, by all places where it may be', async () => {
    const warning = await describeMissingLicence(enterprise, {
      prefix,
      environment: { KONG_LICENSE_DATA: '' },
      file,
    });

    expect(warning).toMatch(/Enterprise 3\.9\.1\.2.*KONG_LICENSE_DATA, KONG_LICENSE_PATH, .*license\.json/);
  });

  it('is not missed for a file of another Kong', async () => {
    expect(await describeMissingLicence(manifestOf(), { prefix, environment: {}, file })).toBeUndefined();
  });

  it.each<readonly [string, Readonly<Record<string, string>>, () => Promise<unknown>]>([
    ['in KONG_LICENSE_DATA', { KONG_LICENSE_DATA: '{}' }, nothing],
    ['in KONG_LICENSE_PATH', { KONG_LICENSE_PATH: '/run/licence' }, nothing],
    ['in Kong’s settings', {}, () => writeFile(join(prefix, '.kong_env'), 'license_path = /run/licence\n')],
    ['where Kong looks by default', {}, () => writeFile(file, '{}')],
  ])('is not missed when it is %s', async (_where, environment, put) => {
    await put();

    expect(await describeMissingLicence(enterprise, { prefix, environment, file })).toBeUndefined();
  });
});
