import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { isKongSettingOn, kongEnvPath, readKongSetting } from '../../../core/standby/kong-env.ts';
import { parseSettings, SettingsError } from '../../../lib/settings/settings.ts';
import { findScratchFolder } from '../scratch.ts';
import { changed, hostileText, type Outcome, target } from '../target.ts';

/** What no setting may be: a list of lists, or a name with a zero in it. */
const poisons = [[[[]]], { '\0': [[]] }, '\0', [{ '\0': '\0' }]];
const settings = {
  controlPlanes: {
    prod: {
      clusterEndpoint: 'kong-cp.example.com:8005',
      clusterMtls: 'pki',
      clusterServerName: 'kong-cp.example.com',
      dataPlaneVersions: ['3.9.1', '3.8.1'],
      customPlugins: ['my-plugin'],
      wasmFilters: ['my-filter'],
      maxFrameMiB: 64,
      memoryMiB: 1024,
      listen: true,
      guard: { minimumEntities: 10, maximumLossPercent: 50 },
      operatorRoleArns: ['arn:aws:iam::111122223333:role/operator'],
      fileReaderRoleArns: ['arn:aws:iam::111122223333:role/reader'],
      readerRoleTrust: ['444455556666'],
    },
  },
  scheduleMinutes: 5,
  logRetentionDays: 30,
  objectLockDays: 30,
  vaultMadeWith: { objectLock: true },
  alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:on-call',
  tags: { team: 'gateway' },
  reservedConcurrency: { webhook: 5 },
  dataEvents: true,
};

// They are good themselves, so that the one value decides.
parseSettings(settings);

/** Each way to another value in the settings. */
function* pathsIn(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) {
    yield path;
  }
  if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      yield* pathsIn(each, [...path, key]);
    }
  }
}

function replaceAt(value: unknown, [key, ...rest]: readonly string[], poison: unknown): unknown {
  if (key === undefined) {
    return poison;
  }
  const inner = replaceAt((value as Readonly<Record<string, unknown>>)[key], rest, poison);
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...(value as object), [key]: inner };
}

/** Settings in which one value, or one name, is none that there may be. */
export const settingsTarget = target(
  'settings',
  fc.record({ path: fc.constantFrom(...pathsIn(settings)), poison: fc.constantFrom(...poisons) }),
  ({ path, poison }): Outcome => {
    try {
      parseSettings(replaceAt(settings, path, poison));
    } catch (error) {
      if (error instanceof SettingsError) {
        return 'refused';
      }
      throw error;
    }
    return 'accepted';
  },
);

const environment =
  'prefix = /usr/local/kong\nstatus_listen = 127.0.0.1:8007\nrole = data_plane\nrole = traditional\n';

/** The last line of a name, as Kong reads it: written down apart from the code. */
function lastValue(text: string, name: string): string | undefined {
  let found: string | undefined;
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at >= 0 && line.slice(0, at).trim() === name) {
      found = line.slice(at + 1).trim();
    }
  }
  return found === '' ? undefined : found;
}

/** What stands in `.kong_env`, which whoever runs Kong may have written to. */
export const kongEnvTarget = target(
  'kongEnv',
  fc.oneof(
    changed(Buffer.from(environment)),
    hostileText.map((text) => Buffer.from(`role=${text}\n`, 'latin1')),
  ),
  async (content): Promise<Outcome> => {
    const prefix = findScratchFolder();
    writeFileSync(kongEnvPath(prefix), content);
    const role = await readKongSetting(prefix, 'role');
    await isKongSettingOn(prefix, 'role');
    const isRight = role === lastValue(content.toString('latin1'), 'role');
    return isRight ? (role === undefined ? 'refused' : 'good') : 'accepted';
  },
);
