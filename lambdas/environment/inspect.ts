import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { atLeastOne, nonEmptyText, versionList, wholeNumber } from './fields.ts';
import { grantEntries } from './grants.ts';
import { vaultEntries } from './vault.ts';

export const inspectEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  /** Comma-separated full versions of the data planes that there are files for. */
  DATA_PLANE_VERSIONS: versionList,
  /** How often a drill is played, in hours; 0 for never. */
  DRILL_HOURS: wholeNumber,
  /** Base URL of the HTTP API, which a drill asks as a data plane does. */
  API_URL: nonEmptyText,
  /** Kong's `lmdb_map_size`. */
  LMDB_MAP_MIB: atLeastOne,
  ...vaultEntries,
  ...grantEntries,
});

/** The variables that the construct must set. */
export type InspectVariables = v.InferInput<typeof inspectEnvironment>;
