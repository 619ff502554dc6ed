import { stat } from 'node:fs/promises';
import type { Manifest } from '../vault/manifest.ts';
import { findKongSetting } from './kong-env.ts';

export interface LicencePlaces {
  readonly prefix: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** @default where Kong looks */
  readonly file?: string | undefined;
}

const variables = ['KONG_LICENSE_DATA', 'KONG_LICENSE_PATH'];

/**
 * Whether a file of an Enterprise control plane goes to a node that has, for all that can be seen from here,
 * no licence: the places that a node looks at (developer.konghq.com/gateway/entities/license), besides its
 * control plane, which is away.
 *
 * @returns the warning; undefined when there is nothing to warn of
 */
export async function describeMissingLicence(
  { kongVersion, revision }: Manifest,
  { prefix, environment, file = '/etc/kong/license.json' }: LicencePlaces,
): Promise<string | undefined> {
  // The control plane's frames do not name its edition; only Enterprise's versions have four parts.
  if (kongVersion.split('.').length < 4) {
    return undefined;
  }
  const settings = await Promise.all(
    ['license_data', 'license_path'].map((name) => findKongSetting(prefix, name)),
  );
  const isSet = variables.some((name) => Boolean(environment[name])) || settings.some(Boolean);
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  return isSet || isThere
    ? undefined
    : `revision ${revision} is for Kong Enterprise ${kongVersion}, but no licence was found on this node (${variables.join(', ')}, ${file}). ` +
        'Without a licence Kong skips its Enterprise plugins, including those for authentication. The published file contains no ' +
        'licence: install one on each node';
}
